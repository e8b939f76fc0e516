//! From the venue's symbol to our pair.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::json::write_escaped;

/// Quote assets that the venue has had, for splitting symbols where no table is at hand.
const QUOTES: [&str; 42] = [
    "ARS", "AUD", "BIDR", "BKRW", "BNB", "BRL", "BTC", "BUSD", "BVND", "COP", "CZK", "DAI", "DOGE", "DOT",
    "ETH", "EUR", "EURI", "FDUSD", "GBP", "IDRT", "JPY", "MXN", "NGN", "PAX", "PLN", "RON", "RUB", "SOL",
    "TRX", "TRY", "TUSD", "UAH", "USD", "USD1", "USDC", "USDP", "USDS", "USDT", "UST", "VAI", "XRP", "ZAR",
];

/// How symbols become pairs.
pub enum Symbols {
    /// By the venue's own list. Pairs are kept as the inside of a JSON string.
    Table(HashMap<String, Box<str>>),
    /// By the longest known quote asset the symbol ends with: right for most, a guess for all.
    Guess,
}

impl Symbols {
    /// Symbols by a table of pairs, or by guess.
    #[must_use]
    pub fn new(table: Option<HashMap<String, String>>) -> Self {
        let Some(table) = table else { return Self::Guess };
        let escaped = |pair: &str| {
            let mut out = Vec::with_capacity(pair.len());
            write_escaped(pair, &mut out);
            String::from_utf8(out).unwrap_or_default().into_boxed_str()
        };
        Self::Table(table.into_iter().map(|(symbol, pair)| (symbol, escaped(&pair))).collect())
    }

    /// The pair as the inside of a JSON string, `None` if the symbol is not known.
    #[must_use]
    pub fn pair(&self, symbol: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Table(table) => table.get(symbol).map(|pair| Cow::Borrowed(pair.as_ref())),
            Self::Guess => {
                let (base, quote) = split(symbol)?;
                let mut out = Vec::with_capacity(symbol.len() + 1);
                write_escaped(base, &mut out);
                out.push(b'-');
                out.extend_from_slice(quote.as_bytes());
                String::from_utf8(out).ok().map(Cow::Owned)
            }
        }
    }
}

/// Splits a symbol into base and quote asset by the longest quote asset that leaves a base.
fn split(symbol: &str) -> Option<(&str, &str)> {
    QUOTES
        .iter()
        .filter_map(|quote| {
            symbol.strip_suffix(quote).filter(|base| !base.is_empty()).map(|base| (base, *quote))
        })
        .max_by_key(|(_, quote)| quote.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_quote_asset_wins() {
        let pair = |symbol| Symbols::Guess.pair(symbol).map(Cow::into_owned);
        assert_eq!(pair("BTCUSDT").as_deref(), Some("BTC-USDT"));
        assert_eq!(pair("FDUSDUSDT").as_deref(), Some("FDUSD-USDT"));
        assert_eq!(pair("BTCFDUSD").as_deref(), Some("BTC-FDUSD"));
        assert_eq!(pair("BNBBTC").as_deref(), Some("BNB-BTC"));
        assert_eq!(pair("USDT"), None);
        assert_eq!(pair("１２３"), None);
    }

    #[test]
    fn a_table_knows_only_what_it_holds() {
        let table = HashMap::from([("１２３".to_owned(), "１２-\"３".to_owned())]);
        let symbols = Symbols::new(Some(table));
        assert_eq!(symbols.pair("１２３").as_deref(), Some("１２-\\\"３"));
        assert_eq!(symbols.pair("BTCUSDT"), None);
    }
}
