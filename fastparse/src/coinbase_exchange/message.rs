//! Messages about an order of our own, read whatever the order of their keys.

use super::words::{ChangeReason, DoneReason, MessageType, OrderType, Side, StopType};
use super::{Context, ORDER_ID, PRODUCT, Receipt};
use crate::decimal::Decimal;
use crate::error::ErrorCode;
use crate::fields::Field;
use crate::reader::{Expected, Read, Reader, Refusal};
use crate::symbols::Pair;
use crate::text::Text;

pub const TIME: Field = Field::new("time", "time");
pub const SEQUENCE: Field = Field::new("sequence", "sequence");
pub const USER_ID: Field = Field::new("user_id", "user id");
pub const PROFILE_ID: Field = Field::new("profile_id", "profile id");
pub const MAKER_ORDER_ID: Field = Field::new("maker_order_id", "order id of the maker");
pub const TAKER_ORDER_ID: Field = Field::new("taker_order_id", "order id of the taker");
pub const MAKER_USER_ID: Field = Field::new("maker_user_id", "user id of the maker");
pub const TAKER_USER_ID: Field = Field::new("taker_user_id", "user id of the taker");
pub const TRADE_ID: Field = Field::new("trade_id", "trade id");
const SIDE: Field = Field::new("side", "side");
const SIZE: Field = Field::new("size", "size");
const PRICE: Field = Field::new("price", "price");
const FUNDS: Field = Field::new("funds", "funds");
const ORDER_TYPE: Field = Field::new("order_type", "order type");
const CLIENT_ID: Field = Field::new("client_oid", "client order id");
const OLD_CLIENT_ID: Field = Field::new("client-oid", "client order id");
const REMAINING: Field = Field::new("remaining_size", "remaining size");
const REASON: Field = Field::new("reason", "reason");
const CANCEL_REASON: Field = Field::new("cancel_reason", "reason of the cancel");
const OLD_SIZE: Field = Field::new("old_size", "size before");
const NEW_SIZE: Field = Field::new("new_size", "size from now on");
const OLD_PRICE: Field = Field::new("old_price", "price before");
const NEW_PRICE: Field = Field::new("new_price", "price from now on");
const OLD_FUNDS: Field = Field::new("old_funds", "funds before");
const NEW_FUNDS: Field = Field::new("new_funds", "funds from now on");
const TIMESTAMP: Field = Field::new("timestamp", "time");
const STOP_TYPE: Field = Field::new("stop_type", "stop type");
const STOP_PRICE: Field = Field::new("stop_price", "stop price");
const FEE_RATES: [Field; 2] =
    [Field::new("maker_fee_rate", "fee rate"), Field::new("taker_fee_rate", "fee rate")];
/// Fields of which only the type is checked: nothing is published of them.
const OTHERS: [Field; 4] = [
    USER_ID,
    PROFILE_ID,
    Field::new("maker_profile_id", "profile id of the maker"),
    Field::new("taker_profile_id", "profile id of the taker"),
];

/// A message about an order of our own.
pub struct Message<'a> {
    pub symbol: Text<'a>,
    pub pair: Pair<'a>,
    pub order_id: Text<'a>,
    /// The order's own.
    pub side: Side,
    /// -1 where the message has none.
    pub sequence: i64,
    pub time_ns: i64,
    pub body: Body<'a>,
}

/// What it says.
pub enum Body<'a> {
    Received {
        client_order_id: Option<Text<'a>>,
        order_type: OrderType,
        quantity: Option<Decimal<'a>>,
        price: Option<Decimal<'a>>,
        funds: Option<Decimal<'a>>,
    },
    Open {
        remaining: Decimal<'a>,
    },
    Match {
        trade_id: i64,
        price: Decimal<'a>,
        quantity: Decimal<'a>,
        is_maker: bool,
    },
    Done {
        reason: DoneReason,
        remaining: Option<Decimal<'a>>,
        cancel_reason: Option<Text<'a>>,
    },
    Change {
        reason: ChangeReason,
        old_size: Option<Decimal<'a>>,
        new_size: Option<Decimal<'a>>,
        price: Option<Decimal<'a>>,
    },
    Activate {
        stop: StopType,
        stop_price: Decimal<'a>,
        quantity: Option<Decimal<'a>>,
        funds: Option<Decimal<'a>>,
    },
}

