//! What a frame of Coinbase Advanced costs in Rust: `cargo bench -p fastparse`. Quote ratios, not absolutes.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fastparse::coinbase_advanced::AdvancedParser;
use fastparse::venue::{Config, VenueParser};

const NOW_NS: i64 = 1_795_000_000_000_000_000;

/// An order as the documents show it.
const ORDER: &str = r#"{"avg_price":"0","cancel_reason":"","client_order_id":"cli-77","completion_percentage":"0.00","contract_expiry_type":"UNKNOWN_CONTRACT_EXPIRY_TYPE","cumulative_quantity":"0","filled_value":"0","leaves_quantity":"2","limit_price":"100.50","number_of_fills":"0","order_id":"5d1c9b1a-90a5-4d7b-8d52-0f7f3c8f0001","order_side":"SELL","order_type":"Limit","outstanding_hold_amount":"2","post_only":"false","product_id":"SOL-USD","product_type":"SPOT","reject_reason":"","retail_portfolio_id":"3e625b74-1c4e-5967-ad38-4d26f30d4439","risk_managed_by":"UNKNOWN_RISK_MANAGEMENT_TYPE","status":"OPEN","stop_price":"","time_in_force":"GOOD_UNTIL_CANCELLED","total_fees":"0","total_value_after_fees":"0","trigger_status":"INVALID_ORDER_TYPE","creation_time":"2026-05-06T07:08:08.5Z","end_time":"0001-01-01T00:00:00Z","start_time":"0001-01-01T00:00:00Z"}"#;

fn frame(channel: &str, events: &str) -> String {
    format!(
        r#"{{"channel":"{channel}","client_id":"","timestamp":"2026-05-06T07:08:09.123456789Z","sequence_num":7,"events":[{events}]}}"#
    )
}

fn update(orders: &str) -> String {
    frame("user", &format!(r#"{{"type":"update","orders":[{orders}]}}"#))
}

fn parser() -> AdvancedParser {
    AdvancedParser::new(Config {
        user: "alice".to_owned(),
        environment: "live".to_owned(),
        exchange: "coinbase-advanced".to_owned(),
        symbols: Some([("SOL-USD".to_owned(), "SOL-USD".to_owned())].into()),
        microseconds: false,
    })
}

fn frames(criterion: &mut Criterion) {
    let executed = ORDER
        .replace(r#""cumulative_quantity":"0""#, r#""cumulative_quantity":"0.5""#)
        .replace(r#""avg_price":"0""#, r#""avg_price":"101""#);
    let many: Vec<String> =
        (0..50).map(|number| ORDER.replace("5d1c9b1a", &format!("{number:08}"))).collect();
    let cases = [
        ("accepted", update(ORDER)),
        ("executed: a doubt", update(&executed)),
        ("fifty orders", update(&many.join(","))),
        ("heartbeat", frame("heartbeats", r#"{"current_time":"2026","heartbeat_counter":66987}"#)),
    ];
    let mut group = criterion.benchmark_group("coinbase advanced");
    for (name, frame) in &cases {
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(*name, |bencher| {
            bencher.iter_batched_ref(
                parser,
                |parser| parser.parse(black_box(frame.as_bytes()), NOW_NS),
                BatchSize::SmallInput,
            );
        });
    }
    let repeated = update(ORDER);
    let mut parser = parser();
    let _ = parser.parse(repeated.as_bytes(), NOW_NS);
    group.throughput(Throughput::Bytes(repeated.len() as u64));
    group.bench_function("nothing new", |bencher| {
        bencher.iter(|| parser.parse(black_box(repeated.as_bytes()), NOW_NS));
    });
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
