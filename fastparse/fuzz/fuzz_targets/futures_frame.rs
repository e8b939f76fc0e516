//! Any bytes are a report of Binance USD-M Futures or an error, never a panic; what is written is JSON, what is told is
//! bounded and in place.

#![no_main]

use fastparse::binance_futures::FuturesParser;
use fastparse::model::Report;
use fastparse::venue::{Config, VenueParser};
use libfuzzer_sys::fuzz_target;

const NOW_NS: i64 = 1_795_000_000_000_000_000;

fuzz_target!(|frame: &[u8]| {
    let mut parser = FuturesParser::new(Config {
        user: "al\"ice".to_owned(),
        environment: "live".to_owned(),
        exchange: "binance-futures".to_owned(),
        symbols: None,
        microseconds: false,
    });
    match parser.parse(frame, NOW_NS) {
        Ok(reports) => {
            assert_eq!(reports.len(), 1);
            for report in reports {
                let json = match report {
                    Report::Execution(report) => {
                        let event_id = report.event_id.plain(&report.json);
                        assert!(event_id.bytes().all(|byte| byte.is_ascii_graphic()));
                        report.json
                    }
                    Report::Control(control) => control.json,
                };
                let document: serde_json::Value =
                    serde_json::from_slice(&json).expect("what is written is JSON");
                assert!(document.is_object());
                assert!(!json.contains(&b'\n'));
            }
        }
        Err(error) => {
            assert!(error.offset <= frame.len());
            assert!(error.message.len() < 1_000);
            assert!(error.symbol.is_none_or(|symbol| symbol.len() <= 64));
        }
    }
});
