//! Frames to reports, as far as the tests in Python do not show it better.

use super::SpotParser;
use crate::error::ErrorCode;
use crate::frame::MAX_FRAME_BYTES;
use crate::model::{ControlType, ExecutionReport, Report};
use crate::venue::{Config, VenueParser};

/// Receipt of the frames below.
const NOW_NS: i64 = 1_773_000_060_000_000_000;

const TRADE: &str = r#"{"subscriptionId":0,"event":{"e":"executionReport","E":1773000007411,"s":"SOLUSDT","c":"acme-0001","S":"BUY","o":"LIMIT","f":"GTC","q":"10.00000000","p":"150.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":7000000101,"l":"4.00000000","z":"4.00000000","L":"150.00000000","n":"0.00400000","N":"SOL","T":1773000007410,"t":41000001,"I":14000001010,"w":true,"m":true,"M":true,"O":1773000000122,"Z":"600.00000000","Y":"600.00000000","Q":"0.00000000","W":1773000000122,"V":"EXPIRE_MAKER"}}"#;

const EVENT: &str = concat!(
    r#"{"v":1,"event_id":"binance:live:alice:SOLUSDT:7000000101:41000001","kind":"partially_filled","#,
    r#""exchange":"binance","environment":"live","user":"alice","pair":"SOL-USDT","symbol":"SOLUSDT","#,
    r#""order_id":"7000000101","client_order_id":"acme-0001","new_client_order_id":null,"order_list_id":null,"#,
    r#""side":"buy","type":"limit","time_in_force":"gtc","price":"150","stop_price":null,"quantity":"10","#,
    r#""quote_quantity":null,"cumulative_quantity":"4","cumulative_quote":"600","average_price":"150","#,
    r#""prevented_quantity":null,"is_working":true,"venue_status":"PARTIALLY_FILLED","last_fill":"#,
    r#"{"trade_id":"41000001","price":"150","quantity":"4","quote":"600","fee":"0.004","fee_currency":"SOL","#,
    r#""liquidity":"maker"},"reject_reason":null,"execution_id":"14000001010","#,
    r#""exchange_time_ns":1773000007411000000,"transaction_time_ns":1773000007410000000,"#,
    r#""received_time_ns":1773000060000000000,"source":"stream"}"#,
);

fn parser() -> SpotParser {
    SpotParser::new(Config {
        user: "alice".to_owned(),
        environment: "live".to_owned(),
        exchange: "binance".to_owned(),
        symbols: Some([("SOLUSDT".to_owned(), "SOL-USDT".to_owned())].into()),
        microseconds: false,
    })
}

fn execution(frame: &str) -> ExecutionReport {
    match parser().parse(frame.as_bytes(), NOW_NS).unwrap().remove(0) {
        Report::Execution(report) => report,
        Report::Control(control) => panic!("expected an order event, was {control:?}"),
    }
}

fn code(frame: &str) -> ErrorCode {
    parser().parse(frame.as_bytes(), NOW_NS).unwrap_err().code
}

#[test]
fn a_fill_is_written_canonically() {
    assert_eq!(String::from_utf8(execution(TRADE).json).unwrap(), EVENT);
}

