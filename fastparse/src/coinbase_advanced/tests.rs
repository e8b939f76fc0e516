//! Frames in, reports out.

use super::AdvancedParser;
use crate::error::ErrorCode;
use crate::model::Report;
use crate::venue::{Config, OrderFacts, VenueParser};

/// Receipt of the frames below.
const NOW_NS: i64 = 1_778_051_340_000_000_000;

const OPEN: &str = r#"{"avg_price":"0","cancel_reason":"","client_order_id":"cli-77","completion_percentage":"0.00","contract_expiry_type":"UNKNOWN_CONTRACT_EXPIRY_TYPE","cumulative_quantity":"0","filled_value":"0","leaves_quantity":"2","limit_price":"100.50","number_of_fills":"0","order_id":"5d1c9b1a","order_side":"SELL","order_type":"Limit","outstanding_hold_amount":"2","post_only":"false","product_id":"SOL-USD","product_type":"SPOT","reject_reason":"","retail_portfolio_id":"3e625b74","risk_managed_by":"UNKNOWN_RISK_MANAGEMENT_TYPE","status":"OPEN","stop_price":"","time_in_force":"GOOD_UNTIL_CANCELLED","total_fees":"0","total_value_after_fees":"0","trigger_status":"INVALID_ORDER_TYPE","creation_time":"2026-05-06T07:08:08.5Z","end_time":"0001-01-01T00:00:00Z","start_time":"0001-01-01T00:00:00Z"}"#;

const NEW: &str = concat!(
    r#"{"v":1,"event_id":"coinbase-advanced:live:alice:SOL-USD:5d1c9b1a:~new","kind":"new","#,
    r#""exchange":"coinbase-advanced","environment":"live","user":"alice","pair":"SOL-USD","symbol":"SOL-USD","#,
    r#""order_id":"5d1c9b1a","client_order_id":"cli-77","new_client_order_id":null,"order_list_id":null,"#,
    r#""side":"sell","type":"limit","time_in_force":"gtc","price":"100.5","stop_price":null,"quantity":"2","#,
    r#""quote_quantity":null,"cumulative_quantity":"0","cumulative_quote":"0","average_price":null,"#,
    r#""prevented_quantity":null,"is_working":true,"venue_status":"OPEN","last_fill":null,"#,
    r#""reject_reason":null,"execution_id":null,"exchange_time_ns":1778051289123456789,"#,
    r#""transaction_time_ns":1778051288500000000,"received_time_ns":1778051340000000000,"source":"stream"}"#,
);

fn parser() -> AdvancedParser {
    AdvancedParser::new(Config {
        user: "alice".to_owned(),
        environment: "live".to_owned(),
        exchange: "coinbase-advanced".to_owned(),
        symbols: Some([("SOL-USD".to_owned(), "SOL-USD".to_owned())].into()),
        microseconds: false,
    })
}

fn frame(number: i64, kind: &str, orders: &[String]) -> String {
    let orders = orders.join(",");
    format!(
        r#"{{"channel":"user","timestamp":"2026-05-06T07:08:09.123456789Z","sequence_num":{number},"events":[{{"type":"{kind}","orders":[{orders}]}}]}}"#
    )
}

/// The order with some values changed.
fn order(changes: &[(&str, &str)]) -> String {
    let mut order = OPEN.to_owned();
    for (key, value) in changes {
        let start = order.find(&format!("\"{key}\":")).unwrap() + key.len() + 3;
        let end = start + 1 + order[start + 1..].find('"').unwrap() + 1;
        order.replace_range(start..end, &format!("\"{value}\""));
    }
    order
}

/// The order with so much executed.
fn executed(quantity: &str, leaves: &str, status: &str) -> String {
    let average = if quantity == "0" { "0" } else { "101" };
    order(&[
        ("cumulative_quantity", quantity),
        ("leaves_quantity", leaves),
        ("avg_price", average),
        ("status", status),
    ])
}

