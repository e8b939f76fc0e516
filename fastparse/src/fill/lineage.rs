//! Which events of an order came before: their traces are linked to the next one's.

use std::collections::VecDeque;
use std::sync::Arc;

use arrayvec::ArrayVec;
use rustc_hash::FxHashMap;

/// Orders of an account that are remembered: those that were met last.
pub const ORDERS: usize = 10_000;
/// Events of an order that are remembered.
pub const EVENTS: usize = 4;

/// Ids of earlier events of an order, the oldest first.
pub type Earlier = ArrayVec<Arc<str>, EVENTS>;

/// Remembers the last events of each order of an account.
///
/// When there are too many orders, those that have been known for longest are forgotten; what such an order does later
/// begins a new line.
#[derive(Debug, Default)]
pub struct Lineage {
    events: FxHashMap<Arc<str>, Earlier>,
    orders: VecDeque<Arc<str>>,
}

impl Lineage {
    /// Notes an event of an order, and returns those before it, the oldest first.
    pub fn append(&mut self, order: &str, event_id: &Arc<str>) -> Earlier {
        let Some(known) = self.events.get_mut(order) else {
            if self.orders.len() >= ORDERS {
                if let Some(oldest) = self.orders.pop_front() {
                    self.events.remove(&oldest);
                }
            }
            let order: Arc<str> = order.into();
            self.orders.push_back(order.clone());
            let first = std::iter::once(event_id.clone()).collect();
            self.events.insert(order, first);
            return Earlier::new();
        };
        let mut earlier = known.clone();
        if let Some(at) = known.iter().position(|known| known == event_id) {
            earlier.truncate(at); // published once more: it is not its own ancestor
            return earlier;
        }
        if known.is_full() {
            known.remove(0);
        }
        known.push(event_id.clone());
        earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(lineage: &mut Lineage, order: &str, event_id: &str) -> Vec<String> {
        lineage.append(order, &event_id.into()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn events_of_an_order_follow_each_other() {
        let mut lineage = Lineage::default();
        assert!(append(&mut lineage, "BTCUSDT 1", "new").is_empty());
        assert!(append(&mut lineage, "BTCUSDT 2", "other").is_empty());
        assert_eq!(append(&mut lineage, "BTCUSDT 1", "fill-1"), ["new"]);
        assert_eq!(append(&mut lineage, "BTCUSDT 1", "fill-2"), ["new", "fill-1"]);
    }

    #[test]
    fn an_event_that_comes_again_has_the_ancestors_that_it_had() {
        let mut lineage = Lineage::default();
        for event_id in ["a", "b", "c"] {
            append(&mut lineage, "1", event_id);
        }
        assert_eq!(append(&mut lineage, "1", "b"), ["a"]);
        assert_eq!(append(&mut lineage, "1", "d"), ["a", "b", "c"]);
    }

    #[test]
    fn an_order_with_many_events_is_linked_to_the_last_of_them() {
        let mut lineage = Lineage::default();
        for number in 0..6 {
            append(&mut lineage, "1", &number.to_string());
        }
        assert_eq!(append(&mut lineage, "1", "6"), ["2", "3", "4", "5"]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut lineage = Lineage::default();
        for number in 0..=ORDERS {
            append(&mut lineage, &number.to_string(), "first");
        }
        assert!(append(&mut lineage, "0", "second").is_empty());
        assert_eq!(append(&mut lineage, &ORDERS.to_string(), "second"), ["first"]);
        assert_eq!(lineage.events.len(), ORDERS);
    }
}
