//! What a connection knows of the account's own orders: the messages tell each fact once.

use std::collections::{HashMap, VecDeque};

use super::words::{self, Side};
use crate::decimal::{Amount, Decimal};
use crate::error::{ErrorCode, ParseError};
use crate::json::write_escaped;
use crate::piece::Piece;
use crate::reader::Read;
use crate::text::Text;
use crate::venue::OrderFacts;

/// Open orders kept; one more, and those least recently heard of are forgotten.
const MAX_OPEN: usize = 20_000;
/// Ended orders of which is known that they have.
const MAX_ENDED: usize = 20_000;
/// Client ids of ours kept that stand at the venue under another.
const MAX_NAMES: usize = 20_000;
/// So long the records may lack what has happened.
const LAG_NS: i64 = 10_000_000_000;
/// Trades kept of an order.
const MAX_TRADES: usize = 64;

/// A string of the venue, kept as it stands in JSON.
#[derive(Clone, Debug)]
pub struct Stored {
    raw: Box<str>,
    escaped: bool,
}

impl Stored {
    /// Keeps a string of a frame.
    pub fn of(text: Text<'_>) -> Self {
        Self { raw: text.raw().into(), escaped: text.is_escaped() }
    }

    fn of_plain(text: &str) -> Self {
        let mut raw = Vec::new();
        write_escaped(text, &mut raw);
        let raw = String::from_utf8(raw).unwrap_or_default();
        Self { escaped: raw.contains('\\'), raw: raw.into() }
    }

    /// The string.
    pub fn text(&self) -> Text<'_> {
        Text::new(Piece::new(self.raw.as_bytes(), 0, self.raw.len()), self.escaped)
    }
}

/// One trade of an order.
#[derive(Clone, Copy, Debug)]
pub struct Trade {
    pub id: i64,
    pub price: Amount,
    pub quantity: Amount,
    pub is_maker: bool,
    pub sequence: i64,
    pub time_ns: i64,
    /// Whether an event was made of it, or will be.
    pub is_told: bool,
}

/// An order that is open as far as is known.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, clippy::struct_field_names)] // independent facts, in the words of the trade
pub struct Order {
    pub symbol: Stored,
    pub client_order_id: Option<Stored>,
    pub side: Side,
    pub order_type: &'static str,
    pub time_in_force: Option<&'static str>,
    pub price: Option<Amount>,
    pub stop_price: Option<Amount>,
    pub quantity: Option<Amount>,
    pub quote_quantity: Option<Amount>,
    pub cumulative: Amount,
    pub cumulative_quote: Option<Amount>,
    pub last_sequence: i64,
    /// Whether its frames say no more than that the records must tell.
    pub is_doubted: bool,
    /// When that began.
    doubted_ns: i64,
    /// Whether it was met by its own `received`.
    pub was_received: bool,
    /// Whether it waits for its trigger.
    pub is_stop: bool,
    /// Whether a trade that the records have not shown yet was not told.
    pub is_behind: bool,
    /// A trade that may be the last, which only the next message says.
    pub held: Option<Trade>,
    trades: VecDeque<Trade>,
    /// The records count every trade up to this one.
    base_trade: i64,
    /// The latest trade that is no longer kept.
    forgotten_trade: i64,
    heard: u64,
}

impl Order {
    /// An order of which no more is known.
    pub fn new(symbol: Stored, side: Side) -> Self {
        Self {
            symbol,
            client_order_id: None,
            side,
            order_type: "limit",
            time_in_force: None,
            price: None,
            stop_price: None,
            quantity: None,
            quote_quantity: None,
            cumulative: Decimal::ZERO,
            cumulative_quote: Some(Decimal::ZERO),
            last_sequence: -1,
            is_doubted: false,
            doubted_ns: 0,
            was_received: false,
            is_stop: false,
            is_behind: false,
            held: None,
            trades: VecDeque::new(),
            base_trade: -1,
            forgotten_trade: -1,
            heard: 0,
        }
    }

    /// Whether its last trade shows only by what follows: a market order by funds ends when these do.
    pub fn ends_by_funds(&self) -> bool {
        self.order_type == "market" && self.quantity.is_none()
    }

    /// Doubts it from now on.
    pub fn doubt(&mut self, now_ns: i64) {
        if !self.is_doubted {
            self.is_doubted = true;
            self.doubted_ns = now_ns;
        }
    }

