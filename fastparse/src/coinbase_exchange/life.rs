//! What a message says about its order, by what is known of it: an event, nothing new, or a doubt.
//!
//! A match names no cumulative quantity; it is summed. Where the sum contradicts a remaining size, or where nobody knows
//! how an order began, no event is made up: the records must tell, and until they have, each message of that order asks
//! for them again.

use super::memory::{Order, Orders, Stored, Trade};
use super::message::{Body, Message, TRADE_ID};
use super::words::{ChangeReason, DoneReason, OrderType};
use crate::decimal::{Amount, Decimal};
use crate::error::ErrorCode;
use crate::event::{self, Average, Event, Fill, Owner, Quote, Step};
use crate::model::{Control, Kind, Report};
use crate::piece::Piece;
use crate::reader::Refusal;
use crate::text::Text;

/// Where reports go.
pub struct Desk<'a> {
    pub owner: &'a Owner,
    pub spare: &'a mut Vec<u8>,
    pub out: &'a mut Vec<Report>,
    pub received_time_ns: i64,
}

/// Applies a message to what is known.
///
/// # Errors
///
/// The message contradicts an earlier one in a way that no lost message explains.
pub fn apply(message: &Message<'_>, orders: &mut Orders, desk: &mut Desk<'_>) -> Result<(), Refusal> {
    let id = message.order_id.value();
    if let Some(last) = orders.ended(&id) {
        if message.sequence > last {
            desk.doubt(message); // nothing follows the end of an order
        }
        return Ok(());
    }
    let name = match message.body {
        Body::Received { client_order_id, .. } => client_order_id.map(|id| orders.named(id)),
        _ => None,
    };
    let end = match orders.get(&id) {
        Some(order)
            if order.side == message.side && order.symbol.text().value() == message.symbol.value() =>
        {
            follow(message, name, order, desk)?
        }
        Some(order) => {
            doubt(message, order, desk);
            false
        }
        None => {
            let mut order = Order::new(Stored::of(message.symbol), message.side);
            let end = meet(message, name, &mut order, desk);
            if !end {
                orders.insert(&id, order);
            }
            end
        }
    };
    if end {
        orders.end(&id, message.sequence);
    }
    Ok(())
}

/// Takes the first message of an order that is met; returns whether it is also the last.
fn meet(message: &Message<'_>, name: Option<Stored>, order: &mut Order, desk: &mut Desk<'_>) -> bool {
    match &message.body {
        Body::Received { .. } | Body::Activate { .. } => {
            begin(message, name, order, desk);
            false
        }
        body => {
            order.last_sequence = message.sequence;
            doubt(message, order, desk);
            if let Body::Match { .. } = body {
                order.keep(trade(message, false));
            }
            matches!(body, Body::Done { .. })
        }
    }
}

/// Takes a further message of an order; returns whether it is the last.
fn follow(
    message: &Message<'_>,
    name: Option<Stored>,
    order: &mut Order,
    desk: &mut Desk<'_>,
) -> Result<bool, Refusal> {
    match &message.body {
        Body::Match { .. } => return trade_on(message, order, desk).map(|()| false),
        Body::Activate { .. } => return Ok(false), // it was told before: a stop order is placed once
        Body::Done { .. } => {}
        _ if message.sequence <= order.last_sequence => return Ok(false),
        Body::Received { .. } => {
            if order.cumulative.is_zero() {
                begin(message, name, order, desk);
            }
            return Ok(false);
        }
        _ => {}
    }
    let is_late = message.sequence <= order.last_sequence;
    order.last_sequence = order.last_sequence.max(message.sequence);
    if let Some(remaining) = remaining(&message.body).filter(|_| !is_late) {
        order.prove(&remaining);
    }
    if order.is_doubted || is_late {
        doubt(message, order, desk);
        return Ok(matches!(message.body, Body::Done { .. }));
    }
    match message.body {
        Body::Open { remaining } => {
            if order.quantity.is_some_and(|quantity| !fits(&quantity, &order.cumulative, &remaining)) {
                doubt(message, order, desk);
            }
            Ok(false)
        }
        Body::Change { reason, old_size, new_size, price } => {
            changed(message, order, desk, reason, old_size, new_size, price);
            Ok(false)
        }
        Body::Done { reason: DoneReason::Filled, .. } => {
            filled(message, order, desk);
            Ok(true)
        }
        Body::Done { remaining, cancel_reason, .. } => {
            cancelled(message, order, desk, remaining, cancel_reason);
            Ok(true)
        }
        Body::Received { .. } | Body::Match { .. } | Body::Activate { .. } => Ok(false),
    }
}