/// Reads a message about an order of our own.
///
/// What cannot be decoded is reported before unknown values, and these before contradictions; within each of the three
/// the order of the checks is fixed, so that a frame always has the same error.
pub fn read<'a>(
    kind: MessageType,
    reader: &Reader<'a>,
    context: &'a Context,
    receipt: Receipt,
) -> Read<Message<'a>> {
    let symbol = reader.text(&PRODUCT)?;
    let (time_field, time_ns, sequence) = if kind == MessageType::Activate {
        (&TIMESTAMP, epoch_ns(reader)?, -1)
    } else {
        (&TIME, reader.instant(&TIME)?, reader.integer(&SEQUENCE)?.value)
    };
    for field in &OTHERS {
        reader.check_type(field, Expected::Text)?;
    }
    let side_word = reader.text(&SIDE)?;
    let (order_id, body, is_taker) = body(kind, reader)?;
    let side = Side::of(&side_word.value())
        .ok_or_else(|| unknown(reader, ErrorCode::UnknownSide, &SIDE, Side::EXPECTED))?;
    let pair = context.products.pair(symbol).ok_or_else(|| {
        unknown(reader, ErrorCode::UnknownSymbol, &PRODUCT, "expected a product of the exchange's list")
    })?;
    reader.refuse_absurd()?;
    receipt.check_time(time_field, time_ns).map_err(|refusal| reader.refuse(refusal))?;
    let message = Message {
        symbol,
        pair,
        order_id,
        side: if is_taker { side.opposite() } else { side },
        sequence,
        time_ns,
        body,
    };
    check(&message, reader, kind).map_err(|refusal| reader.refuse(refusal))?;
    Ok(message)
}

/// The order's id, what the message says, and whether its `side` is that of the other order of a trade.
fn body<'a>(kind: MessageType, reader: &Reader<'a>) -> Read<(Text<'a>, Body<'a>, bool)> {
    if kind == MessageType::Match {
        return trade(reader);
    }
    let order_id = reader.text(&ORDER_ID)?;
    let body = match kind {
        MessageType::Received => {
            let client_order_id = reader.optional_text(&CLIENT_ID)?;
            let old_client_id = reader.optional_text(&OLD_CLIENT_ID)?;
            let order_type = reader.text(&ORDER_TYPE)?;
            let quantity = reader.optional_amount(&SIZE)?;
            let price = reader.optional_amount(&PRICE)?;
            let funds = reader.optional_amount(&FUNDS)?;
            Body::Received {
                client_order_id: client_order_id.or(old_client_id).filter(|id| !id.is("")),
                order_type: OrderType::of(&order_type.value()).ok_or_else(|| {
                    unknown(reader, ErrorCode::UnknownOrderType, &ORDER_TYPE, OrderType::EXPECTED)
                })?,
                quantity: quantity.filter(|quantity| !quantity.is_zero()),
                price: price.filter(|price| !price.is_zero()),
                funds: funds.filter(|funds| !funds.is_zero()),
            }
        }
        MessageType::Open => {
            reader.amount(&PRICE)?;
            Body::Open { remaining: reader.amount(&REMAINING)? }
        }
        MessageType::Done => {
            let reason = reader.text(&REASON)?;
            let remaining = reader.optional_amount(&REMAINING)?;
            let cancel_reason = reader.optional_text(&CANCEL_REASON)?.filter(|reason| !reason.is(""));
            reader.optional_amount(&PRICE)?;
            let reason = DoneReason::of(&reason.value())
                .ok_or_else(|| unknown(reader, ErrorCode::UnknownStatus, &REASON, DoneReason::EXPECTED))?;
            Body::Done { reason, remaining, cancel_reason }
        }
        MessageType::Change => change(reader)?,
        _ => {
            let stop = reader.text(&STOP_TYPE)?;
            let stop_price = reader.amount(&STOP_PRICE)?;
            let quantity = reader.optional_amount(&SIZE)?.filter(|quantity| !quantity.is_zero());
            let funds = reader.optional_amount(&FUNDS)?.filter(|funds| !funds.is_zero());
            let stop = StopType::of(&stop.value()).ok_or_else(|| {
                unknown(reader, ErrorCode::UnknownOrderType, &STOP_TYPE, StopType::EXPECTED)
            })?;
            Body::Activate { stop, stop_price, quantity, funds }
        }
    };
    Ok((order_id, body, false))
}

fn trade<'a>(reader: &Reader<'a>) -> Read<(Text<'a>, Body<'a>, bool)> {
    let maker_order_id = reader.text(&MAKER_ORDER_ID)?;
    let taker_order_id = reader.text(&TAKER_ORDER_ID)?;
    let trade_id = reader.integer(&TRADE_ID)?.value;
    let price = reader.amount(&PRICE)?;
    let quantity = reader.amount(&SIZE)?;
    for field in &FEE_RATES {
        reader.optional_amount(field)?; // negative for a rebate
    }
    let is_maker = reader.optional_text(&MAKER_USER_ID)?.is_some();
    let names_taker = reader.optional_text(&TAKER_USER_ID)?.is_some();
    if !is_maker && !names_taker {
        return Err(reader.missing(&TAKER_USER_ID, "a string, here or as maker_user_id"));
    }
    let order_id = if is_maker { maker_order_id } else { taker_order_id };
    Ok((order_id, Body::Match { trade_id, price, quantity, is_maker }, !is_maker))
}