    /// Believes what is known, if that leaves `remaining` of what was ordered: then no trade can be missing.
    pub fn prove(&mut self, remaining: &Decimal<'_>) {
        let sum = self.cumulative.checked_sum(remaining);
        let is_whole =
            sum.zip(self.quantity).is_some_and(|(sum, quantity)| sum.cmp_magnitude(&quantity).is_eq());
        if is_whole && !self.is_behind {
            self.is_doubted = false;
        }
    }

    /// Whether the records have told of this trade.
    pub const fn is_in_records(&self, trade_id: i64) -> bool {
        trade_id <= self.base_trade
    }

    /// Whether the trade is older than all that are kept.
    pub const fn is_forgotten(&self, trade_id: i64) -> bool {
        trade_id <= self.forgotten_trade
    }

    /// The trade of this id, if it was told.
    pub fn trade(&self, id: i64) -> Option<&Trade> {
        self.trades.iter().rev().find(|trade| trade.id == id)
    }

    /// Keeps a trade.
    pub fn keep(&mut self, trade: Trade) {
        self.is_behind |= !trade.is_told;
        if self.trades.len() >= MAX_TRADES {
            if let Some(oldest) = self.trades.pop_front() {
                self.forgotten_trade = self.forgotten_trade.max(oldest.id);
            }
        }
        self.trades.push_back(trade);
    }

    /// Takes what the records show.
    fn learn(&mut self, facts: &OrderFacts) -> Read<()> {
        let amount = |text: &Option<String>| text.as_deref().map(parse).transpose();
        if let Some(id) = facts.client_order_id.as_deref().filter(|id| !id.is_empty()) {
            self.client_order_id = Some(Stored::of_plain(id));
        }
        if let Some(word) = &facts.time_in_force {
            self.time_in_force = words::time_in_force(word);
        }
        self.stop_price = amount(&facts.stop_price)?.or(self.stop_price);
        // What a message told is newer than the records: these may lag behind.
        if !self.was_received {
            self.side = Side::of(&facts.side)
                .ok_or_else(|| unusable(ErrorCode::UnknownSide, "side", "buy or sell", &facts.side))?;
            self.order_type = words::order_type(&facts.order_type).ok_or_else(|| {
                unusable(ErrorCode::UnknownOrderType, "order type", "one of ours", &facts.order_type)
            })?;
            self.price = amount(&facts.price)?;
            self.quantity = amount(&facts.quantity)?.filter(|quantity| !quantity.is_zero());
            self.quote_quantity = amount(&facts.quote_quantity)?;
        }
        Ok(())
    }

    /// Counts from what the records show: `base` is the last trade of their sum.
    ///
    /// A doubt ends when they are known to lack nothing that came before it: they have a trade that came after it, or so
    /// much time has gone by.
    fn rebase(&mut self, base: i64, cumulative: Amount, quote: Option<Amount>, now_ns: i64) {
        if base < self.base_trade || base < self.forgotten_trade {
            return; // older than what is known, or too old to count from
        }
        let later = |trade: &&Trade| trade.id > base;
        let sum = self
            .trades
            .iter()
            .filter(later)
            .try_fold(cumulative, |sum, trade| sum.checked_sum(&trade.quantity));
        let Some(sum) = sum.filter(|sum| self.quantity.is_none_or(|all| sum.cmp_magnitude(&all).is_le()))
        else {
            return;
        };
        let have_later = self.trades.iter().any(|trade| !trade.is_told && trade.id <= base);
        self.is_doubted &= !have_later && now_ns.saturating_sub(self.doubted_ns) < LAG_NS;
        self.cumulative_quote = quote.and_then(|quote| {
            self.trades
                .iter()
                .filter(later)
                .try_fold(quote, |sum, trade| sum.checked_sum(&trade.price.checked_product(&trade.quantity)?))
        });
        self.cumulative = sum;
        self.base_trade = base;
        self.trades.retain(|trade| trade.id > base);
        self.held = self.held.filter(|trade| trade.id > base);
        self.is_behind = self.trades.iter().any(|trade| !trade.is_told);
    }
}

