//! Frames to reports, as far as the tests in Python do not show it better.

use super::FuturesParser;
use crate::error::ErrorCode;
use crate::model::{ControlType, ExecutionReport, Report};
use crate::venue::{Config, VenueParser};

/// Receipt of the frames below.
const NOW_NS: i64 = 1_773_000_060_000_000_000;

const TRADE: &str = r#"{"e":"ORDER_TRADE_UPDATE","T":1773000050738,"E":1773000050739,"o":{"s":"SOLUSDT","c":"acme-f-0001","S":"BUY","o":"LIMIT","f":"GTX","q":"20","p":"150.10","ap":"150.05","sp":"0","x":"TRADE","X":"PARTIALLY_FILLED","i":8389765739703625592,"l":"7","z":"12","L":"150.04","n":"-0.42011200","N":"USDT","T":1773000050738,"t":2710000055,"b":"1200.8","a":"0","m":true,"R":false,"wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"BOTH","cp":false,"rp":"-1.5","pP":false,"si":0,"ss":0,"V":"EXPIRE_MAKER","pm":"NONE","gtd":0,"er":"0"}}"#;

const EVENT: &str = concat!(
    r#"{"v":1,"event_id":"binance-futures:live:alice:SOLUSDT:8389765739703625592:2710000055","#,
    r#""kind":"partially_filled","exchange":"binance-futures","environment":"live","user":"alice","#,
    r#""pair":"SOL-USDT","symbol":"SOLUSDT","order_id":"8389765739703625592","client_order_id":"acme-f-0001","#,
    r#""new_client_order_id":null,"order_list_id":null,"side":"buy","type":"limit","time_in_force":"gtx","#,
    r#""price":"150.1","stop_price":null,"quantity":"20","quote_quantity":null,"cumulative_quantity":"12","#,
    r#""cumulative_quote":null,"average_price":"150.05","prevented_quantity":null,"is_working":null,"#,
    r#""venue_status":"PARTIALLY_FILLED","last_fill":{"trade_id":"2710000055","price":"150.04","#,
    r#""quantity":"7","quote":"1050.28","fee":"-0.420112","fee_currency":"USDT","liquidity":"maker"},"#,
    r#""reject_reason":null,"execution_id":null,"exchange_time_ns":1773000050739000000,"#,
    r#""transaction_time_ns":1773000050738000000,"received_time_ns":1773000060000000000,"source":"stream"}"#,
);

fn parser() -> FuturesParser {
    FuturesParser::new(Config {
        user: "alice".to_owned(),
        environment: "live".to_owned(),
        exchange: "binance-futures".to_owned(),
        symbols: Some([("SOLUSDT".to_owned(), "SOL-USDT".to_owned())].into()),
        microseconds: false,
    })
}

fn read(frame: &str) -> Result<Report, ErrorCode> {
    parser().parse_one(frame.as_bytes(), NOW_NS).map_err(|error| error.code)
}

fn execution(frame: &str) -> ExecutionReport {
    match read(frame).unwrap() {
        Report::Execution(report) => report,
        Report::Control(control) => panic!("expected an order event, was {control:?}"),
    }
}

fn control(frame: &str) -> (ControlType, String) {
    match read(frame).unwrap() {
        Report::Control(control) => (control.kind, String::from_utf8(control.json).unwrap()),
        Report::Execution(report) => panic!("expected a control, was {report:?}"),
    }
}

fn member<'a>(json: &'a str, name: &str) -> &'a str {
    let start = json.find(&format!("\"{name}\":")).unwrap() + name.len() + 3;
    let rest = &json[start..];
    &rest[..rest.find(",\"").unwrap_or(rest.len())]
}