fn change<'a>(reader: &Reader<'a>) -> Read<Body<'a>> {
    let reason = reader.optional_text(&REASON)?;
    let old_size = reader.optional_amount(&OLD_SIZE)?;
    let new_size = reader.optional_amount(&NEW_SIZE)?;
    let price = reader.optional_amount(&PRICE)?;
    reader.optional_amount(&OLD_PRICE)?;
    let new_price = reader.optional_amount(&NEW_PRICE)?;
    reader.optional_amount(&OLD_FUNDS)?;
    reader.optional_amount(&NEW_FUNDS)?;
    // There was no reason while self-trade prevention was the only one.
    let reason = match reason {
        None => ChangeReason::Prevented,
        Some(reason) => ChangeReason::of(&reason.value()).ok_or_else(|| {
            unknown(reader, ErrorCode::UnknownExecutionType, &REASON, ChangeReason::EXPECTED)
        })?,
    };
    Ok(Body::Change { reason, old_size, new_size, price: new_price.or(price) })
}

/// Reads a time in seconds since the epoch, written as a decimal.
fn epoch_ns(reader: &Reader<'_>) -> Read<i64> {
    let seconds = reader.amount(&TIMESTAMP)?;
    let mut text = Vec::new();
    seconds.write(&mut text);
    let text = String::from_utf8(text).unwrap_or_default();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let parsed = |digits: &str| digits.parse::<i64>().unwrap_or(i64::MAX);
    Ok(parsed(whole).saturating_mul(1_000_000_000).saturating_add(parsed(&fraction)))
}

#[cold]
fn unknown(
    reader: &Reader<'_>,
    code: ErrorCode,
    field: &'static Field,
    expected: &'static str,
) -> Box<crate::error::ParseError> {
    reader.refuse(Refusal { code, field, says: "unknown", expected: expected.into() })
}

/// Refuses what contradicts itself, or the venue's rules.
fn check(message: &Message<'_>, reader: &Reader<'_>, kind: MessageType) -> Result<(), Refusal> {
    let refuse = |code, field, says, expected: &'static str| {
        Err(Refusal { code, field, says, expected: expected.into() })
    };
    if kind != MessageType::Activate && message.sequence < 0 {
        return refuse(ErrorCode::NegativeId, &SEQUENCE, "negative", "expected 0 or more");
    }
    if message.order_id.is("") {
        let field = match message.body {
            Body::Match { is_maker: true, .. } => &MAKER_ORDER_ID,
            Body::Match { .. } => &TAKER_ORDER_ID,
            _ => &ORDER_ID,
        };
        return refuse(ErrorCode::MissingField, field, "empty", "expected an id");
    }
    if let Body::Match { trade_id, .. } = message.body {
        if reader.token(&MAKER_USER_ID).is_some() && reader.token(&TAKER_USER_ID).is_some() {
            let expected = "expected either maker_user_id or taker_user_id";
            return refuse(ErrorCode::SelfTrade, &TAKER_USER_ID, "beside that of the maker", expected);
        }
        if trade_id < 0 {
            return refuse(ErrorCode::NegativeId, &TRADE_ID, "negative", "expected 0 or more");
        }
    }
    for (field, amount) in amounts(message) {
        if amount.is_negative() {
            return refuse(ErrorCode::NegativeAmount, field, "negative", "expected 0 or more");
        }
    }
    match &message.body {
        Body::Match { quantity, .. } if quantity.is_zero() => {
            refuse(ErrorCode::FillWithoutQuantity, &SIZE, "zero on a trade", "expected more than 0")
        }
        Body::Match { price, .. } if price.is_zero() => {
            refuse(ErrorCode::FillWithoutPrice, &PRICE, "zero on a trade", "expected more than 0")
        }
        Body::Done { reason: DoneReason::Filled, remaining: Some(remaining), .. } if !remaining.is_zero() => {
            refuse(ErrorCode::FilledShort, &REMAINING, "above 0", "expected 0 of an order that is filled")
        }
        _ => Ok(()),
    }
}

/// The amounts of a message with their fields, in the order in which they are checked.
fn amounts<'m, 'a>(message: &'m Message<'a>) -> impl Iterator<Item = (&'static Field, &'m Decimal<'a>)> {
    let amounts: [(&'static Field, Option<&'m Decimal<'a>>); 3] = match &message.body {
        Body::Received { quantity, price, funds, .. } => {
            [(&SIZE, quantity.as_ref()), (&PRICE, price.as_ref()), (&FUNDS, funds.as_ref())]
        }
        Body::Open { remaining } => [(&REMAINING, Some(remaining)), (&SIZE, None), (&PRICE, None)],
        Body::Match { price, quantity, .. } => {
            [(&SIZE, Some(quantity)), (&PRICE, Some(price)), (&FUNDS, None)]
        }
        Body::Done { remaining, .. } => [(&REMAINING, remaining.as_ref()), (&SIZE, None), (&PRICE, None)],
        Body::Change { old_size, new_size, price, .. } => {
            [(&OLD_SIZE, old_size.as_ref()), (&NEW_SIZE, new_size.as_ref()), (&PRICE, price.as_ref())]
        }
        Body::Activate { stop_price, quantity, funds, .. } => {
            [(&STOP_PRICE, Some(stop_price)), (&SIZE, quantity.as_ref()), (&FUNDS, funds.as_ref())]
        }
    };
    amounts.into_iter().filter_map(|(field, amount)| Some((field, amount?)))
}
