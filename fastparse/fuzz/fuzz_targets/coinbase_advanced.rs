//! Any sequence of frames and records is events and doubts or errors, never a panic and never an execution.
//!
//! A line of the input is a frame; one that begins with `+` or `-` is what the records show of the order `o1`: what was
//! executed, and whether the order is open.

#![no_main]

use fastparse::coinbase_advanced::AdvancedParser;
use fastparse::model::Report;
use fastparse::venue::{Config, OrderFacts, VenueParser};
use libfuzzer_sys::fuzz_target;

const NOW_NS: i64 = 1_795_000_000_000_000_000;

fuzz_target!(|input: &[u8]| {
    let mut parser = AdvancedParser::new(Config {
        user: "al\"ice".to_owned(),
        environment: "live".to_owned(),
        exchange: "coinbase-advanced".to_owned(),
        symbols: None,
        microseconds: false,
    });
    for line in input.split(|&byte| byte == b'\n') {
        if let [sign @ (b'+' | b'-'), rest @ ..] = line {
            let facts = OrderFacts {
                symbol: "SOL-USD".to_owned(),
                order_id: "o1".to_owned(),
                side: "buy".to_owned(),
                order_type: "limit".to_owned(),
                cumulative_quantity: String::from_utf8_lossy(rest).into_owned(),
                is_open: *sign == b'+',
                ..OrderFacts::default()
            };
            let _ = parser.note_order(&facts);
            continue;
        }
        match parser.parse(line, NOW_NS) {
            Ok(reports) => reports.into_iter().for_each(|report| {
                let json = match report {
                    Report::Execution(report) => {
                        let event_id = report.event_id.plain(&report.json);
                        assert!(event_id.bytes().all(|byte| byte.is_ascii_graphic()));
                        assert!(report.last_fill.is_none(), "the stream has no executions");
                        report.json
                    }
                    Report::Control(control) => control.json,
                };
                let document: serde_json::Value =
                    serde_json::from_slice(&json).expect("what is written is JSON");
                assert!(document.is_object());
                assert!(!json.contains(&b'\n'));
            }),
            Err(error) => {
                assert!(error.offset <= line.len());
                assert!(error.message.len() < 1_000);
                assert!(error.symbol.is_none_or(|symbol| symbol.len() <= 64));
            }
        }
    }
});
