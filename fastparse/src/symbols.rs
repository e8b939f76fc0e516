//! From the venue's symbol to our pair.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use crate::json::write_escaped;
use crate::pen::Pen;
use crate::text::Text;

/// Quote assets that the venue has had, for splitting symbols where no table is at hand.
const QUOTES: [&str; 42] = [
    "ARS", "AUD", "BIDR", "BKRW", "BNB", "BRL", "BTC", "BUSD", "BVND", "COP", "CZK", "DAI", "DOGE", "DOT",
    "ETH", "EUR", "EURI", "FDUSD", "GBP", "IDRT", "JPY", "MXN", "NGN", "PAX", "PLN", "RON", "RUB", "SOL",
    "TRX", "TRY", "TUSD", "UAH", "USD", "USD1", "USDC", "USDP", "USDS", "USDT", "UST", "VAI", "XRP", "ZAR",
];

/// How symbols become pairs.
pub enum Symbols {
    /// By the venue's own list. Pairs are kept as the inside of a JSON string.
    Table(FxHashMap<Box<[u8]>, Box<str>>),
    /// By the longest known quote asset the symbol ends with: right for most, a guess for all.
    Guess,
    /// Each is its own pair: right where the venue writes symbols as we write pairs, but nobody looks whether it exists.
    Itself,
}

impl Symbols {
    /// Symbols by a table of pairs, or as they are.
    #[must_use]
    pub fn or_itself(table: Option<HashMap<String, String>>) -> Self {
        table.map_or(Self::Itself, |table| Self::new(Some(table)))
    }

    /// Symbols by a table of pairs, or by guess.
    #[must_use]
    pub fn new(table: Option<HashMap<String, String>>) -> Self {
        let Some(table) = table else { return Self::Guess };
        let escaped = |pair: &str| {
            let mut out = Vec::with_capacity(pair.len());
            write_escaped(pair, &mut out);
            String::from_utf8(out).unwrap_or_default().into_boxed_str()
        };
        Self::Table(
            table.into_iter().map(|(symbol, pair)| (symbol.into_bytes().into(), escaped(&pair))).collect(),
        )
    }

    /// The pair, `None` if the symbol is not known.
    #[must_use]
    pub fn pair<'a>(&'a self, symbol: Text<'a>) -> Option<Pair<'a>> {
        match self {
            Self::Table(table) if symbol.is_escaped() => table.get(symbol.value().as_bytes()),
            Self::Table(table) => table.get(symbol.raw_bytes()),
            Self::Itself => return Some(Pair::Itself(symbol)),
            Self::Guess => return quote_of(&symbol.value()).map(|quote| Pair::Guessed { symbol, quote }),
        }
        .map(|pair| Pair::Known(pair))
    }
}

/// A pair.
#[derive(Clone, Copy, Debug)]
pub enum Pair<'a> {
    /// From the table, as the inside of a JSON string.
    Known(&'a str),
    /// The symbol, to be split before this quote asset.
    Guessed {
        /// The venue's symbol.
        symbol: Text<'a>,
        /// With what it ends.
        quote: &'static str,
    },
    /// The symbol.
    Itself(Text<'a>),
}

impl Pair<'_> {
    /// Writes the pair as the inside of a JSON string.
    #[inline]
    #[must_use]
    pub fn put(self, pen: Pen<'_>) -> Option<Pen<'_>> {
        match self {
            Self::Known(pair) => pen.put_word(pair.as_bytes()),
            Self::Itself(symbol) => symbol.put_inside(pen),
            Self::Guessed { .. } => {
                let mut out = Vec::new();
                self.write(&mut out);
                pen.put_slice(&out)
            }
        }
    }

    /// Appends the pair as the inside of a JSON string.
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Known(pair) => out.extend_from_slice(pair.as_bytes()),
            Self::Itself(symbol) => symbol.write_inside(out),
            Self::Guessed { symbol, quote } => {
                let symbol = symbol.value();
                write_escaped(symbol.strip_suffix(quote).unwrap_or(&symbol), out);
                out.push(b'-');
                out.extend_from_slice(quote.as_bytes());
            }
        }
    }
}

/// Returns the longest quote asset with which the symbol ends and that leaves a base.
fn quote_of(symbol: &str) -> Option<&'static str> {
    let leaves_base = |quote: &&&str| symbol.strip_suffix(**quote).is_some_and(|base| !base.is_empty());
    QUOTES.iter().filter(leaves_base).max_by_key(|quote| quote.len()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::piece::Piece;

    fn text(symbols: &Symbols, symbol: &str) -> Option<String> {
        let mut out = Vec::new();
        symbols.pair(Text::new(Piece::new(symbol.as_bytes(), 0, symbol.len()), false))?.write(&mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_longest_quote_asset_wins() {
        let pair = |symbol| text(&Symbols::Guess, symbol);
        assert_eq!(pair("BTCUSDT").as_deref(), Some("BTC-USDT"));
        assert_eq!(pair("FDUSDUSDT").as_deref(), Some("FDUSD-USDT"));
        assert_eq!(pair("BTCFDUSD").as_deref(), Some("BTC-FDUSD"));
        assert_eq!(pair("BNBBTC").as_deref(), Some("BNB-BTC"));
        assert_eq!(pair("USDT"), None);
        assert_eq!(pair("１２３"), None);
    }

    #[test]
    fn a_symbol_may_be_its_own_pair() {
        let text = |table| text(&Symbols::or_itself(table), "BIT-28JUN24-CDE");
        assert_eq!(text(None).as_deref(), Some("BIT-28JUN24-CDE"));
        assert_eq!(text(Some(HashMap::new())), None);
    }

    #[test]
    fn a_table_knows_only_what_it_holds() {
        let table = HashMap::from([("１２３".to_owned(), "１２-\"３".to_owned())]);
        let symbols = Symbols::new(Some(table));
        assert_eq!(text(&symbols, "１２３").as_deref(), Some("１２-\\\"３"));
        assert_eq!(text(&symbols, "BTCUSDT"), None);
    }
}
