//! Coinbase Advanced Trade: the frames of a connection with the channels `user` and `heartbeats`.
//!
//! The venue numbers the frames of a connection. A frame that was refused counts as one that never came: the number of
//! the next one shows the gap, and everything is compared with the venue's records.

mod control;
mod event;
mod memory;
mod news;
mod order;
mod orders;
#[cfg(test)]
mod tests;
mod usual;
mod words;

use std::collections::HashMap;

use crate::error::{ErrorCode, ParseError};
use crate::event::Owner;
use crate::fields::{Field, Fields};
use crate::frame;
use crate::model::Report;
use crate::reader::{Read, Reader, Refusal};
use crate::symbols::Symbols;
use crate::venue::{Config, OrderFacts, VenueParser};
use memory::Memory;
use news::Reading;
use orders::{Place, Scratch};
use usual::Usual;
use words::Channel;

/// 2015-01-01, before which the venue's exchange did not exist.
const VENUE_EPOCH_NS: i64 = 1_420_070_400_000_000_000;
/// How far ahead of the venue's clock, as we know it, a time may be.
const MAX_AHEAD_NS: i64 = 60_000_000_000;
const CHANNEL: Field = Field::new("channel", "channel");
const TYPE: Field = Field::new("type", "type");
const TIME: Field = Field::new("timestamp", "time");
const SEQUENCE: Field = Field::new("sequence_num", "sequence number");
const EVENTS: Field = Field::new("events", "events");

/// What reading needs beside the frame.
struct Context {
    owner: Owner,
    symbols: Symbols,
    /// The venue's clock minus ours, as last measured.
    clock_offset_ns: i64,
}

/// One frame's circumstances.
#[derive(Clone, Copy)]
struct Receipt<'a> {
    context: &'a Context,
    received_time_ns: i64,
    /// When the venue sent it.
    time_ns: i64,
}

impl Receipt<'_> {
    /// Refuses a time before the venue began or more than a minute ahead of the venue's clock.
    fn check_time(self, field: &'static Field, time_ns: i64) -> Result<(), Refusal> {
        // The last instant of the range stands for all that is beyond it, and so is out of range always.
        let venue_now_ns = self.received_time_ns.saturating_add(self.context.clock_offset_ns);
        let latest = venue_now_ns.saturating_add(MAX_AHEAD_NS).min(i64::MAX - 1);
        if (VENUE_EPOCH_NS..=latest).contains(&time_ns) {
            return Ok(());
        }
        let expected = "expected a time between 2015 and a minute after receipt".into();
        Err(Refusal { code: ErrorCode::TimeOutOfRange, field, says: "out of range", expected })
    }
}

/// Parser for the frames of one connection, which remembers its orders.
pub struct AdvancedParser {
    context: Context,
    memory: Memory,
    /// The number that the next frame has, unless some were lost.
    next: Option<i64>,
    /// Whether parts of a snapshot follow.
    is_in_snapshot: bool,
    outer: Fields,
    scratch: Scratch,
}

impl AdvancedParser {
    /// A parser for a new connection.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let owner = Owner::new(&config);
        let symbols = Symbols::or_itself(config.symbols);
        Self {
            context: Context { owner, symbols, clock_offset_ns: 0 },
            memory: Memory::default(),
            next: None,
            is_in_snapshot: false,
            outer: Fields::default(),
            scratch: Scratch::default(),
        }
    }

    /// Reads the frame at a gallop; `None` if it is not the usual one, or anything is wrong with it.
    fn read_usual(&mut self, text: &str, received_time_ns: i64, out: &mut Vec<Report>) -> Option<()> {
        let (fields, keys) = self.scratch.of_order();
        let Usual { time_ns, number } = usual::read(text, fields, keys)?;
        let receipt = Receipt { context: &self.context, received_time_ns, time_ns };
        receipt.check_time(&TIME, time_ns).ok()?;
        if self.is_in_snapshot || self.next.is_some_and(|next| next != number) {
            return None;
        }
        let order = order::read(&Reader::new(text, fields, "order"), receipt).ok()?;
        news::refuse_less(&order, &self.memory).ok()?;
        news::tell(&order, Reading::News, &mut self.memory, receipt, out);
        self.next = Some(number.saturating_add(1));
        Some(())
    }

    fn interpret(&mut self, text: &str, received_time_ns: i64, out: &mut Vec<Report>) -> Read<()> {
        let envelope = Reader::new(text, &self.outer, "frame");
        if envelope.token(&CHANNEL).is_none() && envelope.token(&TYPE).is_some() {
            out.push(control::error(&envelope)?);
            return Ok(());
        }
        let channel = Channel::of(&envelope.text(&CHANNEL)?.value()).ok_or_else(|| {
            let expected = Channel::EXPECTED.into();
            let code = ErrorCode::UnknownEvent;
            envelope.refuse(Refusal { code, field: &CHANNEL, says: "unknown", expected })
        })?;
        let time_ns = envelope.instant(&TIME)?;
        let number = envelope.integer(&SEQUENCE)?.value;
        envelope.refuse_absurd()?;
        if number < 0 {
            let (code, expected) = (ErrorCode::NegativeId, "expected 0 or more".into());
            let refusal = Refusal { code, field: &SEQUENCE, says: "negative", expected };
            return Err(envelope.refuse(refusal));
        }
        let receipt = Receipt { context: &self.context, received_time_ns, time_ns };
        receipt.check_time(&TIME, time_ns).map_err(|refusal| envelope.refuse(refusal))?;
        let expected = *self.next.get_or_insert(number);
        if number > expected {
            out.push(control::sequence_gap(expected, number, time_ns));
        }
        match channel {
            Channel::Heartbeats => out.push(control::heartbeat(&envelope, time_ns, &mut self.scratch)?),
            Channel::Subscriptions => {
                out.push(control::subscriptions(&envelope, time_ns, &mut self.scratch)?);
            }
            Channel::User => {
                let place = Place { is_late: number < expected, is_in_snapshot: self.is_in_snapshot };
                let memory = &mut self.memory;
                // All orders are read before the first is told: a frame is refused whole, or not.
                self.scratch.visit(&envelope, receipt, place, |reading, order| match reading {
                    Reading::News => news::refuse_less(order, memory),
                    Reading::State => Ok(()),
                })?;
                self.is_in_snapshot = self.scratch.visit(&envelope, receipt, place, |reading, order| {
                    news::tell(order, reading, memory, receipt, out);
                    Ok(())
                })?;
            }
        }
        self.next = Some(expected.max(number.saturating_add(1)));
        Ok(())
    }
}

impl VenueParser for AdvancedParser {
    fn parse_into(&mut self, frame: &[u8], received_time_ns: i64, out: &mut Vec<Report>) -> Read<()> {
        frame::check_size(frame)?;
        let text = frame::decode(frame)?;
        if self.read_usual(text, received_time_ns, out).is_some() {
            return Ok(());
        }
        self.outer.clear();
        self.scratch.scan(text, &mut self.outer)?;
        self.interpret(text, received_time_ns, out)
    }

    fn use_clock(&mut self, offset_ns: i64) {
        self.context.clock_offset_ns = offset_ns;
    }

    fn use_symbols(&mut self, symbols: HashMap<String, String>) -> bool {
        self.context.symbols = Symbols::new(Some(symbols));
        true
    }

    fn forgotten_count(&self) -> u64 {
        self.memory.forgotten_count()
    }

    fn note_order(&mut self, order: &OrderFacts) -> Result<(), Box<ParseError>> {
        self.memory.note(order)
    }
}
