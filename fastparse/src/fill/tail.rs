//! Traces that are kept although the ratio leaves them out: which, why, and what of each has been told.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

/// How many are remembered.
pub const REMEMBERED: usize = 4_096;

/// Why a trace is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A bot's method raised.
    Error,
    /// The fill took longer from venue to bot than it may.
    Slow,
    /// A counter-order was rejected, or nobody knows what became of it.
    Order,
}

impl Reason {
    const ALL: [Self; 3] = [Self::Error, Self::Slow, Self::Order];

    /// Our word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Slow => "slow",
            Self::Order => "order",
        }
    }

    /// The reason of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// What is to be told of a record: why, and whether the steps before it are still untold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub struct Telling {
    pub reason: Reason,
    pub tells_gateway: bool,
    pub tells_delivery: bool,
}

/// One trace: why it is kept, whether its gateway's part has been told, and to which bots a delivery.
#[derive(Debug)]
struct Found {
    reason: Reason,
    is_gateway_told: bool,
    deliveries: FxHashSet<(String, u64)>,
}

/// Remembers the last 4,096 events with a trace that is kept for a reason of its own.
///
/// Of an older one a later call is told only if it is slow or fails itself, and then with the steps before it once more.
#[derive(Debug, Default)]
pub struct Tail {
    found: FxHashMap<Arc<str>, Found>,
    order: VecDeque<Arc<str>>,
}

impl Tail {
    /// Whether nothing was found yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Keeps the trace of an event, for the first reason that is found.
    pub fn note(&mut self, event_id: &str, reason: Reason) {
        if self.found.contains_key(event_id) {
            return;
        }
        if self.order.len() >= REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.found.remove(&oldest);
            }
        }
        let event_id: Arc<str> = event_id.into();
        self.order.push_back(event_id.clone());
        let found = Found { reason, is_gateway_told: false, deliveries: FxHashSet::default() };
        self.found.insert(event_id, found);
    }

    /// Why the event's trace is kept; `None` if it is not.
    #[must_use]
    pub fn reason(&self, event_id: &str) -> Option<Reason> {
        self.found.get(event_id).map(|found| found.reason)
    }

    /// What is to be told of a call for the event, which is noted as told; `None` for nothing.
    pub fn telling(&mut self, event_id: &str, bot: &str, delivery: u64) -> Option<Telling> {
        let found = self.found.get_mut(event_id)?;
        let tells_gateway = !std::mem::replace(&mut found.is_gateway_told, true);
        let tells_delivery = found.deliveries.insert((bot.to_owned(), delivery));
        Some(Telling { reason: found.reason, tells_gateway, tells_delivery })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_before_stand_once() {
        let mut tail = Tail::default();
        assert_eq!(tail.telling("e", "grid", 1), None);
        tail.note("e", Reason::Slow);
        tail.note("e", Reason::Error);
        let said = |tells_gateway, tells_delivery| {
            Some(Telling { reason: Reason::Slow, tells_gateway, tells_delivery })
        };
        assert_eq!(tail.telling("e", "grid", 1), said(true, true));
        assert_eq!(tail.telling("e", "grid", 1), said(false, false));
        assert_eq!(tail.telling("e", "dca", 1), said(false, true));
        assert_eq!(tail.telling("e", "grid", 2), said(false, true));
        assert_eq!(tail.telling("another", "grid", 1), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut tail = Tail::default();
        for number in 0..=REMEMBERED {
            tail.note(&number.to_string(), Reason::Error);
        }
        assert_eq!(tail.reason("0"), None);
        assert_eq!(tail.reason("1"), Some(Reason::Error));
        assert_eq!(tail.found.len(), REMEMBERED);
    }
}
