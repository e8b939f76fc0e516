//! What a Binance frame costs in Rust: `cargo bench -p fastparse`. Quote ratios, not absolutes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastparse::binance::SpotParser;
use fastparse::venue::Config;

const NOW_NS: i64 = 1_773_000_060_000_000_000;

/// The documents' example of a partial fill.
const FILL: &str = r#"{"subscriptionId":0,"event":{"e":"executionReport","E":1773000007411,"s":"SOLUSDT","c":"acme-0001","S":"BUY","o":"LIMIT","f":"GTC","q":"10.00000000","p":"150.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":7000000101,"l":"4.00000000","z":"4.00000000","L":"150.00000000","n":"0.00400000","N":"SOL","T":1773000007410,"t":41000001,"I":14000001010,"w":true,"m":true,"M":true,"O":1773000000122,"Z":"600.00000000","Y":"600.00000000","Q":"0.00000000","W":1773000000122,"V":"EXPIRE_MAKER"}}"#;
const POSITION: &str = r#"{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1728972148778,"u":1728972148778,"B":[{"a":"BTC","f":"11818.00000000","l":"182.00000000"},{"a":"USDT","f":"10580.00000000","l":"70.00000000"}]}}"#;
const ANSWER: &str =
    r#"{"id":"d3df8a22-98ea-4fe0-9f4e-0fcea5d418b7","status":200,"result":{"subscriptionId":0}}"#;

fn parser() -> SpotParser {
    SpotParser::new(Config {
        user: "alice".to_owned(),
        environment: "live".to_owned(),
        exchange: "binance".to_owned(),
        symbols: Some([("SOLUSDT".to_owned(), "SOL-USDT".to_owned())].into()),
        microseconds: false,
    })
}

fn frames(criterion: &mut Criterion) {
    let cases = [
        ("fill, keys as documented", FILL.to_owned()),
        (
            "fill, keys in another order",
            FILL.replacen(r#""S":"BUY","o":"LIMIT""#, r#""o":"LIMIT","S":"BUY""#, 1),
        ),
        ("fill, refused", FILL.replacen(r#""Y":"600"#, r#""Y":"601"#, 1)),
        ("account position", POSITION.to_owned()),
        ("answer", ANSWER.to_owned()),
    ];
    let mut group = criterion.benchmark_group("binance");
    for (name, frame) in cases {
        let mut parser = parser();
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| parser.parse_one(black_box(frame.as_bytes()), NOW_NS));
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