/// The account's orders.
#[derive(Default)]
pub struct Orders {
    open: HashMap<Box<str>, Order>,
    /// Sequence of the last message of each order that has ended.
    ended: HashMap<Box<str>, i64>,
    ended_in_order: VecDeque<Box<str>>,
    /// The client id by which its owner knows an order, by the one that it has at the venue.
    names: HashMap<Box<str>, Stored>,
    names_in_order: VecDeque<Box<str>>,
    heard: u64,
    /// When the first frame came, and the last: what is older than the first may be unknown.
    began_ns: Option<i64>,
    now_ns: i64,
    /// Open orders forgotten so far, because there were too many.
    pub forgotten: u64,
}

impl Orders {
    /// Notes when a frame came.
    #[inline]
    pub fn hear(&mut self, now_ns: i64) {
        self.now_ns = now_ns;
        if self.began_ns.is_none() {
            self.began_ns = Some(now_ns);
        }
    }

    /// The order, if it is known and has not ended.
    pub fn get(&mut self, id: &str) -> Option<&mut Order> {
        self.heard += 1;
        let order = self.open.get_mut(id)?;
        order.heard = self.heard;
        Some(order)
    }

    /// The last message of an order that has ended.
    pub fn ended(&self, id: &str) -> Option<i64> {
        self.ended.get(id).copied()
    }

    /// Whether messages told of trades of the order that were not passed on, for the records to tell.
    pub fn is_behind(&self, id: &str) -> bool {
        self.open.get(id).is_some_and(|order| order.is_behind)
    }

    /// Takes an order.
    pub fn insert(&mut self, id: &str, mut order: Order) {
        if self.open.len() >= MAX_OPEN {
            self.forget_oldest();
        }
        self.heard += 1;
        order.heard = self.heard;
        self.open.insert(id.into(), order);
    }

    /// Notes that no message follows that of number `sequence`.
    pub fn end(&mut self, id: &str, sequence: i64) {
        self.open.remove(id);
        if self.ended.insert(id.into(), sequence).is_none() {
            self.ended_in_order.push_back(id.into());
            if self.ended_in_order.len() > MAX_ENDED {
                if let Some(oldest) = self.ended_in_order.pop_front() {
                    self.ended.remove(&oldest);
                }
            }
        }
    }

    /// Doubts an order.
    pub fn doubt(&mut self, id: &str) {
        if let Some(order) = self.open.get_mut(id) {
            order.doubt(self.now_ns);
        }
    }

    /// Doubts all orders, or all of a product; returns them by symbol and id.
    pub fn doubt_all(&mut self, product: Option<&[u8]>) -> Vec<(String, String)> {
        let is_meant =
            |order: &Order| product.is_none_or(|product| order.symbol.text().value().as_bytes() == product);
        let now_ns = self.now_ns;
        let mut doubted: Vec<_> = self
            .open
            .iter_mut()
            .filter(|(_, order)| is_meant(order))
            .map(|(id, order)| {
                order.doubt(now_ns);
                (order.symbol.text().value().into_owned(), id.to_string())
            })
            .collect();
        doubted.sort_unstable();
        doubted
    }

    /// Has orders of this client id at the venue go by `ours`.
    pub fn name(&mut self, id: &str, ours: &str) {
        let ours = Stored::of_plain(ours);
        for order in self.open.values_mut() {
            if order.client_order_id.as_ref().is_some_and(|known| known.text().is(id)) {
                order.client_order_id = Some(ours.clone());
            }
        }
        if self.names.insert(id.into(), ours).is_none() {
            self.names_in_order.push_back(id.into());
            if self.names_in_order.len() > MAX_NAMES {
                if let Some(oldest) = self.names_in_order.pop_front() {
                    self.names.remove(&oldest);
                }
            }
        }
    }

    /// The client id that an order is told by.
    pub fn named(&self, id: Text<'_>) -> Stored {
        self.names.get(&*id.value()).cloned().unwrap_or_else(|| Stored::of(id))
    }

