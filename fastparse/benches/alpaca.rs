//! What a frame of Alpaca costs in Rust: `cargo bench -p fastparse`. Quote ratios, not absolutes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastparse::alpaca::AlpacaParser;
use fastparse::model::Report;
use fastparse::venue::{Config, VenueParser};

const NOW_NS: i64 = 1_795_000_000_000_000_000;

/// Recorded of the live stream (ccxt, `ts/src/test/static/ws/alpaca.json`).
const FILL: &str = r#"{"stream":"trade_updates","data":{"at":"2026-09-18T13:24:50.034555Z","event_id":"01M2TB1W7J21FPR8S4CTGVBY7J","event":"fill","timestamp":"2026-09-18T13:24:50.019957863Z","order":{"id":"b28e2b24-b1b2-40cc-8979-63f45e8edc02","client_order_id":"ccxt_214efabb8ba04f9fbda29883611402a6","created_at":"2026-09-18T13:24:50.018261663Z","updated_at":"2026-09-18T13:24:50.034148789Z","submitted_at":"2026-09-18T13:24:50.018261663Z","filled_at":"2026-09-18T13:24:50.019957863Z","expired_at":null,"cancel_requested_at":null,"canceled_at":null,"failed_at":null,"replaced_at":null,"replaced_by":null,"replaces":null,"asset_id":"03e005f7-4bfc-4616-b1b0-225dd64074fa","symbol":"DOGE/USD","asset_class":"crypto","notional":null,"qty":"129.7","filled_qty":"129.7","filled_avg_price":"0.0851119","order_class":"","order_type":"market","type":"market","side":"sell","position_intent":"sell_to_close","time_in_force":"gtc","limit_price":null,"stop_price":null,"status":"filled","extended_hours":false,"legs":null,"trail_percent":null,"trail_price":null,"hwm":null,"expires_at":"2026-12-16T21:00:00Z"},"price":"0.0851119","qty":"129.7","position_qty":"0","execution_id":"a0b4b946-3ed9-4fd6-bb10-d1c5f28415aa","swap_rate":"1","settle_date":"2026-09-18"}}"#;
const AUTHORIZED: &str =
    r#"{"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}"#;

fn frames(criterion: &mut Criterion) {
    let cases = [
        ("fill", FILL.to_owned()),
        ("state on the way", FILL.replacen(r#""event":"fill""#, r#""event":"pending_cancel""#, 1)),
        ("fill, refused", FILL.replacen(r#""qty":"129.7","filled"#, r#""qty":"129.8","filled"#, 1)),
        ("answer", AUTHORIZED.to_owned()),
    ];
    let mut group = criterion.benchmark_group("alpaca");
    for (name, frame) in cases {
        let mut parser = AlpacaParser::new(Config {
            user: "alice".to_owned(),
            environment: "live".to_owned(),
            exchange: "alpaca".to_owned(),
            symbols: None,
            microseconds: false,
        });
        let mut out = Vec::new();
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let read = parser.parse_into(black_box(frame.as_bytes()), NOW_NS, &mut out).is_ok();
                for report in out.drain(..) {
                    if let Report::Execution(report) = report {
                        parser.recycle(report.json);
                    }
                }
                read
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
