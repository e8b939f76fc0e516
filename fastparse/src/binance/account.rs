//! Everything that is no order event: answers, balances, order lists, notices about the connection.

use super::control::{Writer, begin, time};
use super::receipt::Receipt;
use super::{ID, ORDER_ID, STATUS, SYMBOL};
use crate::error::ErrorCode;
use crate::fields::Field;
use crate::model::{ControlType, Report};
use crate::reader::{Read, Reader, Refusal};
use crate::scanner::{OpenKeys, Token, TokenKind};

const TRANSACTION_TIME: Field = Field::new("T", "transaction time");
const RESULT: Field = Field::new("result", "result");
const ERROR: Field = Field::new("error", "error");
const RATE_LIMITS: Field = Field::new("rateLimits", "rate limits");
const UPDATE_TIME: Field = Field::new("u", "update time");
const BALANCES: Field = Field::new("B", "balances");
const ASSET: Field = Field::new("a", "asset");
const FREE: Field = Field::new("f", "free amount");
const LOCKED: Field = Field::new("l", "locked amount");
const DELTA: Field = Field::new("d", "delta");
const LIST_ID: Field = Field::new("g", "order list id");
const CONTINGENCY: Field = Field::new("c", "contingency type");
const LIST_STATUS: Field = Field::new("l", "list status");
const LIST_ORDER_STATUS: Field = Field::new("L", "list order status");
const REJECT_REASON: Field = Field::new("r", "reject reason");
const LIST_CLIENT_ID: Field = Field::new("C", "list client order id");
const ORDERS: Field = Field::new("O", "orders");
const CLIENT_ID: Field = Field::new("c", "client order id");

/// An answer to a request, or an unsolicited error (`id` null).
pub fn response(reader: &Reader<'_>) -> Read<Report> {
    let mut writer = Writer::new(ControlType::Response);
    let id = reader.token(&ID);
    if let Some(token) = id {
        if !matches!(token.kind, TokenKind::Integer | TokenKind::String | TokenKind::Escaped) {
            return Err(reader.wrong_type(&ID, token, "an integer, a string or null"));
        }
    }
    let whole = |token: Option<Token>| token.map(|token| reader.whole(token));
    writer.raw("id", whole(id));
    writer.integer("status", reader.integer(&STATUS)?.value);
    writer.doubt(reader.refuse_absurd());
    // A result may be null, an error that is null is none.
    let error = reader.token(&ERROR);
    let result = reader.present(&RESULT).filter(|token| error.is_none() || token.kind != TokenKind::Null);
    match (result, error) {
        (None, None) => return Err(reader.missing(&RESULT, "a result or an error")),
        (_, Some(token)) if token.kind != TokenKind::Object => {
            return Err(reader.wrong_type(&ERROR, token, "an object"));
        }
        (Some(_), Some(_)) => writer.doubt(Err(reader.refuse(Refusal {
            code: ErrorCode::AmbiguousResponse,
            field: &ERROR,
            says: "beside a result",
            expected: "expected either a result or an error".into(),
        }))),
        _ => {}
    }
    writer.raw("result", whole(result));
    writer.raw("error", whole(error));
    writer.raw("rate_limits", whole(reader.present(&RATE_LIMITS)));
    writer.finish()
}

/// `outboundAccountPosition`: balances of the assets that an event touched.
pub fn position(reader: &Reader<'_>, receipt: Receipt<'_>, keys: &mut OpenKeys) -> Read<Report> {
    let mut writer = begin(ControlType::Account, reader, receipt)?;
    time(&mut writer, "update_time_ns", reader, receipt, &UPDATE_TIME)?;
    let elements = (&BALANCES, "balances of outboundAccountPosition");
    writer.objects("balances", reader, elements, keys, |writer, balance| {
        writer.text("asset", &balance.text(&ASSET)?);
        for (name, field) in [("free", &FREE), ("locked", &LOCKED)] {
            let amount = balance.amount(field)?;
            writer.amount(name, &amount);
            if amount.is_negative() {
                let error = balance.refuse(Refusal {
                    code: ErrorCode::NegativeAmount,
                    field,
                    says: "negative",
                    expected: "expected 0 or more".into(),
                });
                writer.doubt(Err(error));
            }
        }
        Ok(())
    })?;
    writer.finish()
}

/// `balanceUpdate` and `externalLockUpdate`: a balance changed, or was locked or unlocked, by another system.
pub fn delta(kind: ControlType, reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Report> {
    let mut writer = begin(kind, reader, receipt)?;
    writer.text("asset", &reader.text(&ASSET)?);
    writer.amount("delta", &reader.amount(&DELTA)?);
    time(&mut writer, "transaction_time_ns", reader, receipt, &TRANSACTION_TIME)?;
    writer.finish()
}

/// `listStatus`: state of an order list. Its letters mean other things than those of an `executionReport`.
pub fn list_status(reader: &Reader<'_>, receipt: Receipt<'_>, keys: &mut OpenKeys) -> Read<Report> {
    let mut writer = begin(ControlType::ListStatus, reader, receipt)?;
    writer.text("symbol", &reader.text(&SYMBOL)?);
    writer.digits("order_list_id", reader.integer(&LIST_ID)?.digits);
    writer.text("contingency_type", &reader.text(&CONTINGENCY)?);
    writer.text("list_status", &reader.text(&LIST_STATUS)?);
    writer.text("list_order_status", &reader.text(&LIST_ORDER_STATUS)?);
    let reason = reader.optional_text(&REJECT_REASON)?.filter(|reason| !reason.is("NONE"));
    match reason {
        Some(reason) => writer.text("reject_reason", &reason),
        None => writer.raw("reject_reason", None),
    }
    writer.text("list_client_order_id", &reader.text(&LIST_CLIENT_ID)?);
    time(&mut writer, "transaction_time_ns", reader, receipt, &TRANSACTION_TIME)?;
    writer.objects("orders", reader, (&ORDERS, "orders of listStatus"), keys, |writer, order| {
        writer.text("symbol", &order.text(&SYMBOL)?);
        let id = order.integer(&ORDER_ID)?;
        writer.digits("order_id", id.digits);
        if id.value < 0 {
            writer.doubt(Err(order.refuse(Refusal {
                code: ErrorCode::NegativeId,
                field: &ORDER_ID,
                says: "negative",
                expected: "expected 0 or more".into(),
            })));
        }
        writer.text("client_order_id", &order.text(&CLIENT_ID)?);
        Ok(())
    })?;
    writer.finish()
}

/// A notice about the connection, which says no more than what it is. The key of `listenKeyExpired` is left out.
pub fn notice(kind: ControlType, reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Report> {
    begin(kind, reader, receipt)?.finish()
}
