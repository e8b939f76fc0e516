//! Whether a message of a product was lost: only the `full` channel has all of them, numbered without a gap.
//!
//! While a product is on the channel `user` as well, messages of our own come twice, and perhaps ahead of their turn: such a
//! number is kept and no sign of loss, one behind the turn was seen. A heartbeat tells the product's number; what it told a
//! second ago must have come.

use std::collections::{BTreeSet, HashMap};

/// Numbers kept that are ahead of their turn.
const MAX_AHEAD: usize = 1_024;
/// A number so far behind begins a new count.
const RESTART: i64 = 1_000_000;

#[derive(Default)]
struct Count {
    last: Option<i64>,
    /// Whether our own messages come on `full` alone, each in its turn.
    is_alone: bool,
    ahead: BTreeSet<i64>,
    heartbeat: Option<i64>,
}

impl Count {
    /// Counts a number in its turn or behind a gap; returns whether there was one.
    fn reach(&mut self, sequence: i64) -> bool {
        let Some(last) = self.last else {
            self.last = Some(sequence);
            return false;
        };
        let known = self.ahead.range(last + 1..sequence).count();
        let between = usize::try_from(sequence - last - 1).unwrap_or(usize::MAX);
        self.last = Some(sequence);
        self.ahead = self.ahead.split_off(&(sequence + 1));
        while self.ahead.remove(&(self.last.unwrap_or(sequence) + 1)) {
            self.last = self.last.map(|last| last + 1);
        }
        known < between
    }
}

/// The products of which every message is expected.
#[derive(Default)]
pub struct Sequences(HashMap<Box<[u8]>, Count>);

impl Sequences {
    /// Expects every message of the products of `full` and of no others.
    pub fn follow(&mut self, full: &[Box<[u8]>], user: &[Box<[u8]>]) {
        self.0.retain(|product, _| full.contains(product));
        for product in full {
            self.0.entry(product.clone()).or_default().is_alone = !user.contains(product);
        }
    }

    /// Takes the number of a message about somebody else's order; returns whether messages before it were lost.
    #[inline]
    pub fn public(&mut self, product: &[u8], sequence: i64) -> bool {
        let Some(count) = self.0.get_mut(product) else { return false };
        match count.last {
            Some(last) if sequence == last + 1 && count.ahead.is_empty() => {
                count.last = Some(sequence);
                false
            }
            Some(last) if sequence <= last => {
                let restarts = last - sequence > RESTART;
                if restarts {
                    *count = Count { last: Some(sequence), is_alone: count.is_alone, ..Count::default() };
                }
                restarts
            }
            _ => count.reach(sequence),
        }
    }

    /// Takes the number of a message about an order of our own; returns whether messages before it were lost.
    pub fn own(&mut self, product: &[u8], sequence: i64) -> bool {
        let Some(count) = self.0.get_mut(product) else { return false };
        if count.is_alone {
            return self.public(product, sequence);
        }
        match count.last {
            Some(last) if sequence == last + 1 => count.reach(sequence),
            Some(last) if sequence > last && count.ahead.len() < MAX_AHEAD => {
                count.ahead.insert(sequence);
                false
            }
            Some(_) => false,
            None => {
                count.last = Some(sequence);
                false
            }
        }
    }

    /// Takes the number that a heartbeat tells; returns whether one that the heartbeat before told has not come.
    pub fn heartbeat(&mut self, product: &[u8], sequence: i64) -> bool {
        let Some(count) = self.0.get_mut(product) else { return false };
        let told = count.heartbeat.replace(sequence);
        match (told, count.last) {
            (Some(told), Some(last)) if told > last => {
                let came = count.ahead.contains(&told);
                count.reach(told) || !came
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed() -> Sequences {
        let mut sequences = Sequences::default();
        sequences.follow(&[b"BTC-USD".as_slice().into()], &[b"BTC-USD".as_slice().into()]);
        sequences
    }

    #[test]
    fn a_message_of_our_own_comes_in_its_turn_where_it_comes_once() {
        let mut sequences = Sequences::default();
        sequences.follow(&[b"BTC-USD".as_slice().into()], &[b"ETH-USD".as_slice().into()]);
        assert!(!sequences.public(b"BTC-USD", 5));
        assert!(!sequences.own(b"BTC-USD", 6));
        assert!(sequences.own(b"BTC-USD", 8));
        assert!(!sequences.own(b"BTC-USD", 8));
        assert!(!sequences.public(b"BTC-USD", 9));
    }

    #[test]
    fn a_number_left_out_is_a_loss_and_told_once() {
        let mut sequences = followed();
        let read: Vec<bool> = [5, 6, 8, 9, 8, 6, 12, 13]
            .into_iter()
            .map(|number| sequences.public(b"BTC-USD", number))
            .collect();
        assert_eq!(read, [false, false, true, false, false, false, true, false]);
        assert!(!sequences.public(b"ETH-USD", 5) && !sequences.public(b"ETH-USD", 9), "nobody expects these");
    }

    #[test]
    fn a_message_of_our_own_may_come_ahead_of_its_turn() {
        let mut sequences = followed();
        assert!(!sequences.public(b"BTC-USD", 5));
        sequences.own(b"BTC-USD", 8);
        sequences.own(b"BTC-USD", 7);
        assert!(!sequences.public(b"BTC-USD", 6));
        sequences.own(b"BTC-USD", 7);
        assert!(!sequences.public(b"BTC-USD", 9));
        sequences.own(b"BTC-USD", 11);
        assert!(sequences.public(b"BTC-USD", 12), "10 was lost");
        assert!(!sequences.public(b"BTC-USD", 13));
    }

    #[test]
    fn a_number_that_a_heartbeat_told_must_have_come_by_the_next() {
        let mut sequences = followed();
        assert!(!sequences.public(b"BTC-USD", 5));
        assert!(!sequences.heartbeat(b"BTC-USD", 6), "it may still be on its way");
        assert!(sequences.heartbeat(b"BTC-USD", 6));
        assert!(!sequences.heartbeat(b"BTC-USD", 6));
        assert!(!sequences.public(b"BTC-USD", 7));
    }

    #[test]
    fn a_count_that_begins_anew_is_followed() {
        let mut sequences = followed();
        assert!(!sequences.public(b"BTC-USD", 5_000_000));
        assert!(sequences.public(b"BTC-USD", 1));
        assert!(!sequences.public(b"BTC-USD", 2));
    }

    #[test]
    fn products_are_followed_while_they_are_subscribed() {
        let mut sequences = followed();
        assert!(!sequences.public(b"BTC-USD", 5));
        sequences.follow(&[], &[]);
        assert!(!sequences.public(b"BTC-USD", 9));
        sequences.follow(&[b"BTC-USD".as_slice().into()], &[]);
        assert!(!sequences.public(b"BTC-USD", 20));
    }
}