#[test]
fn a_fill_is_written_canonically() {
    assert_eq!(String::from_utf8(execution(TRADE).json).unwrap(), EVENT);
    for frame in [
        format!(" {TRADE}"),
        format!(r#"{{"stream":"k","data":{TRADE}}}"#),
        TRADE.replacen(r#""S":"BUY","o":"LIMIT""#, r#""o":"LIMIT","S":"BUY""#, 1),
        format!(r#"{{"data":{TRADE},"event":{{}},"stream":"k"}}"#),
        format!(r#"{{"event":{{"e":"x"}},"data":{TRADE},"stream":"k"}}"#),
        TRADE.replace(',', " ,\n"),
        TRADE.replace(r#""x":"TRADE""#, r#""\u0078":"\u0054RADE""#),
        TRADE.replace(r#""gtd":0"#, r#""gtd":null,"st":"ALGO_CONDITION","zz":{"a":[1]}"#),
    ] {
        assert_eq!(String::from_utf8(execution(&frame).json).unwrap(), EVENT, "{frame}");
    }
}

#[test]
fn liquidations_are_fills_when_they_say_so() {
    let forced = TRADE.replace("acme-f-0001", "autoclose-1").replace(r#""x":"TRADE""#, r#""x":"CALCULATED""#);
    let report = execution(&forced);
    assert_eq!(report.client_order_id.unwrap().text(&report.json), "autoclose-1");
    assert_eq!(report.last_fill.unwrap().0.plain(&report.json), "2710000055");
    let nothing = forced.replace(r#""l":"7""#, r#""l":"0""#).replace(r#""L":"150.04""#, r#""L":"0""#);
    assert_eq!(
        control(&nothing),
        (
            ControlType::OrderDoubted,
            r#"{"type":"order_doubted","symbol":"SOLUSDT","order_id":"8389765739703625592"}"#.to_owned()
        )
    );
    let open = nothing.replace("PARTIALLY_FILLED", "NEW_ADL");
    assert_eq!(member(std::str::from_utf8(&execution(&open).json).unwrap(), "kind"), r#""new""#);
    assert_eq!(
        read(&forced.replace("PARTIALLY_FILLED", "NEW_INSURANCE")).unwrap_err(),
        ErrorCode::IllegalStatus
    );
}

#[test]
fn an_amendment_is_told_apart_by_its_counter_or_its_time() {
    let amended = TRADE
        .replace(r#""x":"TRADE","X":"PARTIALLY_FILLED""#, r#""x":"AMENDMENT","X":"PARTIALLY_FILLED""#)
        .replace(r#""l":"7""#, r#""l":"0""#)
        .replace(r#""L":"150.04""#, r#""L":"0""#)
        .replace(r#""t":2710000055"#, r#""t":0"#);
    let id = |frame: &str| {
        let report = execution(frame);
        report.event_id.plain(&report.json).rsplit(':').next().unwrap().to_owned()
    };
    assert_eq!(id(&amended), "~amendment-partially_filled-12-1773000050738");
    assert_eq!(id(&amended.replace(r#""er":"0""#, r#""er":"0","M":"77""#)), "~replaced-77");
    assert_eq!(
        id(&amended.replace(r#""er":"0""#, r#""er":"0","M":"a:b""#)),
        "~amendment-partially_filled-12-1773000050738"
    );
}

#[test]
fn a_trailing_stop_has_no_stop_price() {
    let stop = TRADE.replace(r#""sp":"0""#, r#""sp":"7103.04""#);
    let stop_price = |frame: &str| {
        let json = String::from_utf8(execution(frame).json).unwrap();
        (member(&json, "stop_price").to_owned(), member(&json, "type").to_owned())
    };
    assert_eq!(stop_price(&stop), (r#""7103.04""#.to_owned(), r#""limit""#.to_owned()));
    let trailing = stop.replace(r#""ot":"LIMIT""#, r#""ot":"TRAILING_STOP_MARKET""#);
    assert_eq!(stop_price(&trailing).0, "null");
    let untriggered = stop.replace(r#""o":"LIMIT""#, r#""o":"TRAILING_STOP_MARKET""#);
    assert_eq!(stop_price(&untriggered), ("null".to_owned(), r#""trailing_stop""#.to_owned()));
}

#[test]
fn a_position_that_is_closed_bounds_no_quantity() {
    let closing = TRADE.replace(r#""q":"20""#, r#""q":"0""#);
    assert_eq!(read(&closing).unwrap_err(), ErrorCode::CumulativeExceedsQuantity);
    execution(&closing.replace(r#""cp":false"#, r#""cp":true"#));
}

#[test]
fn an_announced_fill_is_no_event() {
    let lite = r#"{"e":"TRADE_LITE","E":1721895408092,"T":1721895408214,"s":"SOLUSDT","q":"0.001","p":"0","m":false,"c":"z8","S":"BUY","L":"64089.20","l":"0.040","t":109100866,"i":8886774}"#;
    let (kind, json) = control(lite);
    assert_eq!(kind, ControlType::FillAnnounced);
    assert_eq!(
        json,
        concat!(
            r#"{"type":"fill_announced","exchange_time_ns":1721895408092000000,"transaction_time_ns":1721895408214000000,"#,
            r#""symbol":"SOLUSDT","pair":"SOL-USDT","order_id":"8886774","client_order_id":"z8","side":"buy","price":null,"#,
            r#""trade_id":"109100866","last_price":"64089.2","last_quantity":"0.04","liquidity":"taker"}"#
        )
    );
    assert_eq!(read(&lite.replace(r#","t":109100866"#, "")).unwrap_err(), ErrorCode::MissingField);
    assert_eq!(read(&lite.replace("109100866", "0")).unwrap_err(), ErrorCode::FillWithoutTradeId);
    assert_eq!(read(&lite.replace("0.040", "-1")).unwrap_err(), ErrorCode::NegativeAmount);
    assert_eq!(read(&lite.replace("SOLUSDT", "XXX")).unwrap_err(), ErrorCode::UnknownSymbol);
}

#[test]
fn errors_name_the_order_they_are_about() {
    for (frame, code) in [
        (TRADE.replace(r#""L":"150.04""#, r#""L":"0""#), ErrorCode::FillWithoutPrice),
        (TRADE.replace(r#""l":"7""#, r#""l":"13""#), ErrorCode::LastExceedsCumulative),
        (TRADE.replace("PARTIALLY_FILLED", "FILLED"), ErrorCode::FilledShort),
        (TRADE.replace("PARTIALLY_FILLED", "NEW"), ErrorCode::IllegalStatus),
        (TRADE.replace("PARTIALLY_FILLED", "HALF"), ErrorCode::UnknownStatus),
        (TRADE.replace(r#""N":"USDT","#, ""), ErrorCode::MissingField),
        (TRADE.replace(r#""R":false"#, r#""R":0"#), ErrorCode::WrongType),
        (TRADE.replace(r#""L":"150.04""#, r#""L":"999999999999999999""#), ErrorCode::AbsurdMagnitude),
    ] {
        let error = parser().parse(frame.as_bytes(), NOW_NS).unwrap_err();
        assert_eq!(error.code, code, "{frame}");
        assert_eq!(error.symbol.as_deref(), Some("SOLUSDT"));
        assert_eq!(error.order_id.as_deref(), Some("8389765739703625592"));
    }
}

#[test]
fn every_cut_and_every_byte_is_an_error_or_a_report() {
    let mut parser = parser();
    for index in 0..TRADE.len() {
        assert!(parser.parse(&TRADE.as_bytes()[..index], NOW_NS).is_err(), "cut at {index}");
        for byte in 0..=255 {
            let mut frame = TRADE.as_bytes().to_vec();
            frame[index] = byte;
            if let Ok(reports) = parser.parse(&frame, NOW_NS) {
                assert_eq!(reports.len(), 1);
            }
        }
    }
    assert_eq!(String::from_utf8(execution(TRADE).json).unwrap(), EVENT);
}

#[test]
fn controls_keep_their_kind() {
    for (frame, kind, said) in [
        (
            r#"{"e":"ACCOUNT_UPDATE","T":1771856732584,"E":1771856732584,"a":{"B":[{"a":"USDT","wb":"1.70","cw":"1.7","bc":"0"}],"P":[{"s":"SOLUSDT","pa":"-0.1","ep":"80.19","ps":"BOTH"}],"m":"ORDER"}}"#,
            ControlType::Account,
            r#""cause":"ORDER","balances":[{"asset":"USDT","wallet":"1.7","cross_wallet":"1.7"}],"positions":[{"symbol":"SOLUSDT","side":"BOTH","quantity":"-0.1","entry_price":"80.19"}]}"#,
        ),
        (
            r#"{"e":"ALGO_UPDATE","T":1772462520552,"E":1772462520553,"o":{"caid":"n","aid":2000000547400625,"s":"ACHUSDT","X":"TRIGGERED","ai":"4904025190","rm":""}}"#,
            ControlType::ConditionalOrder,
            r#""symbol":"ACHUSDT","algo_id":"2000000547400625","client_order_id":"n","status":"triggered","order_id":"4904025190","reject_reason":null}"#,
        ),
        (
            r#"{"e":"CONDITIONAL_ORDER_TRIGGER_REJECT","E":1685517224945,"T":1685517224955,"or":{"s":"ETHUSDT","i":155618472834,"r":"why"}}"#,
            ControlType::ConditionalOrderRejected,
            r#""symbol":"ETHUSDT","order_id":"155618472834","reject_reason":"why"}"#,
        ),
        (
            r#"{"e":"MARGIN_CALL","E":1587727187525,"cw":"3.16812045","p":[{"s":"ETHUSDT","ps":"LONG","pa":"1.327","mt":"CROSSED","iw":"0","mp":"187.17127","up":"-1.166074","mm":"1.614445"}]}"#,
            ControlType::MarginCall,
            r#""cross_wallet":"3.16812045","positions":[{"symbol":"ETHUSDT","side":"LONG","quantity":"1.327","mark_price":"187.17127","maintenance_margin":"1.614445"}]}"#,
        ),
        (
            r#"{"e":"ACCOUNT_CONFIG_UPDATE","E":1611646737479,"T":1611646737476,"ac":{"s":"BTCUSDT","l":25}}"#,
            ControlType::AccountConfig,
            r#""symbol":"BTCUSDT","leverage":25,"is_multi_assets":null}"#,
        ),
        (
            r#"{"e":"ACCOUNT_CONFIG_UPDATE","E":1611646737479,"T":1611646737476,"ai":{"j":true}}"#,
            ControlType::AccountConfig,
            r#""symbol":null,"leverage":null,"is_multi_assets":true}"#,
        ),
        (
            r#"{"e":"GRID_UPDATE","T":1669262908216,"E":1669262908218,"gu":{"si":1}}"#,
            ControlType::Other,
            r#""event":"GRID_UPDATE"}"#,
        ),
        (
            r#"{"e":"listenKeyExpired","E":1736996475556,"listenKey":"secret"}"#,
            ControlType::ListenKeyExpired,
            r#""exchange_time_ns":1736996475556000000}"#,
        ),
    ] {
        let (found, json) = control(frame);
        assert_eq!(found, kind);
        assert!(json.ends_with(said), "{json}");
    }
    assert_eq!(read(r#"{"e":"NEWS","E":1736996475556}"#).unwrap_err(), ErrorCode::UnknownEvent);
}
