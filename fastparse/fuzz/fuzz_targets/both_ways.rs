//! A frame reads the same whether or not the parser may predict the order of its keys.

#![no_main]

use fastparse::binance::SpotParser;
use fastparse::model::Report;
use fastparse::venue::{Config, VenueParser};
use libfuzzer_sys::fuzz_target;

const NOW_NS: i64 = 1_795_000_000_000_000_000;

fuzz_target!(|frame: &[u8]| {
    let mut parser = SpotParser::new(Config {
        user: "alice".to_owned(),
        environment: "live".to_owned(),
        exchange: "binance".to_owned(),
        symbols: None,
        microseconds: false,
    });
    let mut read = |frame: &[u8]| match parser.parse_one(frame, NOW_NS) {
        Ok(Report::Execution(report)) => {
            let json = report.json.clone();
            parser.recycle(report.json);
            Ok(json)
        }
        Ok(Report::Control(control)) => Ok(control.json),
        Err(error) => Err(error.code),
    };
    // Nothing is predicted of a frame that begins with white space.
    assert_eq!(read(frame), read(&[b" ", frame].concat()));
});
