//! What a venue's parser is, and which venues there are.

use std::collections::HashMap;

use crate::alpaca::AlpacaParser;
use crate::binance::SpotParser;
use crate::binance_futures::FuturesParser;
use crate::coinbase_advanced::AdvancedParser;
use crate::coinbase_exchange::ExchangeParser;
use crate::error::ParseError;
use crate::model::Report;

/// What is fixed for all frames of a connection.
#[derive(Clone, Debug)]
pub struct Config {
    /// Owner of the account.
    pub user: String,
    /// Such as `live`.
    pub environment: String,
    /// Name of the exchange in events.
    pub exchange: String,
    /// Symbol to pair; `None` to guess pairs as far as the venue lets one, fit for inspection only.
    pub symbols: Option<HashMap<String, String>>,
    /// Whether times are microseconds instead of milliseconds, where the venue has both.
    pub microseconds: bool,
}

/// What a venue's records show of an order, for frames that do not tell all of it. Amounts are decimal strings.
#[derive(Clone, Debug, Default)]
pub struct OrderFacts {
    /// The venue's spelling.
    pub symbol: String,
    /// The venue's order id.
    pub order_id: String,
    /// The order's own client id.
    pub client_order_id: Option<String>,
    /// `buy` or `sell`.
    pub side: String,
    /// As in events.
    pub order_type: String,
    /// As in events.
    pub time_in_force: Option<String>,
    /// Limit price.
    pub price: Option<String>,
    /// Stop price.
    pub stop_price: Option<String>,
    /// Ordered base quantity.
    pub quantity: Option<String>,
    /// Requested quote amount of an order placed by amount.
    pub quote_quantity: Option<String>,
    /// Base quantity executed so far, all of it published.
    pub cumulative_quantity: String,
    /// Quote amount executed so far.
    pub cumulative_quote: Option<String>,
    /// The last execution that `cumulative_quantity` counts, where the venue shows it.
    pub last_trade_id: Option<String>,
    /// Whether more can be expected of the order.
    pub is_open: bool,
}

/// Parser for the frames of one connection.
pub trait VenueParser: Send + Sync {
    /// Appends what the frame says to `out`, which is empty; `received_time_ns` is when it arrived, by the local clock.
    ///
    /// # Errors
    ///
    /// The frame is malformed, holds an unknown value or is suspicious; what `out` holds then has no meaning.
    fn parse_into(
        &mut self,
        frame: &[u8],
        received_time_ns: i64,
        out: &mut Vec<Report>,
    ) -> Result<(), Box<ParseError>>;

    /// Returns what the frame says: see `parse_into`.
    ///
    /// # Errors
    ///
    /// As `parse_into`.
    fn parse(&mut self, frame: &[u8], received_time_ns: i64) -> Result<Vec<Report>, Box<ParseError>> {
        let mut out = Vec::new();
        self.parse_into(frame, received_time_ns, &mut out).map(|()| out)
    }

    /// Judges times by this offset, the venue's clock minus ours, from now on.
    fn use_clock(&mut self, offset_ns: i64);

    /// Takes back the JSON of a report that is done with, to write the next one into it.
    fn recycle(&mut self, _json: Vec<u8>) {}

    /// Takes what the venue's records show of an order; of use only where frames do not tell all.
    ///
    /// # Errors
    ///
    /// An amount is no decimal.
    fn note_order(&mut self, _order: &OrderFacts) -> Result<(), Box<ParseError>> {
        Ok(())
    }

    /// Has orders of this client id at the venue go by `ours`, where the venue does not take every id.
    fn name_client(&mut self, _id: &str, _ours: &str) {}

    /// Whether frames of the order told what only the records can tell, and these have not yet; see `note_order`.
    fn is_doubted(&self, _symbol: &str, _order_id: &str) -> bool {
        false
    }

    /// Names pairs by this table from now on and keeps what is known; `false` if a new parser does as well.
    fn use_symbols(&mut self, _symbols: HashMap<String, String>) -> bool {
        false
    }

    /// Open orders that were forgotten because there were too many, where the parser remembers orders.
    fn forgotten_count(&self) -> u64 {
        0
    }
}

/// The exchanges that have a parser.
pub const EXCHANGES: &[&str] = &["alpaca", "binance", "binance-futures", "coinbase", "coinbase-advanced"];

/// Returns the parser of an exchange; `None` if there is none.
#[must_use]
pub fn parser(exchange: &str, config: Config) -> Option<Box<dyn VenueParser>> {
    Some(match exchange {
        "alpaca" => Box::new(AlpacaParser::new(config)),
        "binance" => Box::new(SpotParser::new(config)),
        "binance-futures" => Box::new(FuturesParser::new(config)),
        "coinbase" => Box::new(ExchangeParser::new(config)),
        "coinbase-advanced" => Box::new(AdvancedParser::new(config)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exchange_has_a_parser_and_no_other() {
        let config = || Config {
            user: "alice".to_owned(),
            environment: "live".to_owned(),
            exchange: "x".to_owned(),
            symbols: None,
            microseconds: false,
        };
        for exchange in EXCHANGES {
            assert!(parser(exchange, config()).unwrap().parse(b"", 0).is_err());
        }
        assert!(parser("nowhere", config()).is_none());
    }
}