    /// Takes what the records show of an order.
    ///
    /// # Errors
    ///
    /// A value is none of ours.
    pub fn note(&mut self, facts: &OrderFacts) -> Read<()> {
        let id = facts.order_id.as_str();
        if !facts.is_open {
            self.end(id, i64::MAX); // what is still on its way was told by the records
            return Ok(());
        }
        if self.ended.contains_key(id) {
            return Ok(()); // the records lag
        }
        let cumulative = parse(&facts.cumulative_quantity)?;
        let quote = facts.cumulative_quote.as_deref().map(parse).transpose()?;
        let last = facts.last_trade_id.as_deref().and_then(|id| id.parse::<i64>().ok());
        if !self.open.contains_key(id) {
            let mut order = Order::new(Stored::of_plain(&facts.symbol), Side::Buy);
            order.doubt(self.began_ns.unwrap_or(i64::MAX)); // it may have traded before
            self.insert(id, order);
        }
        let now_ns = self.now_ns;
        let Some(order) = self.open.get_mut(id) else { return Ok(()) };
        order.learn(facts)?;
        match last {
            _ if cumulative.is_zero() => order.rebase(-1, cumulative, Some(Decimal::ZERO), now_ns),
            Some(base) => order.rebase(base, cumulative, quote, now_ns),
            None => {} // nobody knows which trades that counts
        }
        Ok(())
    }

    /// Forgets the eighth of the orders that was not heard of for the longest time.
    fn forget_oldest(&mut self) {
        let mut heard: Vec<u64> = self.open.values().map(|order| order.heard).collect();
        let count = (heard.len() / 8).max(1);
        let (_, last, _) = heard.select_nth_unstable(count - 1);
        let last = *last;
        let before = self.open.len();
        self.open.retain(|_, order| order.heard > last);
        self.forgotten += u64::try_from(before - self.open.len()).unwrap_or_default();
    }
}

fn parse(text: &str) -> Read<Amount> {
    match Decimal::parse(text.as_bytes()) {
        Ok(value) if !value.is_negative() => Ok(value.kept()),
        _ => Err(unusable(ErrorCode::InvalidDecimal, "amount", "a decimal of 0 or more", text)),
    }
}

#[cold]
fn unusable(code: ErrorCode, what: &str, expected: &str, found: &str) -> Box<ParseError> {
    let found: String = found.chars().take(32).collect();
    ParseError::of_frame(
        code,
        0,
        format!("{what} of an order in the records: expected {expected}, was {found:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(symbol: &str) -> Order {
        Order::new(Stored::of_plain(symbol), Side::Buy)
    }

    #[test]
    fn the_orders_least_recently_heard_of_are_forgotten_first() {
        let mut orders = Orders::default();
        for number in 0..MAX_OPEN {
            orders.insert(&number.to_string(), order("BTC-USD"));
        }
        orders.get("0").unwrap();
        orders.insert("one more", order("BTC-USD"));
        assert_eq!(orders.forgotten, (MAX_OPEN / 8) as u64);
        assert!(orders.get("0").is_some() && orders.get("1").is_none() && orders.get("one more").is_some());
    }

    #[test]
    fn ends_are_remembered_within_bounds() {
        let mut orders = Orders::default();
        for number in 0..=MAX_ENDED {
            orders.end(&number.to_string(), 7);
        }
        assert_eq!((orders.ended("0"), orders.ended("1")), (None, Some(7)));
        assert_eq!((orders.ended.len(), orders.ended_in_order.len()), (MAX_ENDED, MAX_ENDED));
    }

    #[test]
    fn an_order_goes_by_the_id_that_its_owner_gave_it() {
        let mut orders = Orders::default();
        let mut known = order("BTC-USD");
        known.client_order_id = Some(Stored::of_plain("u-1"));
        orders.insert("a", known);
        orders.name("u-1", "mine \"1\"");
        let known = orders.get("a").unwrap().client_order_id.clone().unwrap();
        assert_eq!(known.text().value(), "mine \"1\"");
        let text = |raw: &'static str| Text::new(Piece::new(raw.as_bytes(), 0, raw.len()), false);
        assert_eq!(orders.named(text("u-1")).text().value(), "mine \"1\"");
        assert_eq!(orders.named(text("u-2")).text().value(), "u-2");
        for number in 0..MAX_NAMES {
            orders.name(&number.to_string(), "x");
        }
        assert_eq!((orders.names.len(), orders.names_in_order.len()), (MAX_NAMES, MAX_NAMES));
    }

    #[test]
    fn the_orders_of_one_product_are_doubted() {
        let mut orders = Orders::default();
        orders.insert("a", order("BTC-USD"));
        orders.insert("b", order("ETH-USD"));
        assert_eq!(orders.doubt_all(Some(b"ETH-USD")), [("ETH-USD".to_owned(), "b".to_owned())]);
        assert!(!orders.get("a").unwrap().is_doubted && orders.get("b").unwrap().is_doubted);
        assert_eq!(orders.doubt_all(None).len(), 2);
    }
}
