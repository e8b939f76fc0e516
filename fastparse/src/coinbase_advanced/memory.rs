//! What one connection knows of its orders: enough to tell news from repetition, and bounded.
//!
//! The venue says totals, not what changed. So each frame is compared with the one before it, and with what the venue's
//! records have shown.

use rustc_hash::FxHashMap;

use crate::decimal::{Amount, Decimal};
use crate::error::{ErrorCode, ParseError};
use crate::model::Kind;
use crate::reader::Read;
use crate::venue::OrderFacts;

/// Orders that are remembered at least, open and ended each; at most twice as many.
pub const MAX_ORDERS: usize = 10_000;
/// Longer ids are not remembered: the venue's have 36 characters.
pub const MAX_ID_BYTES: usize = 128;

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As a frame has shown.
    Shown(Kind),
    /// As the records have shown and published.
    Recorded,
}

/// What is known of one order.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The most that frames have shown as executed, each step of which was told by a doubt.
    pub shown: Option<Amount>,
    /// The most that the records have shown as executed, all of it published.
    pub recorded: Option<Amount>,
    /// Limit price as last said.
    pub price: Option<Amount>,
    /// Ordered base quantity as last said.
    pub quantity: Option<Amount>,
    /// How it ended, if that is known.
    pub ending: Option<Ending>,
}

impl Known {
    /// What was executed as far as anybody has said.
    pub fn executed(&self) -> Amount {
        larger(self.shown, self.recorded).unwrap_or(Decimal::ZERO)
    }

    /// Takes what a frame shows as executed.
    pub fn show(&mut self, executed: &Decimal<'_>) {
        self.shown = larger(self.shown, Some(executed.without_text()));
    }

    /// Takes what the records show as executed.
    pub fn record(&mut self, executed: &Decimal<'_>) {
        self.recorded = larger(self.recorded, Some(executed.without_text()));
    }
}

fn larger(left: Option<Amount>, right: Option<Amount>) -> Option<Amount> {
    match (left, right) {
        (Some(left), Some(right)) => Some(if left.cmp_magnitude(&right).is_lt() { right } else { left }),
        (left, right) => left.or(right),
    }
}

/// The orders of a connection.
#[derive(Default)]
pub struct Memory {
    open: Generations,
    ended: Generations,
}

impl Memory {
    /// What is known of an order.
    pub fn get(&self, order_id: &str) -> Option<&Known> {
        self.open.get(order_id).or_else(|| self.ended.get(order_id))
    }

    /// Open orders that were forgotten because there were too many.
    pub fn forgotten_count(&self) -> u64 {
        self.open.forgotten
    }

    /// Keeps what is known of an order from now on.
    pub fn set(&mut self, order_id: &str, known: Known) {
        if order_id.len() > MAX_ID_BYTES {
            return;
        }
        if known.ending.is_some() {
            self.open.remove(order_id);
            self.ended.set(order_id, known);
        } else {
            self.open.set(order_id, known);
        }
    }
}

impl Memory {
    /// Takes what the venue's records show of an order, all of it published.
    ///
    /// # Errors
    ///
    /// An amount is no decimal.
    pub fn note(&mut self, order: &OrderFacts) -> Read<()> {
        let mut known = self.get(&order.order_id).cloned().unwrap_or_default();
        known.record(&amount(&order.cumulative_quantity)?);
        for (noted, place) in [(&order.price, &mut known.price), (&order.quantity, &mut known.quantity)] {
            if let Some(text) = noted {
                *place = Some(amount(text)?.without_text());
            }
        }
        if !order.is_open {
            known.ending.get_or_insert(Ending::Recorded);
        }
        self.set(&order.order_id, known);
        Ok(())
    }
}

fn amount(text: &str) -> Read<Decimal<'_>> {
    Decimal::parse(text.as_bytes()).map_err(|_| {
        let message = format!("expected a decimal of the venue's records, was {text:?}");
        ParseError::of_frame(ErrorCode::InvalidDecimal, 0, message)
    })
}

/// Orders in two halves: when the younger one is full the older one is forgotten, with what has not changed since.
#[derive(Default)]
struct Generations {
    young: FxHashMap<Box<str>, Known>,
    old: FxHashMap<Box<str>, Known>,
    forgotten: u64,
}

impl Generations {
    fn get(&self, order_id: &str) -> Option<&Known> {
        self.young.get(order_id).or_else(|| self.old.get(order_id))
    }

    fn set(&mut self, order_id: &str, known: Known) {
        if let Some(kept) = self.young.get_mut(order_id) {
            *kept = known;
            return;
        }
        self.old.remove(order_id);
        if self.young.len() >= MAX_ORDERS {
            self.forgotten += self.old.len() as u64;
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(order_id.into(), known);
    }

    fn remove(&mut self, order_id: &str) {
        self.young.remove(order_id);
        self.old.remove(order_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Decimal<'_> {
        Decimal::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn executed_quantities_only_grow() {
        let mut known = Known::default();
        assert!(known.executed().is_zero());
        for (shown, recorded, executed) in [("1.5", "1", "1.5"), ("0.5", "2", "2"), ("3", "0", "3")] {
            known.show(&amount(shown));
            known.record(&amount(recorded));
            assert!(known.executed().cmp_magnitude(&amount(executed)).is_eq());
        }
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_longest_unchanged() {
        let mut memory = Memory::default();
        for number in 0..3 * MAX_ORDERS {
            memory.set("kept", Known::default());
            memory.set(&number.to_string(), Known::default());
            memory.set(&format!("e{number}"), Known { ending: Some(Ending::Recorded), ..Known::default() });
        }
        for generations in [&memory.open, &memory.ended] {
            assert!(generations.young.len() + generations.old.len() <= 2 * MAX_ORDERS);
        }
        assert!(memory.get("kept").is_some() && memory.get("0").is_none());
        let known = memory.open.young.len() + memory.open.old.len();
        assert_eq!(memory.forgotten_count(), (3 * MAX_ORDERS + 1 - known) as u64);
        let newest = (3 * MAX_ORDERS - 1).to_string();
        assert!(memory.get(&newest).is_some() && memory.get(&format!("e{newest}")).is_some());
        memory.set(&"x".repeat(MAX_ID_BYTES + 1), Known::default());
        assert!(memory.get(&"x".repeat(MAX_ID_BYTES + 1)).is_none());
    }

    #[test]
    fn an_order_that_ends_moves() {
        let mut memory = Memory::default();
        memory.set("a", Known::default());
        memory.set("a", Known { ending: Some(Ending::Shown(Kind::Cancelled)), ..Known::default() });
        assert_eq!(memory.get("a").unwrap().ending, Some(Ending::Shown(Kind::Cancelled)));
        assert!(memory.open.get("a").is_none());
    }
}
