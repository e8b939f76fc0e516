//! Frames to reports, as far as the tests in Python do not show it better.

use super::AlpacaParser;
use crate::error::{ErrorClass, ErrorCode};
use crate::frame::MAX_FRAME_BYTES;
use crate::model::{ControlType, ExecutionReport, Kind, Report};
use crate::venue::{Config, VenueParser};

/// Receipt of the frames below.
const NOW_NS: i64 = 1_790_000_000_000_000_000;

/// Recorded of the live stream (ccxt, `ts/src/test/static/ws/alpaca.json`), with a partial execution in place of the last.
const FILL: &str = r#"{"stream":"trade_updates","data":{"at":"2026-09-18T13:24:50.034555Z","event_id":"01M2TB1W7J21FPR8S4CTGVBY7J","event":"partial_fill","timestamp":"2026-09-18T13:24:50.019957863Z","order":{"id":"b28e2b24-b1b2-40cc-8979-63f45e8edc02","client_order_id":"ccxt_1","created_at":"2026-09-18T13:24:50.018261663Z","updated_at":"2026-09-18T13:24:50.034148789Z","filled_at":"2026-09-18T13:24:50.019957863Z","replaced_by":null,"asset_id":"03e005f7-4bfc-4616-b1b0-225dd64074fa","symbol":"DOGE/USD","asset_class":"crypto","notional":null,"qty":"130","filled_qty":"129.70","filled_avg_price":"0.0851119","order_class":"","order_type":"limit","type":"limit","side":"sell","position_intent":"sell_to_close","time_in_force":"gtc","limit_price":"0.085","stop_price":null,"status":"partially_filled","extended_hours":false,"legs":null},"price":"0.0851119","qty":"29.7","position_qty":"0","execution_id":"a0b4b946-3ed9-4fd6-bb10-d1c5f28415aa","swap_rate":"1","settle_date":"2026-09-18"}}"#;

const EVENT: &str = concat!(
    r#"{"v":1,"event_id":"alpaca:paper:alice:DOGE=2FUSD:b28e2b24-b1b2-40cc-8979-63f45e8edc02:129=2E7","kind":"partially_filled","#,
    r#""exchange":"alpaca","environment":"paper","user":"alice","pair":"DOGE-USD","symbol":"DOGE/USD","#,
    r#""order_id":"b28e2b24-b1b2-40cc-8979-63f45e8edc02","client_order_id":"ccxt_1","new_client_order_id":null,"#,
    r#""order_list_id":null,"side":"sell","type":"limit","time_in_force":"gtc","price":"0.085","stop_price":null,"#,
    r#""quantity":"130","quote_quantity":null,"cumulative_quantity":"129.7","cumulative_quote":"11.03901343","#,
    r#""average_price":"0.0851119","prevented_quantity":null,"is_working":null,"venue_status":"partially_filled","#,
    r#""last_fill":{"trade_id":"a0b4b946-3ed9-4fd6-bb10-d1c5f28415aa","price":"0.0851119","quantity":"29.7","quote":null,"#,
    r#""fee":null,"fee_currency":null,"liquidity":null},"reject_reason":null,"execution_id":null,"#,
    r#""exchange_time_ns":1789737890034555000,"transaction_time_ns":1789737890019957863,"#,
    r#""received_time_ns":1790000000000000000,"source":"stream"}"#,
);

const PACKAGE: &str = r#"{"stream":"trade_updates","data":{"at":"2025-01-21T07:32:40.70095Z","event":"fill","timestamp":"2025-01-21T07:32:40.695569506Z","order":{"id":"31cd","client_order_id":"fe99","symbol":"","asset_class":"","qty":"1","filled_qty":"1","filled_avg_price":"1.62","order_class":"mleg","order_type":"limit","type":"limit","side":"buy","time_in_force":"day","limit_price":"-2","status":"filled","legs":[{"id":"3cbe","client_order_id":"e868","symbol":"AAPL250321P00200000","asset_class":"us_option","qty":"1","filled_qty":"1","filled_avg_price":"1.6","order_class":"mleg","type":"","side":"buy","status":"filled"},{"id":"ec69","client_order_id":"0a1b","symbol":"AAPL250321C00380000","asset_class":"us_option","qty":"2","filled_qty":"1","filled_avg_price":"0.02","order_class":"mleg","type":"","side":"sell","status":"partially_filled"}]},"price":"1.62","qty":"1","legs":[{"execution_id":"69a7","qty":"1","price":"1.6","order_id":"3cbe","symbol":"AAPL250321P00200000","timestamp":"2025-01-21T07:32:40.695564076Z"},{"execution_id":"fb87","qty":"1","price":"0.02","order_id":"ec69","symbol":"AAPL250321C00380000"}]}}"#;

