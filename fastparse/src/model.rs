//! What a frame says, in Fillwire's words: order events and controls, each with its canonical JSON.

use std::borrow::Cow;

use crate::json::write_string;
use crate::scanner::unescape;

/// What happened to the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Kind {
    New,
    PartiallyFilled,
    Filled,
    Cancelled,
    Expired,
    Rejected,
    Replaced,
}

impl Kind {
    /// The value of `Kind` on the Python side.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::PartiallyFilled => "partially_filled",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Replaced => "replaced",
        }
    }
}

/// What kind of control a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum ControlType {
    Response,
    Account,
    Balance,
    ExternalLock,
    ListStatus,
    StreamTerminated,
    ServerShutdown,
    ListenKeyExpired,
    OrderDoubted,
    Subscriptions,
    Heartbeat,
    Error,
    SequenceGap,
    OrderNote,
    Authorization,
    Listening,
    FillAnnounced,
    ConditionalOrder,
    ConditionalOrderRejected,
    MarginCall,
    AccountConfig,
    Other,
}

impl ControlType {
    /// The `type` of the control's JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Account => "account",
            Self::Balance => "balance",
            Self::ExternalLock => "external_lock",
            Self::ListStatus => "list_status",
            Self::StreamTerminated => "stream_terminated",
            Self::ServerShutdown => "server_shutdown",
            Self::ListenKeyExpired => "listen_key_expired",
            Self::OrderDoubted => "order_doubted",
            Self::Subscriptions => "subscriptions",
            Self::Heartbeat => "heartbeat",
            Self::Error => "error",
            Self::SequenceGap => "sequence_gap",
            Self::OrderNote => "order_note",
            Self::Authorization => "authorization",
            Self::Listening => "listening",
            Self::FillAnnounced => "fill_announced",
            Self::ConditionalOrder => "conditional_order",
            Self::ConditionalOrderRejected => "conditional_order_rejected",
            Self::MarginCall => "margin_call",
            Self::AccountConfig => "account_config",
            Self::Other => "other",
        }
    }
}

/// One thing that a frame says.
#[derive(Clone, Debug)]
pub enum Report {
    /// A validated order event.
    Execution(ExecutionReport),
    /// Anything else.
    Control(Control),
}

/// A frame that is no order event.
#[derive(Clone, Debug)]
pub struct Control {
    /// What it is.
    pub kind: ControlType,
    /// The control as a JSON object.
    pub json: Vec<u8>,
}

impl Control {
    /// Something happened to an order that only the venue's records can tell.
    #[must_use]
    pub fn order_doubted(symbol: &str, order_id: &str) -> Self {
        let mut json = b"{\"type\":\"order_doubted\",\"symbol\":".to_vec();
        write_string(symbol, &mut json);
        json.extend_from_slice(b",\"order_id\":");
        write_string(order_id, &mut json);
        json.push(b'}');
        Self { kind: ControlType::OrderDoubted, json }
    }
}

/// Where a string stands in a report's JSON, without its quotes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The span from `start` to `end`.
    #[inline]
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let short = |position| u32::try_from(position).unwrap_or(u32::MAX);
        Self { start: short(start), end: short(end) }
    }

    /// The bytes of the string, escapes and all.
    #[must_use]
    pub fn bytes(self, json: &[u8]) -> &[u8] {
        json.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The text of a string that never has escapes: an identity, a number.
    #[must_use]
    pub fn plain(self, json: &[u8]) -> &str {
        std::str::from_utf8(self.bytes(json)).unwrap_or_default()
    }

    /// The text of any string.
    #[must_use]
    pub fn text(self, json: &[u8]) -> Cow<'_, str> {
        unescape(self.plain(json))
    }
}

/// One validated order event: its canonical JSON, and where in it the fields stand that are asked for singly.
#[derive(Clone, Debug)]
pub struct ExecutionReport {
    /// The canonical order event.
    pub json: Vec<u8>,
    /// What happened.
    pub kind: Kind,
    /// Identity of the event.
    pub event_id: Span,
    /// `BASE-QUOTE`.
    pub pair: Span,
    /// The venue's spelling.
    pub symbol: Span,
    /// The venue's order id.
    pub order_id: Span,
    /// The order's own client id.
    pub client_order_id: Option<Span>,
    /// Ordered base quantity; `None` where only a quote amount was ordered.
    pub quantity: Option<Span>,
    /// Base quantity executed so far.
    pub cumulative_quantity: Span,
    /// Trade id and base quantity of this execution; `None` if the event is none.
    pub last_fill: Option<(Span, Span)>,
    /// When the venue emitted the report, in nanoseconds.
    pub exchange_time_ns: i64,
    /// When the matching engine acted, in nanoseconds.
    pub transaction_time_ns: i64,
    /// When the frame was received, in nanoseconds.
    pub received_time_ns: i64,
}