#[test]
fn both_ways_of_reading_write_the_same() {
    let bare =
        TRADE.trim_start_matches(r#"{"subscriptionId":0,"event":"#).trim_end_matches('}').to_owned() + "}";
    for frame in [
        format!(" {TRADE}"),
        TRADE.replace(',', " ,\n"),
        TRADE.replace(r#""x":"TRADE""#, r#""\u0078":"\u0054RADE""#),
        TRADE.replace(r#""4.00000000""#, r#""4.000\u003000000""#),
        TRADE.replace(r#","V":"EXPIRE_MAKER""#, r#","V":"NONE","zz":[{"a":1}]"#),
        bare,
    ] {
        assert_eq!(String::from_utf8(execution(&frame).json).unwrap(), EVENT, "{frame}");
    }
}

#[test]
fn the_fields_asked_for_singly_are_those_of_the_event() {
    let report = execution(&TRADE.replace("acme-0001", r"ac\u006de \u00e9\n"));
    let json = report.json.as_slice();
    assert_eq!(report.event_id.plain(json), "binance:live:alice:SOLUSDT:7000000101:41000001");
    assert_eq!(report.pair.text(json), "SOL-USDT");
    assert_eq!(report.symbol.text(json), "SOLUSDT");
    assert_eq!(report.order_id.plain(json), "7000000101");
    assert_eq!(report.client_order_id.unwrap().text(json), "acme é\n");
    assert_eq!(report.quantity.unwrap().plain(json), "10");
    assert_eq!(report.cumulative_quantity.plain(json), "4");
    let (trade_id, quantity) = report.last_fill.unwrap();
    assert_eq!((trade_id.plain(json), quantity.plain(json)), ("41000001", "4"));
}

#[test]
fn nothing_of_a_frame_is_left_for_the_next() {
    let mut parser = parser();
    parser.parse(format!(" {TRADE}").as_bytes(), NOW_NS).unwrap();
    let error = parser.parse(br#"{"event":{"e":"executionReport"}}"#, NOW_NS).unwrap_err();
    assert_eq!((error.code, error.symbol, error.order_id), (ErrorCode::MissingField, None, None));
    let error = parser.parse(b"{", NOW_NS).unwrap_err();
    assert_eq!((error.code, error.symbol), (ErrorCode::InvalidJson, None));
    parser.parse(TRADE.as_bytes(), NOW_NS).unwrap();
}

#[test]
fn a_recycled_buffer_is_written_anew() {
    let mut parser = parser();
    for spare in [Vec::new(), b"left".repeat(1_000), vec![0; 1 << 20]] {
        parser.recycle(spare);
        match parser.parse_one(TRADE.as_bytes(), NOW_NS).unwrap() {
            Report::Execution(report) => assert_eq!(String::from_utf8(report.json).unwrap(), EVENT),
            Report::Control(control) => panic!("expected an order event, was {control:?}"),
        }
    }
}

#[test]
fn an_event_of_any_length_is_written_whole() {
    let with_id = |text: &str, length| text.replacen("acme-0001", &"x".repeat(length), 1);
    for length in (250..600).chain([1_500, 3_000, 70_000]) {
        let json = String::from_utf8(execution(&with_id(TRADE, length)).json).unwrap();
        assert_eq!(json, with_id(EVENT, length), "a client order id of {length} characters");
    }
}

#[test]
fn every_cut_of_a_frame_is_an_error() {
    for end in 0..TRADE.len() {
        assert!(parser().parse(&TRADE.as_bytes()[..end], NOW_NS).is_err(), "cut at {end}");
    }
}

#[test]
fn every_byte_of_a_frame_may_be_anything() {
    let mut parser = parser();
    for index in 0..TRADE.len() {
        for byte in 0..=255 {
            let mut frame = TRADE.as_bytes().to_vec();
            frame[index] = byte;
            // A digit or a letter of an id may change; whatever comes out is JSON or an error.
            if let Ok(reports) = parser.parse(&frame, NOW_NS) {
                assert_eq!(reports.len(), 1);
            }
        }
    }
}

#[test]
fn with_both_wrappers_the_event_is_read() {
    let inner =
        TRADE.trim_start_matches(r#"{"subscriptionId":0,"event":"#).trim_end_matches('}').to_owned() + "}";
    let notice = r#"{"e":"serverShutdown","E":1773000000000}"#;
    let frame = format!(r#"{{"stream":"k","data":{notice},"event":{inner}}}"#);
    assert_eq!(String::from_utf8(execution(&frame).json).unwrap(), EVENT);
}

#[test]
fn controls_keep_their_kind() {
    let mut parser = parser();
    let mut kind = |frame: &str| match parser.parse(frame.as_bytes(), NOW_NS).unwrap().remove(0) {
        Report::Control(control) => control.kind,
        Report::Execution(report) => panic!("expected a control, was {report:?}"),
    };
    assert_eq!(kind(r#"{"id":null,"status":200,"result":null}"#), ControlType::Response);
    assert_eq!(kind(r#"{"event":{"e":"serverShutdown","E":1773000000000}}"#), ControlType::ServerShutdown);
    assert_eq!(kind(r#"{"e":"listenKeyExpired","E":1773000000000}"#), ControlType::ListenKeyExpired);
}

#[test]
fn frames_are_bounded() {
    let fits = format!("{TRADE}{}", " ".repeat(MAX_FRAME_BYTES - TRADE.len()));
    assert!(parser().parse(fits.as_bytes(), NOW_NS).is_ok());
    assert_eq!(code(&(fits + " ")), ErrorCode::FrameTooLarge);
}

#[test]
fn messages_are_bounded() {
    let long = "x".repeat(100_000);
    for frame in [
        TRADE.replace("BUY", &long),
        TRADE.replace("SOLUSDT", &long),
        TRADE.replace(r#""acme-0001""#, &format!("[{long}]")),
        format!(r#"{{"{long}":1,"{long}":2}}"#),
    ] {
        let error = parser().parse(frame.as_bytes(), NOW_NS).unwrap_err();
        let repeated = [error.symbol, error.order_id, error.field.map(std::borrow::Cow::into_owned)];
        let longest = repeated.into_iter().flatten().map(|text| text.len()).max().unwrap_or_default();
        assert!(error.message.len() < 300 && longest < 300, "{}", error.message);
    }
}

#[test]
fn the_clock_at_its_ends_does_no_harm() {
    let distant = TRADE.replace("1773000007411", "9300000000000");
    assert_eq!(parser().parse(distant.as_bytes(), i64::MAX).unwrap_err().code, ErrorCode::TimeOutOfRange);
    for now in [i64::MIN, 0, i64::MAX] {
        parser().parse(TRADE.as_bytes(), now).unwrap_or_default();
    }
    assert_eq!(code(&TRADE.replace("1773000007411", "9223372036854775807")), ErrorCode::TimeOutOfRange);
    assert_eq!(code(&TRADE.replace("1773000007411", "-9223372036854775808")), ErrorCode::TimeOutOfRange);
}