fn parser() -> AlpacaParser {
    AlpacaParser::new(Config {
        user: "alice".to_owned(),
        environment: "paper".to_owned(),
        exchange: "alpaca".to_owned(),
        symbols: Some([("AAPL".to_owned(), "AAPL-USD".to_owned())].into()),
        microseconds: false,
    })
}

fn all(frame: &str) -> Vec<Report> {
    parser().parse(frame.as_bytes(), NOW_NS).unwrap()
}

fn events(frame: &str) -> Vec<ExecutionReport> {
    let only_events = |report| match report {
        Report::Execution(report) => Some(report),
        Report::Control(_) => None,
    };
    all(frame).into_iter().filter_map(only_events).collect()
}

fn event(frame: &str) -> ExecutionReport {
    events(frame).remove(0)
}

fn controls(frame: &str) -> Vec<String> {
    let only_controls = |report| match report {
        Report::Control(control) => Some(String::from_utf8(control.json).unwrap()),
        Report::Execution(_) => None,
    };
    all(frame).into_iter().filter_map(only_controls).collect()
}

fn code(frame: &str) -> ErrorCode {
    parser().parse(frame.as_bytes(), NOW_NS).unwrap_err().code
}

/// The fill as another event, with the status that it leads to.
fn as_event(event: &str, status: &str) -> String {
    FILL.replace(r#""event":"partial_fill""#, &format!(r#""event":"{event}""#))
        .replace(r#""status":"partially_filled""#, &format!(r#""status":"{status}""#))
}

#[test]
fn a_fill_is_written_canonically() {
    assert_eq!(String::from_utf8(event(FILL).json).unwrap(), EVENT);
}

#[test]
fn keys_may_stand_in_any_order_and_be_escaped() {
    for frame in [
        FILL.replace(',', " ,\n"),
        FILL.replace(r#""qty":"29.7","#, "")
            .replacen('{', r#"{"zz":[{"order":1}],"#, 1)
            .replace(r#""event":"partial_fill""#, r#""\u0071ty":"29.\u0037","event":"partial_fil\u006c""#),
        FILL.replace(r#""symbol":"DOGE/USD""#, r#""symbol":"DOGEUSD""#),
        FILL.trim_start_matches(r#"{"stream":"trade_updates","data":"#).trim_end_matches('}').to_owned()
            + "}",
    ] {
        assert_eq!(String::from_utf8(event(&frame).json).unwrap(), EVENT, "{frame}");
    }
}

#[test]
fn a_frame_in_message_pack_says_the_same() {
    let packed = |with_extension: bool| {
        let time: &[u8] = if with_extension {
            // 2026-09-18T13:24:50.034555Z
            b"\xd7\xff\x08\x3d\x11\xe0\x6a\xad\x3b\xa2"
        } else {
            b"\xbb2026-09-18T13:24:50.034555Z"
        };
        [
            b"\x82\xa6stream\xadtrade_updates\xa4data\x86\xa5event\xa3new\xa2at".as_slice(),
            time,
            b"\xa9timestamp\xbb2026-09-18T13:24:50.034555Z\xaaevent_type\xc0\xa3qty\xc0\xa5order\x87\xa2id\xa1o\xa6symbol\xa4AAPL",
            b"\xa4side\xa3buy\xa4type\xa6market\xa6status\xa3new\xaafilled_qty\xa10\xa3qty\xa11",
        ]
        .concat()
    };
    let json = br#"{"stream":"trade_updates","data":{"event":"new","at":"2026-09-18T13:24:50.034555Z","timestamp":"2026-09-18T13:24:50.034555Z","order":{"id":"o","symbol":"AAPL","side":"buy","type":"market","status":"new","filled_qty":"0","qty":"1"}}}"#;
    let read = |frame: &[u8]| match parser().parse(frame, NOW_NS).unwrap().remove(0) {
        Report::Execution(report) => String::from_utf8(report.json).unwrap(),
        Report::Control(control) => panic!("expected an order event, was {control:?}"),
    };
    assert_eq!(read(&packed(false)), read(json));
    assert_eq!(read(&packed(true)), read(json));
    for end in 1..packed(true).len() {
        let error = parser().parse(&packed(true)[..end], NOW_NS).unwrap_err();
        assert_eq!(error.code.class(), ErrorClass::Malformed, "cut at {end}");
    }
    let error = parser().parse(b"\x82\xa6stream\xa9listening\xa4data\x80", NOW_NS).unwrap_err();
    assert_eq!((error.code, error.message.starts_with("in the JSON of")), (ErrorCode::MissingField, true));
}

#[test]
fn every_event_has_its_kind() {
    for (word, status, kind) in [
        ("accepted", "accepted", Kind::New),
        ("pending_new", "pending_new", Kind::New),
        ("new", "new", Kind::New),
        ("held", "held", Kind::New),
        ("partially_filled", "partially_filled", Kind::PartiallyFilled),
        ("canceled", "canceled", Kind::Cancelled),
        ("expired", "expired", Kind::Expired),
        ("expired", "canceled", Kind::Expired),
        ("rejected", "rejected", Kind::Rejected),
    ] {
        assert_eq!(event(&as_event(word, status)).kind, kind, "{word}");
    }
    let filled = as_event("fill", "filled").replace(r#""qty":"130""#, r#""qty":"129.7""#);
    assert_eq!(event(&filled).kind, Kind::Filled);
}

#[test]
fn a_replaced_order_has_ended_under_its_id() {
    let both = events(&as_event("replaced", "replaced"));
    let said: Vec<_> = both.iter().map(|event| (event.kind, event.event_id.plain(&event.json))).collect();
    let scope = "alpaca:paper:alice:DOGE=2FUSD:b28e2b24-b1b2-40cc-8979-63f45e8edc02";
    assert_eq!(
        said,
        [
            (Kind::Replaced, format!("{scope}:~replaced").as_str()),
            (Kind::Cancelled, format!("{scope}:~cancelled").as_str())
        ]
    );
}

#[test]
fn a_state_on_the_way_is_a_note() {
    for word in ["done_for_day", "pending_cancel", "order_replace_rejected", "stopped", "calculated"] {
        let notes = controls(&as_event(word, "pending_cancel"));
        let expected = format!(
            r#"{{"type":"order_note","symbol":"DOGE/USD","order_id":"b28e2b24-b1b2-40cc-8979-63f45e8edc02","client_order_id":"ccxt_1","event":"{word}","venue_status":"pending_cancel","cumulative_quantity":"129.7","transaction_time_ns":1789737890019957863}}"#
        );
        assert_eq!(notes, [expected]);
    }
}

#[test]
fn what_takes_something_back_is_never_an_ordinary_event() {
    for (word, expected) in [
        ("trade_bust", ErrorCode::ExecutionBusted),
        ("trade_correct", ErrorCode::ExecutionCorrected),
        ("restated", ErrorCode::OrderRestated),
    ] {
        let frame = as_event(word, "filled").replace(r#""qty":"29.7""#, r#""qty":"-29.7""#);
        let error = parser().parse(frame.as_bytes(), NOW_NS).unwrap_err();
        assert_eq!((error.code, error.code.class()), (expected, ErrorClass::Suspicious));
        assert_eq!(error.order_id.as_deref(), Some("b28e2b24-b1b2-40cc-8979-63f45e8edc02"));
        assert_eq!(error.symbol.as_deref(), Some("DOGE/USD"));
    }
}

#[test]
fn contradictions_are_told_by_name() {
    let change = |from: &str, to: &str| code(&FILL.replace(from, to));
    assert_eq!(change(r#""qty":"29.7""#, r#""qty":"0""#), ErrorCode::FillWithoutQuantity);
    assert_eq!(change(r#""qty":"29.7""#, r#""qty":"-1""#), ErrorCode::NegativeAmount);
    assert_eq!(change(r#""qty":"29.7""#, r#""qty":"129.71""#), ErrorCode::LastExceedsCumulative);
    assert_eq!(change(r#""qty":"130""#, r#""qty":"129.6""#), ErrorCode::CumulativeExceedsQuantity);
    assert_eq!(change(r#""qty":"130""#, r#""qty":"129.7""#), ErrorCode::PartialFillComplete);
    assert_eq!(change(r#""price":"0.0851119""#, r#""price":"0.0""#), ErrorCode::FillWithoutPrice);
    assert_eq!(change(r#""price":"0.0851119","#, ""), ErrorCode::MissingField);
    assert_eq!(change(r#""execution_id""#, r#""another_id""#), ErrorCode::FillWithoutTradeId);
    assert_eq!(change(r#""limit_price":"0.085""#, r#""limit_price":"-0.085""#), ErrorCode::NegativeAmount);
    assert_eq!(change("2026-09-18T13:24:50.034555Z", "2036-09-18T13:24:50Z"), ErrorCode::TimeOutOfRange);
    assert_eq!(change("2026-09-18T13:24:50.019957863Z", "2014-12-31T23:59:59Z"), ErrorCode::TimeOutOfRange);
    assert_eq!(
        change(r#""filled_avg_price":"0.0851119""#, r#""filled_avg_price":"999999999999999999""#),
        ErrorCode::AbsurdMagnitude
    );
    assert_eq!(code(&as_event("fill", "filled")), ErrorCode::FilledShort);
    assert_eq!(code(&as_event("fill", "canceled")), ErrorCode::IllegalStatus);
    assert_eq!(code(&as_event("canceled", "new")), ErrorCode::IllegalStatus);
    assert_eq!(code(&as_event("partial_fill", "new")), ErrorCode::IllegalStatus);
}

#[test]
fn words_outside_the_sets_are_unknown() {
    assert_eq!(code(&as_event("mystery", "new")), ErrorCode::UnknownEvent);
    assert_eq!(code(&as_event("new", "mystery")), ErrorCode::UnknownStatus);
    assert_eq!(code(&FILL.replace(r#""sell""#, r#""sell_short""#)), ErrorCode::UnknownSide);
    assert_eq!(
        code(&FILL.replace(r#""type":"limit","side""#, r#""type":"iceberg","side""#)),
        ErrorCode::UnknownOrderType
    );
    assert_eq!(code(&FILL.replace(r#""gtc""#, r#""gtd""#)), ErrorCode::UnknownTimeInForce);
    assert_eq!(code(&FILL.replace(r#""crypto""#, r#""treasury""#)), ErrorCode::UnknownSymbol);
    assert_eq!(code(r#"{"stream":"account_updates","data":{}}"#), ErrorCode::UnknownEvent);
    assert_eq!(code(r#"[{"T":"error","code":406}]"#), ErrorCode::UnknownEvent);
    assert_eq!(code(r#"[{"stream":"listening"}]"#), ErrorCode::NotAnObject);
}

#[test]
fn legs_are_told_and_their_parent_noted() {
    let reports = all(PACKAGE);
    let [Report::Execution(put), Report::Execution(call), Report::Control(parent)] = reports.as_slice()
    else {
        panic!("expected two executions and a note, was {reports:?}")
    };
    assert_eq!((put.kind, put.pair.text(&put.json).as_ref()), (Kind::Filled, "AAPL250321P00200000-USD"));
    assert_eq!(call.kind, Kind::PartiallyFilled);
    assert_eq!(put.event_id.plain(&put.json), "alpaca:paper:alice:AAPL250321P00200000:3cbe:1");
    let json = String::from_utf8(put.json.clone()).unwrap();
    for part in [
        r#""order_list_id":"31cd","side":"buy","type":"market","time_in_force":null,"price":null"#,
        r#""cumulative_quote":"160","average_price":"1.6""#,
        r#""last_fill":{"trade_id":"69a7","price":"1.6","quantity":"1""#,
        r#""transaction_time_ns":1737444760695564076"#,
    ] {
        assert!(json.contains(part), "{part} in {json}");
    }
    assert_eq!(call.transaction_time_ns, 1_737_444_760_695_569_506);
    assert_eq!(parent.kind, ControlType::OrderNote);
}

#[test]
fn each_leg_begins_and_ends() {
    let frame =
        PACKAGE.replace(r#""event":"fill""#, r#""event":"canceled""#).replace(r#""filled""#, r#""canceled""#);
    let legs = events(&frame);
    assert_eq!(legs.len(), 1, "one leg is canceled by its status");
    assert_eq!(legs.first().map(|leg| leg.kind), Some(Kind::Cancelled));
    let doubted = r#"{"type":"order_doubted","symbol":"AAPL250321C00380000","order_id":"ec69"}"#;
    assert_eq!(controls(&frame).first().map(String::as_str), Some(doubted));
    let begun = PACKAGE.replace(r#""event":"fill""#, r#""event":"new""#).replace(r#""filled""#, r#""new""#);
    assert_eq!(events(&begun).iter().map(|leg| leg.kind).collect::<Vec<_>>(), [Kind::New, Kind::New]);
}

#[test]
fn legs_that_cannot_be_told_apart_are_doubted() {
    let twice = PACKAGE.replace(r#""order_id":"ec69""#, r#""order_id":"3cbe""#);
    assert!(events(&twice).is_empty());
    assert_eq!(controls(&twice).len(), 3);
    assert_eq!(
        code(&PACKAGE.replace(r#""order_id":"ec69""#, r#""order_id":"else""#)),
        ErrorCode::FillOutsideTrade
    );
    assert_eq!(
        code(&PACKAGE.replace(r#","legs":[{"execution_id""#, r#","gels":[{"execution_id""#)),
        ErrorCode::MissingField
    );
}

#[test]
fn controls_keep_their_kind() {
    for (frame, expected) in [
        (
            r#"{"stream":"authorization","data":{"status":"unauthorized","action":"listen"}}"#,
            r#"{"type":"authorization","authorized":false,"action":"listen","message":null}"#,
        ),
        (
            r#"{"stream":"listening","data":{"streams":["a\"b"]}}"#,
            r#"{"type":"listening","streams":["a\"b"]}"#,
        ),
        (
            r#"{"action":"error","data":{"error_message":"oh"}}"#,
            r#"{"type":"error","message":"oh","reason":null}"#,
        ),
    ] {
        assert_eq!(controls(frame), [expected]);
    }
    for frame in [
        r#"{"stream":"authorization"}"#,
        r#"{"stream":"authorization","data":{}}"#,
        r#"{"stream":"listening","data":{"streams":[1]}}"#,
        r#"{"stream":"trade_updates","data":null}"#,
        r#"{"stream":"trade_updates","data":{"event":"new","order":null}}"#,
        r#"{"execution_id":"first"}"#,
    ] {
        assert_eq!(
            parser().parse(frame.as_bytes(), NOW_NS).unwrap_err().code.class(),
            ErrorClass::Malformed,
            "{frame}"
        );
    }
}

#[test]
fn nothing_of_a_frame_is_left_for_the_next() {
    let mut parser = parser();
    parser.parse(FILL.as_bytes(), NOW_NS).unwrap();
    let error = parser.parse(br#"{"stream":"trade_updates","data":{"event":"new"}}"#, NOW_NS).unwrap_err();
    assert_eq!((error.code, error.symbol, error.order_id), (ErrorCode::MissingField, None, None));
    for spare in [Vec::new(), b"left".repeat(1_000), vec![0; 1 << 20]] {
        parser.recycle(spare);
        match parser.parse(FILL.as_bytes(), NOW_NS).unwrap().remove(0) {
            Report::Execution(report) => assert_eq!(String::from_utf8(report.json).unwrap(), EVENT),
            Report::Control(control) => panic!("expected an order event, was {control:?}"),
        }
    }
}

#[test]
fn every_cut_and_every_byte_of_a_frame_may_be_anything() {
    let mut parser = parser();
    for frame in [FILL, PACKAGE] {
        for end in 0..frame.len() {
            assert!(parser.parse(&frame.as_bytes()[..end], NOW_NS).is_err(), "cut at {end}");
        }
        for index in 0..frame.len() {
            for byte in [0, b'"', b'0', b'9', b'-', b'{', b'}', b'[', b',', b'\\', b'n', 0x80, 0xFF] {
                let mut changed = frame.as_bytes().to_vec();
                changed[index] = byte;
                if let Ok(reports) = parser.parse(&changed, NOW_NS) {
                    assert!(!reports.is_empty());
                }
            }
        }
    }
}

#[test]
fn frames_and_messages_are_bounded() {
    let fits = format!("{FILL}{}", " ".repeat(MAX_FRAME_BYTES - FILL.len()));
    assert!(parser().parse(fits.as_bytes(), NOW_NS).is_ok());
    assert_eq!(code(&(fits + " ")), ErrorCode::FrameTooLarge);
    let long = "x".repeat(100_000);
    for frame in [
        FILL.replace("DOGE/USD", &long),
        FILL.replace("b28e2b24", &long).replace("limit", "lim"),
        FILL.replace("partial_fill", &long),
        format!(r#"{{"stream":"{long}"}}"#),
    ] {
        let error = parser().parse(frame.as_bytes(), NOW_NS).unwrap_err();
        let repeated = [error.symbol, error.order_id];
        let longest = repeated.into_iter().flatten().map(|text| text.len()).max().unwrap_or_default();
        assert!(error.message.len() < 500 && longest <= 64, "{}", error.message);
    }
}
