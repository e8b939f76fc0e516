//! An order's life, message by message.

use super::*;
use crate::model::Kind;

const NOW_NS: i64 = 1_790_000_000_000_000_000;
const USER: &str = r#""user_id":"u1","profile_id":"p1""#;

fn parser() -> ExchangeParser {
    ExchangeParser::new(Config {
        user: "alice".to_owned(),
        environment: "live".to_owned(),
        exchange: "coinbase".to_owned(),
        symbols: None,
        microseconds: false,
    })
}

fn frame(kind: &str, sequence: u32, rest: &str) -> String {
    format!(
        r#"{{"type":"{kind}","side":"buy","product_id":"BTC-USD","time":"2026-03-04T10:00:05.5Z","sequence":{sequence},{USER},{rest}}}"#
    )
}

fn received(sequence: u32, size: &str) -> String {
    let rest =
        format!(r#""order_id":"o1","order_type":"limit","size":"{size}","price":"100","client_oid":"c1""#);
    frame("received", sequence, &rest)
}

fn traded(sequence: u32, id: u64, size: &str) -> String {
    let rest = format!(
        r#""maker_order_id":"o1","taker_order_id":"o9","trade_id":{id},"size":"{size}","price":"99.5","maker_user_id":"u1","maker_fee_rate":"0.001""#
    );
    frame("match", sequence, &rest)
}

fn done(sequence: u32, rest: &str) -> String {
    frame("done", sequence, &format!(r#""order_id":"o1",{rest}"#))
}

/// What each report says in a few words: kind and cumulative quantity, or the type of a control.
fn read(parser: &mut ExchangeParser, frame: &str) -> Vec<String> {
    let reports = parser.parse(frame.as_bytes(), NOW_NS).unwrap();
    reports
        .iter()
        .map(|report| match report {
            Report::Execution(report) => {
                format!("{} {}", report.kind.as_str(), report.cumulative_quantity.plain(&report.json))
            }
            Report::Control(control) => control.kind.as_str().to_owned(),
        })
        .collect()
}

fn read_all(parser: &mut ExchangeParser, frames: &[String]) -> Vec<String> {
    frames.iter().flat_map(|frame| read(parser, frame)).collect()
}

fn facts(cumulative: &str, last_trade_id: Option<&str>) -> OrderFacts {
    OrderFacts {
        symbol: "BTC-USD".to_owned(),
        order_id: "o1".to_owned(),
        side: "buy".to_owned(),
        order_type: "limit".to_owned(),
        time_in_force: Some("gtc".to_owned()),
        price: Some("100".to_owned()),
        quantity: Some("3".to_owned()),
        cumulative_quantity: cumulative.to_owned(),
        cumulative_quote: Some("50".to_owned()),
        last_trade_id: last_trade_id.map(str::to_owned),
        is_open: true,
        ..OrderFacts::default()
    }
}

#[test]
fn a_life_of_an_order_is_told_once() {
    let mut parser = parser();
    let frames = [
        received(1, "3"),
        frame("open", 2, r#""order_id":"o1","price":"100","remaining_size":"3""#),
        traded(5, 10, "1"),
        traded(5, 10, "1.0"),
        traded(9, 12, "2"),
        done(10, r#""reason":"filled","remaining_size":"0""#),
        done(10, r#""reason":"filled","remaining_size":"0""#),
    ];
    assert_eq!(read_all(&mut parser, &frames), ["new 0", "partially_filled 1", "filled 3"]);
}

#[test]
fn a_fill_has_what_the_messages_told_and_no_fee() {
    let mut parser = parser();
    read(&mut parser, &received(1, "3"));
    let reports = parser.parse(traded(5, 9_007_199_254_740_993, "1.5").as_bytes(), NOW_NS).unwrap();
    let [Report::Execution(report)] = reports.as_slice() else { unreachable!() };
    let json = String::from_utf8(report.json.clone()).unwrap();
    assert_eq!(report.kind, Kind::PartiallyFilled);
    for part in [
        r#""event_id":"coinbase:live:alice:BTC-USD:o1:9007199254740993""#,
        r#""client_order_id":"c1""#,
        r#""side":"buy","type":"limit","time_in_force":null,"price":"100""#,
        r#""cumulative_quantity":"1.5","cumulative_quote":"149.25","average_price":"99.5""#,
        r#""price":"99.5","quantity":"1.5","quote":null,"fee":null,"fee_currency":null,"liquidity":"maker""#,
        r#""execution_id":"5","exchange_time_ns":1772618405500000000"#,
    ] {
        assert!(json.contains(part), "{part} in {json}");
    }
}

#[test]
fn the_taker_is_on_the_other_side_of_the_maker() {
    let mut parser = parser();
    read(&mut parser, &received(1, "3").replace("buy", "sell"));
    let taker = traded(2, 7, "1")
        .replace(
            r#""maker_order_id":"o1","taker_order_id":"o9""#,
            r#""maker_order_id":"o9","taker_order_id":"o1""#,
        )
        .replace("maker_user_id", "taker_user_id");
    assert_eq!(read(&mut parser, &taker), ["partially_filled 1"]);
    let both = taker.replace("maker_fee_rate", "maker_user_id");
    assert_eq!(parser.parse(both.as_bytes(), NOW_NS).unwrap_err().code, ErrorCode::SelfTrade);
}

#[test]
fn an_order_met_mid_life_is_doubted_until_the_records_told() {
    let mut parser = parser();
    assert_eq!(read(&mut parser, &traded(5, 10, "1")), ["order_doubted"]);
    assert_eq!(read(&mut parser, &traded(6, 11, "0.5")), ["order_doubted"]);
    parser.note_order(&facts("1", None)).unwrap();
    assert!(parser.is_doubted("BTC-USD", "o1"), "nobody knows which trades that counts");
    parser.note_order(&facts("1", Some("10"))).unwrap();
    assert!(parser.is_doubted("BTC-USD", "o1"), "the records do not have the trade 11 yet");
    assert_eq!(read(&mut parser, &traded(7, 12, "0.5")), ["partially_filled 2"]);
    assert_eq!(read(&mut parser, &traded(6, 11, "0.5")), Vec::<String>::new());
    parser.note_order(&facts("1.5", Some("11"))).unwrap();
    assert!(!parser.is_doubted("BTC-USD", "o1"));
    assert_eq!(read(&mut parser, &traded(8, 13, "1")), ["filled 3"]);
}

#[test]
fn records_that_are_ahead_of_the_messages_count_no_trade_twice() {
    let mut parser = parser();
    read(&mut parser, &received(1, "3"));
    assert_eq!(read(&mut parser, &traded(2, 10, "1")), ["partially_filled 1"]);
    parser.note_order(&facts("2", Some("11"))).unwrap();
    assert_eq!(read(&mut parser, &traded(3, 11, "1")), Vec::<String>::new());
    assert_eq!(read(&mut parser, &traded(4, 12, "1")), ["filled 3"]);
}

#[test]
fn a_contradiction_between_remaining_size_and_trades_is_a_doubt() {
    for last in [
        done(9, r#""reason":"filled","remaining_size":"0""#),
        done(9, r#""reason":"canceled","remaining_size":"1""#),
        frame("open", 9, r#""order_id":"o1","price":"100","remaining_size":"1""#),
        frame("change", 9, r#""order_id":"o1","reason":"STP","old_size":"1","new_size":"0.5""#),
        traded(9, 12, "2.5"),
    ] {
        let mut parser = parser();
        let frames = [received(1, "3"), traded(5, 10, "1"), last.clone()];
        assert_eq!(
            read_all(&mut parser, &frames),
            ["new 0", "partially_filled 1", "order_doubted"],
            "{last}"
        );
    }
}

#[test]
fn a_change_counts_from_what_is_executed() {
    let mut parser = parser();
    let change = r#""order_id":"o1","reason":"modify_order","old_size":"2","new_size":"1","old_price":"100","new_price":"98""#;
    let frames = [
        received(1, "3"),
        traded(2, 10, "1"),
        frame("change", 3, change),
        traded(4, 11, "1"),
        done(5, r#""reason":"filled""#),
    ];
    assert_eq!(read_all(&mut parser, &frames), ["new 0", "partially_filled 1", "replaced 1", "filled 2"]);
}

#[test]
fn an_end_says_how() {
    for (rest, expected) in [
        (r#""reason":"canceled","remaining_size":"2""#, "cancelled 1"),
        (
            r#""reason":"canceled","remaining_size":"2","cancel_reason":"102:Self Trade Prevention""#,
            "cancelled 1",
        ),
        (r#""reason":"canceled","remaining_size":"2","cancel_reason":"101:Time In Force""#, "expired 1"),
    ] {
        let mut parser = parser();
        let frames = [received(1, "3"), traded(2, 10, "1"), done(3, rest)];
        assert_eq!(read_all(&mut parser, &frames), ["new 0", "partially_filled 1", expected]);
        assert_eq!(read(&mut parser, &traded(4, 11, "1")), ["order_doubted"], "nothing follows the end");
    }
}

#[test]
fn the_last_trade_of_a_market_order_by_funds_waits_for_what_follows() {
    let mut parser = parser();
    let market = frame("received", 1, r#""order_id":"o1","order_type":"market","funds":"500""#);
    let frames = [market, traded(2, 10, "1"), traded(3, 11, "1.5"), done(4, r#""reason":"filled""#)];
    assert_eq!(
        read_all(&mut parser, &frames),
        ["new 0", "partially_filled 1", "filled 2.5", "order_doubted"]
    );
}

#[test]
fn a_stop_order_is_accepted_and_then_works() {
    let mut parser = parser();
    let activate = format!(
        r#"{{"type":"activate","product_id":"BTC-USD","timestamp":"1483736448.299000",{USER},"order_id":"o1","stop_type":"entry","side":"buy","stop_price":"80","size":"3","private":true}}"#
    );
    assert_eq!(read_all(&mut parser, &[activate.clone(), activate, received(4, "3")]), ["new 0", "new 0"]);
    let reports = parser.parse(traded(5, 10, "3").as_bytes(), NOW_NS).unwrap();
    let [Report::Execution(report)] = reports.as_slice() else { unreachable!() };
    let json = String::from_utf8(report.json.clone()).unwrap();
    assert!(json.contains(r#""type":"stop_loss_limit""#) && json.contains(r#""stop_price":"80""#), "{json}");
}

#[test]
fn a_trade_told_twice_with_two_sizes_is_suspicious_and_its_order_doubted() {
    let mut parser = parser();
    read_all(&mut parser, &[received(1, "3"), traded(2, 10, "1")]);
    let error = parser.parse(traded(2, 10, "2").as_bytes(), NOW_NS).unwrap_err();
    assert_eq!((error.code, error.order_id.as_deref()), (ErrorCode::TradeContradicted, Some("o1")));
    assert_eq!(read(&mut parser, &traded(3, 11, "1")), ["order_doubted"]);
}

#[test]
fn a_refused_frame_of_nobody_knows_which_order_doubts_all() {
    let mut parser = parser();
    read(&mut parser, &received(1, "3"));
    assert!(parser.parse(b"{\"type\":\"match\"", NOW_NS).is_err());
    assert_eq!(read(&mut parser, &traded(2, 10, "1")), ["order_doubted"]);
    let unknown = parser.parse(br#"{"type":"weather","product_id":"BTC-USD"}"#, NOW_NS).unwrap_err();
    assert_eq!(unknown.code, ErrorCode::UnknownEvent);
}

#[test]
fn a_gap_of_the_full_channel_doubts_the_orders_of_the_product() {
    let mut parser = parser();
    let public = |sequence: u32| {
        format!(r#"{{"type":"open","product_id":"BTC-USD","sequence":{sequence},"order_id":"o7"}}"#)
    };
    read(&mut parser, &received(1, "3"));
    assert_eq!(
        read_all(&mut parser, &[public(2), public(4)]),
        Vec::<String>::new(),
        "full is not subscribed"
    );
    let acknowledged = r#"{"type":"subscriptions","channels":[{"name":"full","product_ids":["BTC-USD"]}]}"#;
    assert_eq!(read(&mut parser, acknowledged), ["subscriptions"]);
    let frames = [public(10), traded(11, 10, "1"), public(12), public(14)];
    assert_eq!(read_all(&mut parser, &frames), ["partially_filled 1", "sequence_gap", "order_doubted"]);
    assert_eq!(read(&mut parser, &traded(15, 11, "1")), ["order_doubted"]);
    let spaced = format!(" {}", public(17));
    assert_eq!(read(&mut parser, &spaced), ["sequence_gap", "order_doubted"], "read the general way alike");
}

/// An order that the records showed at the beginning of a connection, which may have traded just before that.
fn shown() -> ExchangeParser {
    let mut parser = parser();
    read(&mut parser, r#"{"type":"subscriptions","channels":[]}"#);
    parser.note_order(&facts("1", Some("10"))).unwrap();
    parser
}

#[test]
fn records_may_lag_behind_the_beginning_of_a_connection() {
    let mut parser = shown();
    assert!(!parser.is_doubted("BTC-USD", "o1"), "nothing is to be asked before something happens");
    assert_eq!(read(&mut parser, &traded(2, 12, "0.5")), ["order_doubted"]);
    parser.note_order(&facts("1", Some("10"))).unwrap();
    assert!(parser.is_doubted("BTC-USD", "o1"));
    assert_eq!(read(&mut parser, &traded(3, 13, "0.5")), ["order_doubted"]);
    // They lacked trade 11, and now have all up to one that came by the stream.
    parser.note_order(&facts("2", Some("12"))).unwrap();
    assert_eq!(read(&mut parser, &traded(4, 14, "0.25")), ["partially_filled 2.75"]);
}

#[test]
fn records_that_were_asked_later_cannot_lag_behind_it() {
    let mut parser = shown();
    let later_ns = NOW_NS + 10_000_000_000;
    parser.parse(br#"{"type":"subscriptions","channels":[]}"#, later_ns).unwrap();
    parser.note_order(&facts("1", Some("10"))).unwrap();
    assert_eq!(read(&mut parser, &traded(2, 12, "0.5")), ["partially_filled 1.5"]);
}

#[test]
fn what_adds_up_to_the_whole_needs_no_other_proof() {
    for (frame, expected) in [
        (traded(2, 11, "2"), "filled 3"),
        (done(2, r#""reason":"canceled","remaining_size":"2""#), "cancelled 1"),
        (
            frame("change", 2, r#""order_id":"o1","reason":"STP","old_size":"2","new_size":"1.5""#),
            "replaced 1",
        ),
        (done(2, r#""reason":"canceled","remaining_size":"1""#), "order_doubted"),
    ] {
        assert_eq!(read(&mut shown(), &frame), [expected], "{frame}");
    }
}
