//! Any bytes are reports or an error, never a panic; what is written is JSON, what is told is bounded and in place.

#![no_main]

use fastparse::alpaca::AlpacaParser;
use fastparse::model::Report;
use fastparse::venue::{Config, VenueParser};
use libfuzzer_sys::fuzz_target;

const NOW_NS: i64 = 1_795_000_000_000_000_000;

fuzz_target!(|frame: &[u8]| {
    let mut parser = AlpacaParser::new(Config {
        user: "al\"ice".to_owned(),
        environment: "paper".to_owned(),
        exchange: "alpaca".to_owned(),
        symbols: None,
        microseconds: false,
    });
    // The second reading starts from what the first left behind: it must leave nothing that matters.
    let first = read(&mut parser, frame);
    assert_eq!(first, read(&mut parser, frame));
});

fn read(parser: &mut AlpacaParser, frame: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut out = Vec::new();
    match parser.parse_into(frame, NOW_NS, &mut out) {
        Ok(()) => {
            assert!(!out.is_empty());
            Ok(out.into_iter().map(|report| checked(parser, report)).collect())
        }
        Err(error) => {
            assert!(error.offset <= frame.len());
            assert!(error.message.len() < 1_000);
            assert!(error.symbol.is_none_or(|symbol| symbol.len() <= 65));
            assert!(error.order_id.is_none_or(|id| id.len() <= 64));
            Err(error.code.as_str())
        }
    }
}

fn checked(parser: &mut AlpacaParser, report: Report) -> Vec<u8> {
    let json = match report {
        Report::Execution(report) => {
            let event_id = report.event_id.plain(&report.json);
            assert!(event_id.bytes().all(|byte| byte.is_ascii_graphic()));
            let json = report.json.clone();
            parser.recycle(report.json);
            json
        }
        Report::Control(control) => control.json,
    };
    let document: serde_json::Value = serde_json::from_slice(&json).expect("what is written is JSON");
    assert!(document.is_object());
    assert!(!json.contains(&b'\n'));
    json
}
