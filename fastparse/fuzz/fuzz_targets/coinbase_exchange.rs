//! Any sequence of frames and records is reports or errors, never a panic; each event is told once.
//!
//! A line of the input is a frame; one that begins with `+` or `-` is what the records show of the order `o1`: a sum and
//! the last trade in it, and whether the order is open.

#![no_main]

use std::collections::HashSet;

use fastparse::coinbase_exchange::ExchangeParser;
use fastparse::model::Report;
use fastparse::venue::{Config, OrderFacts, VenueParser};
use libfuzzer_sys::fuzz_target;

const NOW_NS: i64 = 1_795_000_000_000_000_000;

fuzz_target!(|input: &[u8]| {
    let mut parser = ExchangeParser::new(Config {
        user: "al\"ice".to_owned(),
        environment: "live".to_owned(),
        exchange: "coinbase".to_owned(),
        symbols: None,
        microseconds: false,
    });
    let mut told = HashSet::new();
    for line in input.split(|&byte| byte == b'\n') {
        if let [sign @ (b'+' | b'-'), rest @ ..] = line {
            let rest = String::from_utf8_lossy(rest);
            let (sum, last) = rest.split_once(' ').unwrap_or((&rest, ""));
            let facts = OrderFacts {
                symbol: "BTC-USD".to_owned(),
                order_id: "o1".to_owned(),
                side: "buy".to_owned(),
                order_type: "limit".to_owned(),
                quantity: Some("3".to_owned()),
                cumulative_quantity: sum.to_owned(),
                cumulative_quote: Some(sum.to_owned()),
                last_trade_id: (!last.is_empty()).then(|| last.to_owned()),
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
                        let event_id = report.event_id.plain(&report.json).to_owned();
                        assert!(event_id.bytes().all(|byte| byte.is_ascii_graphic()));
                        assert!(report.last_fill.is_none() || told.insert(event_id), "a trade told twice");
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
            }
        }
    }
});
