//! Everything that is no order event: answers, balances, order lists, notices about the connection.

use super::{ID, ORDER_ID, Receipt, STATUS, SYMBOL};
use crate::decimal::Decimal;
use crate::error::{ErrorCode, ParseError};
use crate::fields::{Field, Fields};
use crate::json::{write_compact, write_integer};
use crate::model::{Control, ControlType, Report};
use crate::piece::Piece;
use crate::reader::{Read, Reader, Refusal, reread_object};
use crate::scanner::{OpenKeys, Token, TokenKind};
use crate::text::Text;

const EVENT_TIME: Field = Field::new("E", "event time");
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

/// The JSON of a control, being written.
struct Writer {
    kind: ControlType,
    json: Vec<u8>,
    /// The first contradiction met: reported at the end, since being undecodable weighs more.
    doubt: Option<Box<ParseError>>,
}

impl Writer {
    fn new(kind: ControlType) -> Self {
        let mut json = Vec::with_capacity(256);
        json.extend_from_slice(b"{\"type\":\"");
        json.extend_from_slice(kind.as_str().as_bytes());
        json.push(b'"');
        Self { kind, json, doubt: None }
    }

    fn name(&mut self, name: &str) {
        self.json.extend_from_slice(b",\"");
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
    }

    fn integer(&mut self, name: &str, value: i64) {
        self.name(name);
        write_integer(value, &mut self.json);
    }

    fn text(&mut self, name: &str, value: &Text<'_>) {
        self.name(name);
        value.write(&mut self.json);
    }

    fn digits(&mut self, name: &str, digits: Piece<'_>) {
        self.text(name, &Text::new(digits, false));
    }

    fn amount(&mut self, name: &str, value: &Decimal<'_>) {
        self.name(name);
        self.json.push(b'"');
        value.write(&mut self.json);
        self.json.push(b'"');
    }

    fn raw(&mut self, name: &str, json: Option<&str>) {
        self.name(name);
        write_compact(json.unwrap_or("null"), &mut self.json);
    }

    fn doubt(&mut self, checked: Read<()>) {
        if let (Err(error), None) = (checked, &self.doubt) {
            self.doubt = Some(error);
        }
    }

    /// Writes the objects of an array; `write` begins each member with a comma, which the first one loses.
    fn objects(
        &mut self,
        name: &str,
        reader: &Reader<'_>,
        (field, element_name): (&Field, &'static str),
        keys: &mut OpenKeys,
        write: impl Fn(&mut Self, &Reader<'_>) -> Read<()>,
    ) -> Read<()> {
        self.name(name);
        self.json.push(b'[');
        let mut fields = Fields::default();
        for (index, token) in reader.elements(field, keys)?.into_iter().enumerate() {
            if token.kind != TokenKind::Object {
                return Err(reader.wrong_type(field, token, "an array of objects"));
            }
            reread_object(reader.source(), token, &mut fields, keys);
            let element = Reader::new(reader.source(), &fields, element_name);
            if index > 0 {
                self.json.push(b',');
            }
            let start = self.json.len();
            write(self, &element)?;
            if let Some(comma) = self.json.get_mut(start) {
                *comma = b'{';
            }
            self.json.push(b'}');
            self.doubt(element.refuse_absurd());
        }
        self.json.push(b']');
        Ok(())
    }

    fn finish(mut self) -> Read<Report> {
        self.json.push(b'}');
        match self.doubt {
            Some(error) => Err(error),
            None => Ok(Report::Control(Control { kind: self.kind, json: self.json })),
        }
    }
}

/// Begins a control of an event with what all events have.
fn begin(kind: ControlType, reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Writer> {
    let mut writer = Writer::new(kind);
    writer.name("subscription_id");
    match receipt.subscription_id {
        Some(id) => write_integer(id, &mut writer.json),
        None => writer.json.extend_from_slice(b"null"),
    }
    time(&mut writer, "exchange_time_ns", reader, receipt, &EVENT_TIME)?;
    Ok(writer)
}

fn time(
    writer: &mut Writer,
    name: &str,
    reader: &Reader<'_>,
    receipt: Receipt<'_>,
    field: &'static Field,
) -> Read<()> {
    let time_ns = receipt.time_ns(reader, field)?;
    writer.integer(name, time_ns);
    writer.doubt(reader.refuse_absurd());
    writer.doubt(receipt.check_time(field, time_ns).map_err(|refusal| reader.refuse(refusal)));
    Ok(())
}

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
