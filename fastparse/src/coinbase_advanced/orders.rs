//! The orders of a `user` frame, one after another: a frame has events, and an event has orders.

use super::news::Reading;
use super::order::{self, ORDER_ID, Order, PRODUCT};
use super::words::Batch;
use super::{EVENTS, Receipt, TYPE};
use crate::error::{ErrorCode, ParseError};
use crate::fields::{Field, Fields};
use crate::frame;
use crate::reader::{Read, Reader, Refusal, reread_object};
use crate::scanner::{OpenKeys, Token, TokenKind};

/// Orders in each part of a snapshot but the last.
const SNAPSHOT_ORDERS: usize = 50;
/// Characters that an error may repeat of a product or an id.
const MAX_NAME_BYTES: usize = 64;

const ORDERS: Field = Field::new("orders", "orders");

/// Where a frame stands among those of its connection.
#[derive(Clone, Copy)]
pub struct Place {
    /// Frames with higher numbers came before it.
    pub is_late: bool,
    /// Parts of a snapshot came before it, and not the last.
    pub is_in_snapshot: bool,
}

/// What reading needs for a moment, kept between frames to spare the allocation.
#[derive(Default)]
pub struct Scratch {
    event: Fields,
    order: Fields,
    keys: OpenKeys,
}

impl Scratch {
    /// Scans the frame.
    pub fn scan(&mut self, text: &str, outer: &mut Fields) -> Read<()> {
        self.event.clear();
        frame::scan(text, outer, &mut self.event, &mut self.keys)
    }

    /// What reading one order needs.
    pub fn of_order(&mut self) -> (&mut Fields, &mut OpenKeys) {
        (&mut self.order, &mut self.keys)
    }

    /// Calls `each` with each event of the frame.
    pub fn events(
        &mut self,
        envelope: &Reader<'_>,
        mut each: impl FnMut(&Reader<'_>, &mut Fields, &mut OpenKeys) -> Read<()>,
    ) -> Read<()> {
        let Self { event: fields, order, keys } = self;
        for token in envelope.elements(&EVENTS, keys)? {
            expect_object(envelope, &EVENTS, token)?;
            reread_object(envelope.source(), token, fields, keys);
            let event = Reader::new(envelope.source(), fields, "event");
            each(&event, order, keys)?;
            event.refuse_absurd()?;
        }
        Ok(())
    }

    /// Calls `each` with each order, and how it is to be read; returns whether parts of a snapshot are to follow.
    pub fn visit(
        &mut self,
        envelope: &Reader<'_>,
        receipt: Receipt<'_>,
        place: Place,
        mut each: impl FnMut(Reading, &Order<'_>) -> Result<(), Refusal>,
    ) -> Read<bool> {
        let mut is_in_snapshot = place.is_in_snapshot;
        self.events(envelope, |event, fields, keys| {
            let batch = Batch::of(&event.text(&TYPE)?.value()).ok_or_else(|| {
                let (code, expected) = (ErrorCode::UnknownEvent, Batch::EXPECTED.into());
                event.refuse(Refusal { code, field: &TYPE, says: "unknown", expected })
            })?;
            let tokens = match event.token(&ORDERS) {
                Some(_) => event.elements(&ORDERS, keys)?,
                None => Vec::new(),
            };
            let is_snapshot = is_in_snapshot || batch == Batch::Snapshot;
            is_in_snapshot = is_snapshot && tokens.len() >= SNAPSHOT_ORDERS;
            let reading = if is_snapshot || place.is_late { Reading::State } else { Reading::News };
            for token in tokens {
                expect_object(event, &ORDERS, token)?;
                reread_object(event.source(), token, fields, keys);
                let reader = Reader::new(event.source(), fields, "order");
                let read = order::read(&reader, receipt);
                read.and_then(|order| each(reading, &order).map_err(|refusal| reader.refuse(refusal)))
                    .map_err(|error| name_order(&reader, error))?;
            }
            Ok(())
        })?;
        Ok(is_in_snapshot)
    }
}

fn expect_object(reader: &Reader<'_>, field: &Field, token: Token) -> Read<()> {
    match token.kind {
        TokenKind::Object => Ok(()),
        _ => Err(reader.wrong_type(field, token, "an array of objects")),
    }
}

/// Adds to an error which order it is about, as far as that can be read.
#[cold]
fn name_order(reader: &Reader<'_>, mut error: Box<ParseError>) -> Box<ParseError> {
    let name = |field| {
        let text = reader.optional_text(field).ok()??.value();
        (text.len() <= MAX_NAME_BYTES).then(|| text.into_owned())
    };
    error.symbol = name(&PRODUCT);
    error.order_id = name(&ORDER_ID);
    error
}