/// What the parser says: kinds of events, and controls with what matters of them.
fn said(parser: &mut AdvancedParser, frame: &str) -> Vec<String> {
    let reports = parser.parse(frame.as_bytes(), NOW_NS).unwrap();
    reports
        .into_iter()
        .map(|report| match report {
            Report::Execution(report) => {
                format!("{} {}", report.kind.as_str(), report.cumulative_quantity.plain(&report.json))
            }
            Report::Control(control) => String::from_utf8(control.json)
                .unwrap()
                .replace(r#"{"type":""#, "")
                .replace(r#""symbol":"SOL-USD","order_id":"5d1c9b1a","#, "")
                .replace(r#""exchange_time_ns":1778051289123456789,"#, "")
                .replace(r#","exchange_time_ns":1778051289123456789}"#, "}"),
        })
        .collect()
}

/// Says what each of these updates of the one order tells.
fn story(parser: &mut AdvancedParser, orders: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for (number, order) in orders.iter().enumerate() {
        let number = i64::try_from(number).unwrap();
        all.push(said(parser, &frame(number, "update", std::slice::from_ref(order))).join("; "));
    }
    all
}

fn facts(executed: &str, is_open: bool) -> OrderFacts {
    OrderFacts {
        symbol: "SOL-USD".to_owned(),
        order_id: "5d1c9b1a".to_owned(),
        quantity: Some("2.5".to_owned()),
        cumulative_quantity: executed.to_owned(),
        is_open,
        ..OrderFacts::default()
    }
}

fn code(frame: &str) -> ErrorCode {
    parser().parse(frame.as_bytes(), NOW_NS).unwrap_err().code
}

#[test]
fn an_accepted_order_is_written_canonically() {
    let reports = parser().parse(frame(4, "update", &[OPEN.to_owned()]).as_bytes(), NOW_NS).unwrap();
    let [Report::Execution(report)] = reports.as_slice() else {
        panic!("expected one event, was {reports:?}")
    };
    assert_eq!(std::str::from_utf8(&report.json).unwrap(), NEW);
    let json = report.json.as_slice();
    assert_eq!(report.event_id.plain(json), "coinbase-advanced:live:alice:SOL-USD:5d1c9b1a:~new");
    assert_eq!((report.pair.text(json), report.symbol.text(json)), ("SOL-USD".into(), "SOL-USD".into()));
    assert_eq!(report.order_id.text(json), "5d1c9b1a");
    assert_eq!(report.client_order_id.unwrap().text(json), "cli-77");
    assert_eq!(report.quantity.unwrap().plain(json), "2");
    assert!(report.last_fill.is_none());
}

#[test]
fn both_ways_of_reading_say_the_same() {
    let json = |report: Report| match report {
        Report::Execution(report) => report.json,
        Report::Control(control) => control.json,
    };
    let orders = [OPEN.to_owned(), executed("0.5", "1.5", "OPEN"), executed("0.5", "0", "CANCELLED")];
    let (mut fast, mut general) = (parser(), parser());
    for (number, order) in orders.iter().enumerate() {
        let usual = frame(i64::try_from(number).unwrap(), "update", std::slice::from_ref(order));
        let told = fast.parse(usual.as_bytes(), NOW_NS).unwrap().remove(0);
        // White space, which the venue does not send, is read the general way.
        let also = general.parse(format!(" {usual}").as_bytes(), NOW_NS).unwrap().remove(0);
        assert_eq!(String::from_utf8(json(told)).unwrap(), String::from_utf8(json(also)).unwrap());
    }
    for (before, after) in
        [("\"OPEN\"", "7"), ("\"OPEN\"", "\"OPEN\",\"order_id\":\"x\""), ("]}]}", "]}]} x")]
    {
        let spoilt = frame(0, "update", &[OPEN.to_owned()]).replace(before, after);
        let error = parser().parse(spoilt.as_bytes(), NOW_NS).unwrap_err();
        let also = parser().parse(format!(" {spoilt}").as_bytes(), NOW_NS).unwrap_err();
        assert_eq!((error.code, error.offset + 1), (also.code, also.offset));
    }
}

#[test]
fn executions_are_left_to_the_records() {
    let orders = [
        executed("0", "2", "PENDING"),
        executed("0", "2", "OPEN"),
        executed("0.5", "1.5", "OPEN"),
        executed("0.50", "1.5", "OPEN"),
        executed("2", "0", "OPEN"),
        executed("2", "0", "FILLED"),
        executed("2", "0", "FILLED"),
    ];
    assert_eq!(
        story(&mut parser(), &orders),
        [
            "new 0",
            "",
            r#"order_doubted","executed":"0.5","has_ended":false}"#,
            "",
            r#"order_doubted","executed":"2","has_ended":false}"#,
            r#"order_doubted","executed":"2","has_ended":true}"#,
            "",
        ]
    );
}

#[test]
fn an_end_waits_for_the_executions_before_it() {
    let orders =
        [executed("0", "2", "OPEN"), executed("0.5", "1.5", "OPEN"), executed("0.5", "0", "CANCELLED")];
    let doubt = r#"order_doubted","executed":"0.5","has_ended":true}"#;
    assert_eq!(story(&mut parser(), &orders)[2], doubt);
    // Not if the records have published them.
    let mut parser = parser();
    story(&mut parser, &orders[..2]);
    parser.note_order(&facts("0.5", true)).unwrap();
    assert_eq!(said(&mut parser, &frame(2, "update", &[orders[2].clone()])), ["cancelled 0.5"]);
}

#[test]
fn an_end_without_executions_is_told_at_once() {
    for (status, kind) in [("CANCELLED", "cancelled 0"), ("EXPIRED", "expired 0"), ("FAILED", "rejected 0")] {
        let orders = [executed("0", "2", "OPEN"), executed("0", "0", status), executed("0", "0", status)];
        assert_eq!(story(&mut parser(), &orders), ["new 0", kind, ""]);
        assert_eq!(story(&mut parser(), &orders[1..2]), [kind]);
    }
}

#[test]
fn what_the_records_have_told_is_no_news() {
    let mut parser = parser();
    parser.note_order(&facts("0.5", true)).unwrap();
    assert!(said(&mut parser, &frame(0, "update", &[executed("0", "2.5", "OPEN")])).is_empty());
    assert!(said(&mut parser, &frame(1, "update", &[executed("0.5", "2", "OPEN")])).is_empty());
    let doubt = r#"order_doubted","executed":"0.6","has_ended":false}"#;
    assert_eq!(said(&mut parser, &frame(2, "update", &[executed("0.6", "1.9", "OPEN")])), [doubt]);
    parser.note_order(&facts("0.6", false)).unwrap();
    assert!(said(&mut parser, &frame(3, "update", &[executed("0.6", "0", "CANCELLED")])).is_empty());
    let doubt = r#"order_doubted","executed":"0.7","has_ended":true}"#;
    assert_eq!(said(&mut parser, &frame(4, "update", &[executed("0.7", "0", "CANCELLED")])), [doubt]);
    assert!(parser.note_order(&facts("many", true)).is_err());
}

#[test]
fn an_end_tells_the_quantity_that_was_ordered() {
    let mut parser = parser();
    story(&mut parser, &[executed("0", "2", "OPEN")]);
    let frame = frame(1, "update", &[executed("0", "0", "CANCELLED")]);
    let Report::Execution(report) = parser.parse(frame.as_bytes(), NOW_NS).unwrap().remove(0) else {
        panic!("expected an event")
    };
    assert_eq!(report.quantity.unwrap().plain(&report.json), "2");
}

#[test]
fn a_snapshot_tells_what_nobody_knows() {
    let mut parser = parser();
    let partly = executed("0.5", "1.5", "OPEN").replace("5d1c9b1a", "b");
    let doubt = r#"order_doubted","symbol":"SOL-USD","order_id":"b","executed":"0.5","has_ended":false}"#;
    let ended = executed("0", "0", "CANCELLED").replace("5d1c9b1a", "c");
    let also = r#"order_doubted","symbol":"SOL-USD","order_id":"c","executed":"0","has_ended":true}"#;
    let told = said(&mut parser, &frame(0, "snapshot", &[OPEN.to_owned(), partly.clone(), ended]));
    assert_eq!(told, ["new 0", doubt, also]);
    assert!(said(&mut parser, &frame(1, "update", &[OPEN.to_owned(), partly])).is_empty());
    assert_eq!(said(&mut parser, &frame(2, "update", &[executed("0", "0", "CANCELLED")])), ["cancelled 0"]);
}

#[test]
fn a_snapshot_goes_on_until_a_part_of_it_is_not_full() {
    let orders: Vec<String> =
        (0..109).map(|number| OPEN.replace("5d1c9b1a", &format!("o{number}"))).collect();
    let mut parser = parser();
    for (number, (kind, part)) in
        [("snapshot", &orders[..50]), ("update", &orders[50..100]), ("patch", &orders[100..])]
            .into_iter()
            .enumerate()
    {
        let told = said(&mut parser, &frame(i64::try_from(number).unwrap(), kind, part));
        assert_eq!(told, vec!["new 0"; part.len()]);
    }
    let ended = executed("0", "0", "CANCELLED");
    assert_eq!(said(&mut parser, &frame(3, "update", std::slice::from_ref(&ended))), ["cancelled 0"]);
    let mut parser = self::parser();
    said(&mut parser, &frame(0, "snapshot", &orders[..50]));
    assert_eq!(said(&mut parser, &frame(1, "update", &[ended])).len(), 1, "state: a doubt");
}

#[test]
fn an_edit_replaces_the_order() {
    let mut parser = parser();
    let queued = order(&[("status", "EDIT_QUEUED")]);
    let dearer = order(&[("limit_price", "101")]);
    let larger = order(&[("limit_price", "101"), ("leaves_quantity", "3")]);
    let told = story(&mut parser, &[OPEN.to_owned(), queued, dearer.clone(), dearer, larger]);
    assert_eq!(told, ["new 0", "", "replaced 0", "", "replaced 0"]);
    let both = order(&[("limit_price", "102"), ("cumulative_quantity", "1"), ("avg_price", "101")]);
    let told = said(&mut parser, &frame(5, "update", &[both]));
    assert_eq!(told, [r#"order_doubted","executed":"1","has_ended":false}"#, "replaced 1"]);
    // What is left of a quote amount changes with each execution.
    assert_eq!(said(&mut parser, &frame(6, "update", &[executed("1.5", "77", "OPEN")])).len(), 2);
}

#[test]
fn an_order_met_midway_is_looked_up() {
    for status in ["CANCEL_QUEUED", "EDIT_QUEUED", "UNKNOWN_ORDER_STATUS"] {
        let doubt = r#"order_doubted","executed":"0","has_ended":false}"#;
        assert_eq!(story(&mut parser(), &[order(&[("status", status)])]), [doubt]);
    }
    let doubt = r#"order_doubted","executed":"0.5","has_ended":false}"#;
    let orders = [executed("0.5", "1.5", "OPEN"), executed("0.5", "1.5", "CANCEL_QUEUED")];
    assert_eq!(story(&mut parser(), &orders), [doubt, ""]);
}

#[test]
fn missing_frames_are_told() {
    let mut parser = parser();
    let mut number = |number| said(&mut parser, &frame(number, "update", &[]));
    assert!(number(7).is_empty(), "a connection may begin anywhere");
    assert!(number(8).is_empty());
    assert_eq!(number(11), [r#"sequence_gap","expected":9,"number":11}"#]);
    assert!(number(12).is_empty());
    assert!(number(10).is_empty(), "late");
    assert!(number(13).is_empty());
}

#[test]
fn a_late_frame_takes_nothing_back() {
    let mut parser = parser();
    story(&mut parser, &[OPEN.to_owned(), executed("1", "1", "OPEN")]);
    let late = [executed("0.5", "1.5", "OPEN"), OPEN.replace("5d1c9b1a", "b"), executed("2", "0", "FILLED")];
    let told = said(&mut parser, &frame(0, "update", &late));
    assert_eq!(told, ["new 0", r#"order_doubted","executed":"2","has_ended":true}"#]);
    let edited = order(&[("limit_price", "99"), ("cumulative_quantity", "1"), ("avg_price", "101")]);
    assert!(said(&mut parser, &frame(0, "update", &[edited])).is_empty());
}

#[test]
fn a_refused_frame_counts_as_one_that_never_came() {
    let mut parser = parser();
    story(&mut parser, &[OPEN.to_owned(), executed("1", "1", "OPEN")]);
    let bad = frame(2, "update", &[OPEN.replace("5d1c9b1a", "b"), executed("0.5", "1.5", "OPEN")]);
    let error = parser.parse(bad.as_bytes(), NOW_NS).unwrap_err();
    assert_eq!(error.code, ErrorCode::CumulativeDecreased);
    assert_eq!((error.symbol.as_deref(), error.order_id.as_deref()), (Some("SOL-USD"), Some("5d1c9b1a")));
    // Nothing of it was remembered, and its number is still expected.
    let told = said(&mut parser, &frame(3, "update", &[OPEN.replace("5d1c9b1a", "b")]));
    assert_eq!(told, [r#"sequence_gap","expected":2,"number":3}"#, "new 0"]);
}

#[test]
fn controls_say_what_they_are() {
    let mut parser = parser();
    let mut said = |frame: &str| said(&mut parser, frame).join("; ");
    let head = r#""client_id":"","timestamp":"2026-05-06T07:08:09.123456789Z","sequence_num":0,"events":"#;
    assert_eq!(
        said(&format!(
            r#"{{"channel":"subscriptions",{head}[{{"subscriptions":{{"user":["3e62"], "heartbeats":[]}}}}]}}"#
        )),
        r#"subscriptions","channels":[{"user":["3e62"],"heartbeats":[]}]}"#
    );
    assert_eq!(
        said(&format!(
            r#"{{"channel":"heartbeats",{head}[{{"current_time":"2024-10-04 07:04:40.8 +0000 UTC m=+6.6","heartbeat_counter":66987}}]}}"#
        )),
        r#"heartbeat"}"#
    );
    assert_eq!(
        said(r#"{"type":"error","message":"authentication failure"}"#),
        r#"error","message":"authentication failure","reason":null}"#
    );
}

#[test]
fn what_cannot_be_so_is_refused() {
    let update = |changes: &[(&str, &str)]| code(&frame(0, "update", &[order(changes)]));
    let executed = [("cumulative_quantity", "1"), ("avg_price", "101")];
    assert_eq!(update(&[executed[0]]), ErrorCode::FillWithoutPrice);
    assert_eq!(update(&[executed[0], ("avg_price", "")]), ErrorCode::FillWithoutPrice);
    assert_eq!(update(&[("status", "FILLED")]), ErrorCode::FilledShort);
    assert_eq!(update(&[("status", "DONE")]), ErrorCode::UnknownStatus);
    assert_eq!(update(&[("order_side", "sell")]), ErrorCode::UnknownSide);
    assert_eq!(update(&[("order_type", "Guess")]), ErrorCode::UnknownOrderType);
    assert_eq!(update(&[("time_in_force", "GTC")]), ErrorCode::UnknownTimeInForce);
    assert_eq!(update(&[("product_id", "BTC-USD")]), ErrorCode::UnknownSymbol);
    assert_eq!(update(&[("order_id", "")]), ErrorCode::MissingField);
    assert_eq!(update(&[("cumulative_quantity", "")]), ErrorCode::InvalidDecimal);
    assert_eq!(update(&[("creation_time", "yesterday")]), ErrorCode::InvalidTime);
    assert_eq!(update(&[("creation_time", "2026-05-06T07:11:00Z")]), ErrorCode::TimeOutOfRange);
    assert_eq!(update(&[("leaves_quantity", "9999999999999999999")]), ErrorCode::AbsurdMagnitude);
    for key in ["cumulative_quantity", "leaves_quantity", "limit_price", "stop_price", "filled_value"] {
        assert_eq!(update(&[executed[1], (key, "-1")]), ErrorCode::NegativeAmount, "{key}");
    }
    let good = frame(0, "update", &[]);
    assert_eq!(code(&frame(-1, "update", &[])), ErrorCode::NegativeId);
    assert_eq!(code(&frame(0, "news", &[])), ErrorCode::UnknownEvent);
    assert_eq!(code(&good.replace(r#""user""#, r#""level2""#)), ErrorCode::UnknownEvent);
    assert_eq!(code(&good.replace("2026", "2036")), ErrorCode::TimeOutOfRange);
    assert_eq!(code(&good.replace("[]", "[1]")), ErrorCode::WrongType);
    assert_eq!(code(r#"{"message":"?"}"#), ErrorCode::MissingField);
    for (before, after) in [("channel", "c"), ("timestamp", "t"), ("sequence_num", "s"), ("events", "e")] {
        assert_eq!(code(&good.replace(before, after)), ErrorCode::MissingField, "{before}");
    }
}

#[test]
fn what_is_left_out_may_be() {
    let old = r#"{"order_id":"5d1c9b1a","client_order_id":"","cumulative_quantity":"0","leaves_quantity":"5","avg_price":"0","total_fees":"0","status":"FAILED","product_id":"SOL-USD","creation_time":"0001-01-01T00:00:00Z","order_side":"BUY","order_type":"MARKET","reject_Reason":"too poor"}"#;
    let reports = parser().parse(frame(0, "update", &[old.to_owned()]).as_bytes(), NOW_NS).unwrap();
    let [Report::Execution(report)] = reports.as_slice() else {
        panic!("expected one event, was {reports:?}")
    };
    let json = std::str::from_utf8(&report.json).unwrap();
    for member in [
        r#""client_order_id":null"#,
        r#""type":"market","time_in_force":null,"price":null,"stop_price":null,"quantity":null"#,
        r#""reject_reason":"too poor""#,
        r#""is_working":false"#,
    ] {
        assert!(json.contains(member), "{member} in {json}");
    }
    for orders in ["null", "[]"] {
        let frame = frame(0, "update", &[]).replace("[]", orders);
        assert!(said(&mut parser(), &frame).is_empty(), "{orders}");
    }
    let frame = frame(0, "update", &[]).replace(r#""orders":[]"#, r#""positions":[]"#);
    assert!(said(&mut parser(), &frame).is_empty());
}

#[test]
fn a_market_order_tells_no_base_quantity() {
    let market = order(&[("order_type", "MARKET"), ("limit_price", "0"), ("leaves_quantity", "6.36")]);
    let reports = parser().parse(frame(0, "update", &[market]).as_bytes(), NOW_NS).unwrap();
    let [Report::Execution(report)] = reports.as_slice() else {
        panic!("expected one event, was {reports:?}")
    };
    assert!(report.quantity.is_none());
}

#[test]
fn every_cut_of_a_frame_is_an_error() {
    let frame = frame(0, "update", &[OPEN.to_owned()]);
    for end in 0..frame.len() {
        assert!(parser().parse(&frame.as_bytes()[..end], NOW_NS).is_err(), "cut at {end}");
    }
}

#[test]
fn every_byte_of_a_frame_may_be_anything() {
    let frame = frame(0, "update", &[executed("1", "1", "OPEN")]);
    let mut parser = parser();
    for index in 0..frame.len() {
        for byte in *b"\x00\t \",-.:0AZ[\\]_eu{}\x7f\xc3\xff" {
            let mut bytes = frame.as_bytes().to_vec();
            bytes[index] = byte;
            if let Ok(reports) = parser.parse(&bytes, NOW_NS) {
                assert!(reports.len() <= 3);
            }
        }
    }
}

#[test]
fn messages_are_bounded() {
    let long = "x".repeat(100_000);
    for changes in [[("order_side", long.as_str())], [("product_id", &long)], [("status", &long)]] {
        let frame = frame(0, "update", &[order(&changes)]);
        let error = parser().parse(frame.as_bytes(), NOW_NS).unwrap_err();
        let longest = [error.symbol, error.order_id].into_iter().flatten().map(|text| text.len()).max();
        assert!(error.message.len() < 400 && longest.unwrap_or_default() <= 64, "{}", error.message);
    }
}

#[test]
fn the_clock_at_its_ends_does_no_harm() {
    let frame = frame(0, "update", &[OPEN.to_owned()]);
    for now in [i64::MIN, 0, i64::MAX] {
        parser().parse(frame.as_bytes(), now).unwrap_or_default();
    }
    let mut parser = parser();
    parser.use_clock(-120_000_000_000);
    assert_eq!(parser.parse(frame.as_bytes(), NOW_NS).unwrap_err().code, ErrorCode::TimeOutOfRange);
}
