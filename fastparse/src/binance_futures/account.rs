//! Everything that is no order event: announced fills, conditional orders, balances, margin, notices.

use super::execution::{
    CLIENT_ID, EVENT_TIME, IS_MAKER, LAST_PRICE, LAST_QUANTITY, ORDER_ID, PRICE, QUANTITY, SIDE, STATUS,
    SYMBOL, TRADE_ID, TRANSACTION_TIME,
};
use super::order::{AlgoStatus, EventType, Side};
use super::read::{object, pair, unknown};
use crate::binance::control::{Writer, time};
use crate::binance::receipt::Receipt;
use crate::error::ErrorCode;
use crate::fields::{Field, Fields};
use crate::model::{ControlType, Report};
use crate::reader::{Expected, Read, Reader, Refusal};
use crate::scanner::OpenKeys;

const ORDER: Field = Field::new("o", "order");
const ALGO_ID: Field = Field::new("aid", "algo id");
const ALGO_CLIENT_ID: Field = Field::new("caid", "client algo id");
const ACTUAL_ID: Field = Field::new("ai", "actual order id");
const REJECT_MESSAGE: Field = Field::new("rm", "reject message");
const REJECTED: Field = Field::new("or", "rejected order");
const REASON: Field = Field::new("r", "reason");
const ACCOUNT: Field = Field::new("a", "account");
const CAUSE: Field = Field::new("m", "cause");
const BALANCES: Field = Field::new("B", "balances");
const ASSET: Field = Field::new("a", "asset");
const WALLET: Field = Field::new("wb", "wallet balance");
const CROSS_WALLET: Field = Field::new("cw", "cross wallet balance");
const POSITIONS: Field = Field::new("P", "positions");
const MARGIN_POSITIONS: Field = Field::new("p", "positions");
const POSITION_SIDE: Field = Field::new("ps", "position side");
const POSITION_AMOUNT: Field = Field::new("pa", "position amount");
const ENTRY_PRICE: Field = Field::new("ep", "entry price");
const MARK_PRICE: Field = Field::new("mp", "mark price");
const MAINTENANCE: Field = Field::new("mm", "maintenance margin");
const CONFIG: Field = Field::new("ac", "account configuration");
const LEVERAGE: Field = Field::new("l", "leverage");
const ASSET_MODE: Field = Field::new("ai", "asset mode");
const MULTI_ASSETS: Field = Field::new("j", "multi-assets mode");