/// `received` and `activate`: the order was accepted.
fn begin(message: &Message<'_>, name: Option<Stored>, order: &mut Order, desk: &mut Desk<'_>) {
    let mut step = Step::Once("new");
    let mut is_working = None;
    match message.body {
        Body::Received { order_type, quantity, price, funds, .. } => {
            order.last_sequence = message.sequence;
            order.was_received = true;
            order.client_order_id = name.or(order.client_order_id.take());
            if order.is_stop {
                step = Step::Once("working");
                is_working = Some(true);
            } else {
                order.order_type = order_type.as_str();
            }
            order.is_stop = false;
            order.quantity = quantity.map(|amount| amount.kept());
            order.price = price.map(|amount| amount.kept());
            // Beside a size, funds are what the venue holds for the order, and nobody asked for.
            order.quote_quantity = funds.filter(|_| quantity.is_none()).map(|amount| amount.kept());
            // Of a limit order by funds nothing says when it is filled: its trades are for the records to tell.
            if order_type == OrderType::Limit && quantity.is_none() {
                order.doubt(desk.received_time_ns);
            }
        }
        Body::Activate { stop, stop_price, quantity, funds } => {
            order.is_stop = true;
            is_working = Some(false);
            order.order_type = stop.order_type(message.side);
            order.stop_price = Some(stop_price.kept());
            order.quantity = quantity.map(|amount| amount.kept());
            order.quote_quantity = funds.filter(|_| quantity.is_none()).map(|amount| amount.kept());
        }
        _ => return,
    }
    let event = Event { is_working, ..state(message, order, Kind::New, step) };
    desk.tell(message, order, &event);
}

/// `match`: a trade.
fn trade_on(message: &Message<'_>, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
    let new = trade(message, true);
    let is_late = new.sequence <= order.last_sequence;
    order.last_sequence = order.last_sequence.max(new.sequence);
    if order.is_in_records(new.id) {
        return Ok(());
    }
    if let Some(known) = order.trade(new.id) {
        let is_same = known.quantity.cmp_magnitude(&new.quantity).is_eq()
            && known.price.cmp_magnitude(&new.price).is_eq();
        return if is_same {
            Ok(())
        } else {
            Err(Refusal {
                code: ErrorCode::TradeContradicted,
                field: &TRADE_ID,
                says: "told before with another price or size",
                expected: "expected the same trade again".into(),
            })
        };
    }
    if !is_late {
        order.prove(&new.quantity); // it completes the order
    }
    let sums = sums(order, &new).filter(|_| !is_late && !order.is_doubted && !order.is_forgotten(new.id));
    let Some((cumulative, quote)) = sums else {
        order.keep(Trade { is_told: false, ..new });
        doubt(message, order, desk);
        return Ok(());
    };
    release(message, order, desk, Kind::PartiallyFilled);
    order.keep(new);
    order.cumulative = cumulative;
    order.cumulative_quote = quote;
    if order.quantity.is_some_and(|quantity| quantity.cmp_magnitude(&cumulative).is_eq()) {
        execution(message, order, desk, &new, Kind::Filled);
    } else if order.ends_by_funds() {
        order.held = Some(new);
    } else {
        execution(message, order, desk, &new, Kind::PartiallyFilled);
    }
    Ok(())
}

