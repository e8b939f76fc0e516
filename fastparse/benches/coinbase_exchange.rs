//! What a frame of Coinbase Exchange costs in Rust: `cargo bench -p fastparse`. Quote ratios, not absolutes.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fastparse::coinbase_exchange::ExchangeParser;
use fastparse::venue::{Config, VenueParser};

const NOW_NS: i64 = 1_795_000_000_000_000_000;

/// Messages as the documents show them.
const RECEIVED: &str = r#"{"type":"received","side":"buy","product_id":"BTC-USD","time":"2026-03-05T16:37:13.396107Z","sequence":5641897870,"profile_id":"774ee0ce-fdda-405f-aa8d-47189a14ba0a","user_id":"54fc141576dcf32596000133","order_id":"88bf7086-7b15-40ff-8b19-ab4e08516d69","order_type":"limit","size":"1.5","price":"47400","client_oid":"a317abb9-2b30-4370-ebfe-0deecb300180"}"#;
const MATCH: &str = r#"{"type":"match","side":"sell","product_id":"BTC-USD","time":"2026-03-05T16:37:13.396107Z","sequence":5641897876,"profile_id":"774ee0ce-fdda-405f-aa8d-47189a14ba0a","user_id":"54fc141576dcf32596000133","trade_id":5455505,"maker_order_id":"e5f5754d-70a3-4346-95a6-209bcb503629","taker_order_id":"88bf7086-7b15-40ff-8b19-ab4e08516d69","size":"0.00021019","price":"47338.46","taker_profile_id":"774ee0ce-fdda-405f-aa8d-47189a14ba0a","taker_user_id":"54fc141576dcf32596000133","taker_fee_rate":"0.005"}"#;
const OTHERS: &str = r#"{"type":"match","side":"sell","product_id":"BTC-USD","time":"2026-03-05T16:37:13.396107Z","sequence":5641897876,"trade_id":5455505,"maker_order_id":"e5f5754d-70a3-4346-95a6-209bcb503629","taker_order_id":"88bf7086-7b15-40ff-8b19-ab4e08516d69","size":"0.00021019","price":"47338.46"}"#;
const HEARTBEAT: &str = r#"{"type":"heartbeat","sequence":5641897876,"last_trade_id":5455505,"product_id":"BTC-USD","time":"2026-03-05T16:37:14.464459Z"}"#;

fn parser() -> ExchangeParser {
    ExchangeParser::new(Config {
        user: "alice".to_owned(),
        environment: "live".to_owned(),
        exchange: "coinbase".to_owned(),
        symbols: Some([("BTC-USD".to_owned(), "BTC-USD".to_owned())].into()),
        microseconds: false,
    })
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("coinbase exchange");
    group.throughput(Throughput::Bytes(MATCH.len() as u64));
    group.bench_function("fill", |bencher| {
        bencher.iter_batched_ref(
            || {
                let mut parser = parser();
                let _ = parser.parse(RECEIVED.as_bytes(), NOW_NS);
                parser
            },
            |parser| parser.parse(black_box(MATCH.as_bytes()), NOW_NS),
            BatchSize::SmallInput,
        );
    });
    for (name, frame) in [
        ("fill told before", MATCH.to_owned()),
        ("others' match on the full channel", OTHERS.to_owned()),
        ("the same with white space", format!(" {OTHERS}")),
        ("heartbeat", HEARTBEAT.to_owned()),
    ] {
        let mut parser = parser();
        let _ = parser.parse(RECEIVED.as_bytes(), NOW_NS);
        let _ = parser.parse(MATCH.as_bytes(), NOW_NS);
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| parser.parse(black_box(frame.as_bytes()), NOW_NS));
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