/// Begins a control of an event with what all events have.
fn begin(kind: ControlType, reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Writer> {
    let mut writer = Writer::new(kind);
    time(&mut writer, "exchange_time_ns", reader, receipt, &EVENT_TIME)?;
    Ok(writer)
}

fn begin_dated(kind: ControlType, reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Writer> {
    let mut writer = begin(kind, reader, receipt)?;
    time(&mut writer, "transaction_time_ns", reader, receipt, &TRANSACTION_TIME)?;
    Ok(writer)
}

/// `TRADE_LITE`: an execution, announced before its report. It says neither the cumulative quantity nor the fee.
pub fn fill_announced(reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Report> {
    let mut writer = begin_dated(ControlType::FillAnnounced, reader, receipt)?;
    let symbol = reader.text(&SYMBOL)?;
    let client_id = reader.text(&CLIENT_ID)?;
    let side = reader.text(&SIDE)?;
    reader.optional_amount(&QUANTITY)?;
    let price = reader.optional_amount(&PRICE)?.filter(|price| !price.is_zero());
    let order_id = reader.integer(&ORDER_ID)?;
    let last_quantity = reader.amount(&LAST_QUANTITY)?;
    let last_price = reader.amount(&LAST_PRICE)?;
    let trade_id = reader.integer(&TRADE_ID)?;
    let is_maker = reader.optional_boolean(&IS_MAKER)?;
    let side = Side::of(&side.value())
        .ok_or_else(|| unknown(reader, ErrorCode::UnknownSide, &SIDE, Side::EXPECTED))?;
    let pair = pair(reader, receipt, symbol)?;
    writer.doubt(reader.refuse_absurd());
    let refuse = |code, field, says, expected: &'static str| {
        Err(reader.refuse(Refusal { code, field, says, expected: expected.into() }))
    };
    for (field, id) in [(&ORDER_ID, order_id), (&TRADE_ID, trade_id)] {
        if id.value < 0 {
            writer.doubt(refuse(ErrorCode::NegativeId, field, "negative", "expected 0 or more"));
        }
    }
    for (field, amount, code) in [
        (&LAST_QUANTITY, last_quantity, ErrorCode::FillWithoutQuantity),
        (&LAST_PRICE, last_price, ErrorCode::FillWithoutPrice),
    ] {
        if amount.is_negative() {
            writer.doubt(refuse(ErrorCode::NegativeAmount, field, "negative", "expected 0 or more"));
        }
        if amount.is_zero() {
            writer.doubt(refuse(code, field, "zero on a trade", "expected more than 0"));
        }
    }
    if trade_id.value == 0 {
        let code = ErrorCode::FillWithoutTradeId;
        writer.doubt(refuse(code, &TRADE_ID, "missing on a trade", "expected more than 0"));
    }
    writer.text("symbol", &symbol);
    writer.pair("pair", pair);
    writer.digits("order_id", order_id.digits);
    writer.text("client_order_id", &client_id);
    writer.word("side", Some(side.as_str()));
    match price {
        Some(price) => writer.amount("price", &price),
        None => writer.raw("price", None),
    }
    writer.digits("trade_id", trade_id.digits);
    writer.amount("last_price", &last_price);
    writer.amount("last_quantity", &last_quantity);
    writer.word("liquidity", is_maker.map(|is_maker| if is_maker { "maker" } else { "taker" }));
    writer.finish()
}

/// `ALGO_UPDATE`: a conditional order, which becomes an order of the book when it is triggered.
pub fn conditional_order(
    reader: &Reader<'_>,
    receipt: Receipt<'_>,
    fields: &mut Fields,
    keys: &mut OpenKeys,
) -> Read<Report> {
    let mut writer = begin_dated(ControlType::ConditionalOrder, reader, receipt)?;
    object(reader, &ORDER, fields, keys)?;
    let order = Reader::new(reader.source(), fields, "order of ALGO_UPDATE");
    let symbol = order.text(&SYMBOL)?;
    let algo_id = order.integer(&ALGO_ID)?;
    let client_id = order.text(&ALGO_CLIENT_ID)?;
    let status = order.text(&STATUS)?;
    let order_id = order.optional_text(&ACTUAL_ID)?.filter(|id| !id.is(""));
    let message = order.optional_text(&REJECT_MESSAGE)?.filter(|message| !message.is(""));
    let status = AlgoStatus::of(&status.value())
        .ok_or_else(|| unknown(&order, ErrorCode::UnknownStatus, &STATUS, AlgoStatus::EXPECTED))?;
    writer.doubt(order.refuse_absurd());
    writer.text("symbol", &symbol);
    writer.digits("algo_id", algo_id.digits);
    writer.text("client_order_id", &client_id);
    writer.word("status", Some(status.as_str()));
    writer.optional_text("order_id", order_id.as_ref());
    writer.optional_text("reject_reason", message.as_ref());
    writer.finish()
}

/// `CONDITIONAL_ORDER_TRIGGER_REJECT`: an order that was triggered and refused then.
pub fn conditional_order_rejected(
    reader: &Reader<'_>,
    receipt: Receipt<'_>,
    fields: &mut Fields,
    keys: &mut OpenKeys,
) -> Read<Report> {
    let mut writer = begin_dated(ControlType::ConditionalOrderRejected, reader, receipt)?;
    object(reader, &REJECTED, fields, keys)?;
    let order = Reader::new(reader.source(), fields, "order of CONDITIONAL_ORDER_TRIGGER_REJECT");
    writer.text("symbol", &order.text(&SYMBOL)?);
    writer.digits("order_id", order.integer(&ORDER_ID)?.digits);
    writer.text("reject_reason", &order.text(&REASON)?);
    writer.doubt(order.refuse_absurd());
    writer.finish()
}

/// `ACCOUNT_UPDATE`: balances and positions that an event touched.
pub fn account_update(
    reader: &Reader<'_>,
    receipt: Receipt<'_>,
    fields: &mut Fields,
    keys: &mut OpenKeys,
) -> Read<Report> {
    let mut writer = begin_dated(ControlType::Account, reader, receipt)?;
    object(reader, &ACCOUNT, fields, keys)?;
    let account = Reader::new(reader.source(), fields, "account of ACCOUNT_UPDATE");
    writer.text("cause", &account.text(&CAUSE)?);
    let elements = (&BALANCES, "balances of ACCOUNT_UPDATE");
    writer.optional_objects("balances", &account, elements, keys, |writer, balance| {
        writer.text("asset", &balance.text(&ASSET)?);
        writer.amount("wallet", &balance.amount(&WALLET)?);
        writer.amount("cross_wallet", &balance.amount(&CROSS_WALLET)?);
        Ok(())
    })?;
    let elements = (&POSITIONS, "positions of ACCOUNT_UPDATE");
    writer.optional_objects("positions", &account, elements, keys, |writer, position| {
        writer.text("symbol", &position.text(&SYMBOL)?);
        writer.optional_text("side", position.optional_text(&POSITION_SIDE)?.as_ref());
        writer.amount("quantity", &position.amount(&POSITION_AMOUNT)?);
        writer.amount("entry_price", &position.amount(&ENTRY_PRICE)?);
        Ok(())
    })?;
    writer.finish()
}

/// `MARGIN_CALL`: positions that come near their liquidation.
pub fn margin_call(reader: &Reader<'_>, receipt: Receipt<'_>, keys: &mut OpenKeys) -> Read<Report> {
    let mut writer = begin(ControlType::MarginCall, reader, receipt)?;
    match reader.optional_amount(&CROSS_WALLET)? {
        Some(amount) => writer.amount("cross_wallet", &amount),
        None => writer.raw("cross_wallet", None),
    }
    writer.doubt(reader.refuse_absurd());
    let elements = (&MARGIN_POSITIONS, "positions of MARGIN_CALL");
    writer.objects("positions", reader, elements, keys, |writer, position| {
        writer.text("symbol", &position.text(&SYMBOL)?);
        writer.optional_text("side", position.optional_text(&POSITION_SIDE)?.as_ref());
        writer.amount("quantity", &position.amount(&POSITION_AMOUNT)?);
        writer.amount("mark_price", &position.amount(&MARK_PRICE)?);
        writer.amount("maintenance_margin", &position.amount(&MAINTENANCE)?);
        Ok(())
    })?;
    writer.finish()
}

/// `ACCOUNT_CONFIG_UPDATE`: the leverage of a symbol, or the asset mode of the account.
pub fn account_config(
    reader: &Reader<'_>,
    receipt: Receipt<'_>,
    fields: &mut Fields,
    keys: &mut OpenKeys,
) -> Read<Report> {
    let mut writer = begin_dated(ControlType::AccountConfig, reader, receipt)?;
    if reader.token(&CONFIG).is_none() {
        object(reader, &ASSET_MODE, fields, keys)?;
        let mode = Reader::new(reader.source(), fields, "asset mode of ACCOUNT_CONFIG_UPDATE");
        mode.check_type(&MULTI_ASSETS, Expected::Boolean)?;
        writer.raw("symbol", None);
        writer.raw("leverage", None);
        writer.raw("is_multi_assets", mode.token(&MULTI_ASSETS).map(|token| mode.whole(token)));
        return writer.finish();
    }
    object(reader, &CONFIG, fields, keys)?;
    let config = Reader::new(reader.source(), fields, "configuration of ACCOUNT_CONFIG_UPDATE");
    writer.text("symbol", &config.text(&SYMBOL)?);
    writer.integer("leverage", config.integer(&LEVERAGE)?.value);
    writer.raw("is_multi_assets", None);
    writer.doubt(config.refuse_absurd());
    writer.finish()
}

/// An event about the venue's own trading bots, whose orders have events of their own.
pub fn other(event: EventType, reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Report> {
    let mut writer = begin(ControlType::Other, reader, receipt)?;
    writer.word("event", Some(event.verbatim()));
    writer.finish()
}

/// `listenKeyExpired`: the stream is over. The key itself is left out.
pub fn listen_key_expired(reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Report> {
    begin(ControlType::ListenKeyExpired, reader, receipt)?.finish()
}
