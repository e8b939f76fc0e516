//! From the venue's symbol to our pair.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::piece::Piece;
use crate::text::Text;

/// Multiplier of an option: a contract is on so many units.
const OPTION_UNITS: u8 = 100;

/// Quote assets of crypto pairs, the longest first: by them a symbol of before 2023 is split, which has no slash.
const CRYPTO_QUOTES: [&str; 4] = ["USDT", "USDC", "USD", "BTC"];

/// What is traded.
#[derive(Clone, Debug)]
pub struct Instrument<'a> {
    /// The venue's spelling, of a crypto pair always the one with a slash: executions are recognised by it.
    pub symbol: Cow<'a, str>,
    /// `BASE-QUOTE`.
    pub pair: String,
    /// How many units of the price one unit of quantity is.
    pub units: u8,
}

impl Instrument<'_> {
    /// The symbol, which holds nothing to escape.
    #[must_use]
    pub fn text(&self) -> Text<'_> {
        Text::new(Piece::new(self.symbol.as_bytes(), 0, self.symbol.len()), false)
    }
}

/// Returns the instrument, `None` if the symbol is none of a class that we know and does not stand in the table.
#[must_use]
pub fn instrument<'a>(
    symbol: Text<'a>,
    class: Option<Text<'_>>,
    table: Option<&HashMap<String, String>>,
) -> Option<Instrument<'a>> {
    let symbol = symbol.value();
    // Plain characters only, which neither a subject nor JSON needs to escape in the middle of a name.
    if symbol.is_empty()
        || !symbol.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
    {
        return None;
    }
    let class = class.map(|class| class.value());
    match class.as_deref() {
        Some("crypto") => crypto(symbol),
        Some("us_equity") => Some(in_dollars(symbol, 1)),
        Some("us_option") => Some(in_dollars(symbol, OPTION_UNITS)),
        _ => match table {
            Some(table) => {
                let pair = table.get(symbol.as_ref())?.clone();
                Some(Instrument { symbol, pair, units: 1 })
            }
            None if class.is_some() => None,
            None if symbol.contains('/') => crypto(symbol),
            None => Some(in_dollars(symbol, 1)),
        },
    }
}

fn in_dollars(symbol: Cow<'_, str>, units: u8) -> Instrument<'_> {
    let pair = [symbol.as_ref(), "-USD"].concat();
    Instrument { symbol, pair, units }
}

fn crypto(symbol: Cow<'_, str>) -> Option<Instrument<'_>> {
    let parts = match symbol.split_once('/') {
        Some((base, quote)) if !quote.contains('/') => Some((base, quote)),
        Some(_) => None,
        None => CRYPTO_QUOTES.iter().find_map(|quote| symbol.strip_suffix(quote).map(|base| (base, *quote))),
    };
    let (base, quote) = parts.filter(|(base, quote)| !base.is_empty() && !quote.is_empty())?;
    let pair = [base, "-", quote].concat();
    let slashed = (!symbol.contains('/')).then(|| [base, "/", quote].concat());
    Some(Instrument { symbol: slashed.map_or(symbol, Cow::Owned), pair, units: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(raw: &str) -> Text<'_> {
        Text::new(Piece::new(raw.as_bytes(), 0, raw.len()), false)
    }

    fn read(
        symbol: &str,
        class: Option<&str>,
        table: Option<&HashMap<String, String>>,
    ) -> Option<(String, String, u8)> {
        let found = instrument(text(symbol), class.map(text), table)?;
        Some((found.symbol.into_owned(), found.pair, found.units))
    }

    #[test]
    fn each_class_has_its_own_rule() {
        for (symbol, class, expected) in [
            ("BTC/USD", "crypto", Some(("BTC/USD", "BTC-USD", 1))),
            ("ETH/BTC", "crypto", Some(("ETH/BTC", "ETH-BTC", 1))),
            ("SOLUSD", "crypto", Some(("SOL/USD", "SOL-USD", 1))),
            ("SHIBUSDT", "crypto", Some(("SHIB/USDT", "SHIB-USDT", 1))),
            ("USD", "crypto", None),
            ("A/B/C", "crypto", None),
            ("/USD", "crypto", None),
            ("XYZ", "crypto", None),
            ("BRK.B", "us_equity", Some(("BRK.B", "BRK.B-USD", 1))),
            (
                "AAPL250321P00200000",
                "us_option",
                Some(("AAPL250321P00200000", "AAPL250321P00200000-USD", 100)),
            ),
            ("", "us_equity", None),
            ("A B", "us_equity", None),
            ("A\"B", "us_equity", None),
            ("É", "us_equity", None),
            ("AAPL", "us_index", None),
        ] {
            let expected = expected.map(|(symbol, pair, units)| (symbol.to_owned(), pair.to_owned(), units));
            assert_eq!(read(symbol, Some(class), None), expected, "{symbol} {class}");
        }
    }

    #[test]
    fn another_class_is_known_by_the_table_alone() {
        let table = HashMap::from([("T1".to_owned(), "T1-USD".to_owned())]);
        assert_eq!(read("T1", Some("treasury"), Some(&table)), Some(("T1".into(), "T1-USD".into(), 1)));
        assert_eq!(read("T2", Some("treasury"), Some(&table)), None);
        assert_eq!(read("T1", None, Some(&table)), Some(("T1".into(), "T1-USD".into(), 1)));
        assert_eq!(read("AAPL", None, None), Some(("AAPL".into(), "AAPL-USD".into(), 1)));
        assert_eq!(read("BTC/USD", None, None), Some(("BTC/USD".into(), "BTC-USD".into(), 1)));
    }
}