/// What is executed with one more trade: base and quote. `None` if that is more than was ordered.
fn sums(order: &Order, new: &Trade) -> Option<(Amount, Option<Amount>)> {
    let cumulative = order.cumulative.checked_sum(&new.quantity)?;
    if order.quantity.is_some_and(|quantity| cumulative.cmp_magnitude(&quantity).is_gt()) {
        return None;
    }
    let quote = new.price.checked_product(&new.quantity);
    let quote = order.cumulative_quote.zip(quote).and_then(|(sum, quote)| sum.checked_sum(&quote));
    Some((cumulative, quote))
}

/// `change`: less or another price, by self-trade prevention or at the owner's wish.
fn changed(
    message: &Message<'_>,
    order: &mut Order,
    desk: &mut Desk<'_>,
    reason: ChangeReason,
    old_size: Option<Decimal<'_>>,
    new_size: Option<Decimal<'_>>,
    price: Option<Decimal<'_>>,
) {
    let is_known = match (&order.quantity, &old_size) {
        (Some(quantity), Some(remaining)) => fits(quantity, &order.cumulative, remaining),
        (quantity, _) => quantity.is_some(),
    };
    let quantity = new_size.and_then(|remaining| order.cumulative.checked_sum(&remaining));
    let Some(quantity) = quantity.filter(|_| is_known) else {
        doubt(message, order, desk);
        return;
    };
    order.quantity = Some(quantity);
    if let Some(price) = price.filter(|price| !price.is_zero()) {
        order.price = Some(price.kept());
    }
    let mut digits = itoa::Buffer::new();
    let counter = piece(digits.format(message.sequence));
    let event = state(message, order, Kind::Replaced, Step::Counted(reason.as_str(), counter));
    desk.tell(message, order, &event);
}

/// `done`, filled: a confirmation, or the sign that something was missed.
fn filled(message: &Message<'_>, order: &mut Order, desk: &mut Desk<'_>) {
    if order.quantity.is_some_and(|quantity| quantity.cmp_magnitude(&order.cumulative).is_eq()) {
        return;
    }
    release(message, order, desk, Kind::Filled);
    doubt(message, order, desk); // also of an order by funds: nothing shows that no trade was missed
}

/// `done`, cancelled: by its owner, by the venue, or because its time was over.
fn cancelled(
    message: &Message<'_>,
    order: &mut Order,
    desk: &mut Desk<'_>,
    remaining: Option<Decimal<'_>>,
    cancel_reason: Option<Text<'_>>,
) {
    release(message, order, desk, Kind::PartiallyFilled);
    let proof = order.quantity.zip(remaining).map(|(all, rest)| fits(&all, &order.cumulative, &rest));
    if proof != Some(false) {
        let is_expired = cancel_reason.is_some_and(|reason| reason.value().starts_with("101"));
        let kind = if is_expired { Kind::Expired } else { Kind::Cancelled };
        let event = Event {
            is_working: Some(false),
            reject_reason: cancel_reason,
            ..state(message, order, kind, Step::Once(kind.as_str()))
        };
        desk.tell(message, order, &event);
    }
    if proof != Some(true) {
        doubt(message, order, desk);
    }
}

/// Tells the trade that waited for what follows it.
fn release(message: &Message<'_>, order: &mut Order, desk: &mut Desk<'_>, kind: Kind) {
    if let Some(held) = order.held.take() {
        execution(message, order, desk, &held, kind);
    }
}

fn execution(message: &Message<'_>, order: &Order, desk: &mut Desk<'_>, trade: &Trade, kind: Kind) {
    let (mut id, mut sequence) = (itoa::Buffer::new(), itoa::Buffer::new());
    let fill = Fill {
        trade_prefix: "",
        trade_id: Text::new(piece(id.format(trade.id)), false),
        price: &trade.price,
        quantity: &trade.quantity,
        quote: Quote::Unsaid,
        fee: None, // the message states a rate, and the records the fee
        fee_currency: None,
        is_maker: Some(trade.is_maker),
    };
    let event = Event {
        fill: Some(fill),
        venue_status: "match",
        execution_id: Some(piece(sequence.format(trade.sequence))),
        exchange_time: trade.time_ns.into(),
        transaction_time: trade.time_ns.into(),
        ..state(message, order, kind, Step::Once(kind.as_str()))
    };
    desk.tell(message, order, &event);
}

