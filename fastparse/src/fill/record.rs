//! What gateway and host remember of one fill, stamped on the path and turned into spans off it.

use std::sync::Arc;

use crate::fill::lineage::Earlier;

/// What is the same in many fills.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Subject on which the event is published.
    pub subject: String,
    /// Venue and product.
    pub exchange: String,
    /// Such as `live`.
    pub environment: String,
    /// Owner of the order.
    pub user: String,
    /// `BASE-QUOTE`.
    pub pair: String,
    /// What happened to the order.
    pub kind: String,
}

/// The event, and its way until it was handed to the broker. Times are nanoseconds by the gateway's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// What it shares with others.
    pub labels: Arc<Labels>,
    /// Identity of the event, seed of its trace.
    pub event_id: Arc<str>,
    /// The venue's ids.
    pub venue_ids: VenueIds,
    /// Its stamps.
    pub stamps: Stamps,
    /// Size of the published event.
    pub body_bytes: u64,
}

/// The venue's ids of an order and of one of its executions, in one piece: it is made for every fill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueIds {
    text: Box<str>,
    order_bytes: usize,
    is_execution: bool,
}

impl VenueIds {
    /// Of an event without an execution `trade_id` is `None`.
    #[must_use]
    pub fn new(order_id: &str, trade_id: Option<&str>) -> Self {
        let text = [order_id, trade_id.unwrap_or_default()].concat().into();
        Self { text, order_bytes: order_id.len(), is_execution: trade_id.is_some() }
    }

    /// The order's id.
    #[must_use]
    pub fn order_id(&self) -> &str {
        self.text.get(..self.order_bytes).unwrap_or_default()
    }

    /// The execution's id; `None` for an event without one.
    #[must_use]
    pub fn trade_id(&self) -> Option<&str> {
        if self.is_execution { self.text.get(self.order_bytes..) } else { None }
    }
}

/// When what happened to an event, in nanoseconds by the gateway's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// When the venue emitted the report, by the venue's clock; `None` if it did not say.
    pub exchange_time_ns: Option<i64>,
    /// Venue clock minus gateway clock; `None` before it was measured.
    pub clock_offset_ns: Option<i64>,
    /// When the frame was read.
    pub received_ns: i64,
    /// When the frame had become an event; `None` where nobody said.
    pub parsed_ns: Option<i64>,
    /// When the event was handed to the broker; `None` where nobody said.
    pub published_ns: Option<i64>,
}

impl Stamps {
    /// When the venue emitted the report, by the gateway's clock: never after the frame was read.
    ///
    /// A report without a time, or one that the offset puts into the future, was emitted when it was read.
    #[must_use]
    pub fn emitted_ns(&self) -> i64 {
        let emitted_ns = |time_ns: i64| time_ns.saturating_sub(self.clock_offset_ns.unwrap_or_default());
        self.exchange_time_ns.map_or(self.received_ns, emitted_ns).min(self.received_ns)
    }
}

/// One event's way through the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// The event.
    pub fill: Fill,
    /// When the broker had stored it; `None` if that is not known.
    pub acknowledged_ns: Option<i64>,
    /// Size of the venue's frame; `None` if that is not known.
    pub frame_bytes: Option<u64>,
    /// Ids of earlier events of the same order, the oldest first.
    pub earlier: Earlier,
}

/// One call of one bot's method for one event. Times are nanoseconds by the host's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The event.
    pub fill: Fill,
    /// Who was called.
    pub callee: Arc<Callee>,
    /// What of the call is counted.
    pub times: CallTimes,
    /// The broker's count of deliveries of this event to this bot, from 1.
    pub delivery: u64,
}

/// Who is called: the same for many events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callee {
    /// Name of the bot.
    pub bot: String,
    /// Name of the method.
    pub callback: String,
}

/// When a bot had an event and was called, in nanoseconds by the host's clock, and the how manieth call it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallTimes {
    /// When the host had the message.
    pub delivered_ns: i64,
    /// When the method was called.
    pub started_ns: i64,
    /// When it returned or raised.
    pub returned_ns: i64,
    /// Count of calls of this method for this delivery, from 1.
    pub attempt: u64,
    /// Place of this method among those called for the delivery, from 0.
    pub callback_index: u64,
}

impl CallTimes {
    /// Whether this is the bot's first sight of the delivery.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.attempt == 1 && self.callback_index == 0
    }
}

/// What is remembered of a fill whose trace is kept.
#[derive(Clone, Debug)]
pub enum Record {
    /// By the gateway.
    Gateway(Arc<Publication>),
    /// By a host.
    Host(Arc<Call>),
}

impl Record {
    /// Identity of the event.
    #[must_use]
    pub fn event_id(&self) -> &str {
        match self {
            Self::Gateway(of) => &of.fill.event_id,
            Self::Host(of) => &of.fill.event_id,
        }
    }

    /// When what it tells of was over.
    #[must_use]
    pub fn end_ns(&self) -> i64 {
        match self {
            Self::Gateway(of) => of.fill.stamps.received_ns,
            Self::Host(of) => of.times.returned_ns,
        }
    }
}
