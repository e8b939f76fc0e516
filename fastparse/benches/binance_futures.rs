//! What a frame of Binance USD-M Futures costs in Rust: `cargo bench -p fastparse`. Quote ratios, not absolutes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastparse::binance_futures::FuturesParser;
use fastparse::venue::Config;

const NOW_NS: i64 = 1_773_000_060_000_000_000;

/// A partial fill in the shape of recordings of 2026.
const FILL: &str = r#"{"e":"ORDER_TRADE_UPDATE","T":1773000050738,"E":1773000050739,"o":{"s":"SOLUSDT","c":"acme-f-0001","S":"BUY","o":"LIMIT","f":"GTC","q":"20","p":"150.10","ap":"150.05","sp":"0","x":"TRADE","X":"PARTIALLY_FILLED","i":188000001234,"l":"7","z":"12","L":"150.04","n":"0.42011200","N":"USDT","T":1773000050738,"t":2710000055,"b":"1200.8","a":"0","m":false,"R":false,"wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"BOTH","cp":false,"rp":"0","pP":false,"si":0,"ss":0,"V":"EXPIRE_MAKER","pm":"NONE","gtd":0,"er":"0"}}"#;
const ANNOUNCED: &str = r#"{"e":"TRADE_LITE","E":1771856732584,"T":1771856732584,"s":"SOLUSDT","q":"0.10","p":"0.0000","m":false,"c":"SOLUSDT_BOTH_1771856732181_1","S":"BUY","L":"80.1900","l":"0.10","t":3181138052,"i":199033476993}"#;

fn frames(criterion: &mut Criterion) {
    let cases = [
        ("fill", FILL.to_owned()),
        ("fill of a combined stream", format!(r#"{{"stream":"key","data":{FILL}}}"#)),
        ("fill, refused", FILL.replacen(r#""z":"12""#, r#""z":"6""#, 1)),
        ("fill announced", ANNOUNCED.to_owned()),
    ];
    let mut group = criterion.benchmark_group("binance_futures");
    for (name, frame) in cases {
        let mut parser = FuturesParser::new(Config {
            user: "alice".to_owned(),
            environment: "live".to_owned(),
            exchange: "binance-futures".to_owned(),
            symbols: Some([("SOLUSDT".to_owned(), "SOL-USDT".to_owned())].into()),
            microseconds: false,
        });
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| parser.parse_one(black_box(frame.as_bytes()), NOW_NS));
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