/// An event that is no execution, of the order as it stands.
fn state<'a>(message: &'a Message<'a>, order: &'a Order, kind: Kind, step: Step<'a>) -> Event<'a> {
    Event {
        kind,
        step,
        pair: message.pair,
        symbol: message.symbol,
        order_id: message.order_id,
        client_order_id: order.client_order_id.as_ref().map(Stored::text),
        new_client_order_id: None,
        order_list_id: None,
        side: order.side.as_str(),
        order_type: order.order_type,
        time_in_force: order.time_in_force,
        price: order.price.as_ref(),
        stop_price: order.stop_price.as_ref(),
        quantity: order.quantity.as_ref(),
        quote_quantity: order.quote_quantity.as_ref(),
        cumulative: &order.cumulative,
        cumulative_quote: order.cumulative_quote.as_ref(),
        average: Average::Quotient,
        prevented: None,
        is_working: None,
        venue_status: word(&message.body),
        fill: None,
        reject_reason: None,
        execution_id: None,
        exchange_time: message.time_ns.into(),
        transaction_time: message.time_ns.into(),
        received_time_ns: 0,
    }
}

const fn word(body: &Body<'_>) -> &'static str {
    match body {
        Body::Received { .. } => "received",
        Body::Open { .. } => "open",
        Body::Match { .. } => "match",
        Body::Done { .. } => "done",
        Body::Change { .. } => "change",
        Body::Activate { .. } => "activate",
    }
}

fn trade(message: &Message<'_>, is_told: bool) -> Trade {
    let (id, price, quantity, is_maker) = match &message.body {
        Body::Match { trade_id, price, quantity, is_maker } => {
            (*trade_id, price.kept(), quantity.kept(), *is_maker)
        }
        _ => (-1, Decimal::ZERO, Decimal::ZERO, false),
    };
    Trade { id, price, quantity, is_maker, sequence: message.sequence, time_ns: message.time_ns, is_told }
}

/// What remains of the order by the message, if it says so.
fn remaining<'a>(body: &Body<'a>) -> Option<Decimal<'a>> {
    match body {
        Body::Open { remaining } => Some(*remaining),
        Body::Done { reason: DoneReason::Filled, .. } => Some(Decimal::ZERO),
        Body::Done { remaining, .. } => *remaining,
        Body::Change { old_size, .. } => *old_size,
        _ => None,
    }
}

/// Whether what is executed and what remains are the whole.
fn fits(quantity: &Decimal<'_>, cumulative: &Decimal<'_>, remaining: &Decimal<'_>) -> bool {
    cumulative.checked_sum(remaining).is_some_and(|sum| sum.cmp_magnitude(quantity).is_eq())
}

fn piece(digits: &str) -> Piece<'_> {
    Piece::new(digits.as_bytes(), 0, digits.len())
}

/// Has the records tell, now and until they have.
fn doubt(message: &Message<'_>, order: &mut Order, desk: &mut Desk<'_>) {
    order.doubt(desk.received_time_ns);
    desk.doubt(message);
}

impl Desk<'_> {
    /// Writes an event; one that cannot be written is for the records to tell.
    fn tell(&mut self, message: &Message<'_>, _order: &Order, event: &Event<'_>) {
        let mut digits = itoa::Buffer::new();
        let number = (message.sequence >= 0).then(|| piece(digits.format(message.sequence)));
        let event = Event {
            execution_id: event.execution_id.or(number),
            received_time_ns: self.received_time_ns,
            ..*event
        };
        match event::write(&event, self.owner, std::mem::take(self.spare)) {
            Some(report) => self.out.push(Report::Execution(report)),
            None => self.doubt(message),
        }
    }

    fn doubt(&mut self, message: &Message<'_>) {
        let control = Control::order_doubted(&message.symbol.value(), &message.order_id.value());
        self.out.push(Report::Control(control));
    }
}
