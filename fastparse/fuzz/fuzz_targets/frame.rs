//! Any bytes are a report or an error, never a panic; what is written is JSON, what is told is bounded and in place.

#![no_main]

use fastparse::binance::SpotParser;
use fastparse::model::Report;
use fastparse::venue::{Config, VenueParser};
use libfuzzer_sys::fuzz_target;

const NOW_NS: i64 = 1_795_000_000_000_000_000;

fuzz_target!(|frame: &[u8]| {
    for microseconds in [false, true] {
        let mut parser = SpotParser::new(Config {
            user: "al\"ice".to_owned(),
            environment: "live".to_owned(),
            exchange: "binance".to_owned(),
            symbols: None,
            microseconds,
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
    }
});
