//! Everything that is no order: acknowledgements, signs of life, errors, balances.

use super::message::{SEQUENCE, TIME};
use super::{CHANNELS, PRODUCT, Receipt};
use crate::fields::{Field, Fields};
use crate::json::{write_compact, write_integer, write_string};
use crate::model::{Control, ControlType, Report};
use crate::reader::{Read, Reader, reread_object};
use crate::scanner::{OpenKeys, TokenKind, unescape};

const MESSAGE: Field = Field::new("message", "message");
const REASON: Field = Field::new("reason", "reason");
const LAST_TRADE_ID: Field = Field::new("last_trade_id", "last trade id");
const NAME: Field = Field::new("name", "name of the channel");
const PRODUCTS: Field = Field::new("product_ids", "products");
const ACCOUNT_ID: Field = Field::new("account_id", "account id");
const CURRENCY: Field = Field::new("currency", "currency");
const HOLDS: Field = Field::new("holds", "amount on hold");
const AVAILABLE: Field = Field::new("available", "available amount");
const TIMESTAMP: Field = Field::new("timestamp", "time");
const UPDATED: Field = Field::new("updated", "time of the update");

struct Writer(Vec<u8>, ControlType);

impl Writer {
    fn new(kind: ControlType) -> Self {
        let mut json = Vec::with_capacity(256);
        json.extend_from_slice(b"{\"type\":\"");
        json.extend_from_slice(kind.as_str().as_bytes());
        json.push(b'"');
        Self(json, kind)
    }

    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        &mut self.0
    }

    fn finish(mut self) -> Report {
        self.0.push(b'}');
        Report::Control(Control { kind: self.1, json: self.0 })
    }
}

/// `heartbeat`: the venue lives. Returns the product's number beside the control.
pub fn heartbeat(reader: &Reader<'_>, receipt: Receipt) -> Read<(Report, i64)> {
    let mut writer = Writer::new(ControlType::Heartbeat);
    let time_ns = reader.instant(&TIME)?;
    let sequence = reader.integer(&SEQUENCE)?.value;
    reader.text(&PRODUCT)?.write(writer.name("symbol"));
    write_integer(sequence, writer.name("sequence"));
    write_integer(reader.integer(&LAST_TRADE_ID)?.value, writer.name("last_trade_id"));
    write_integer(time_ns, writer.name("exchange_time_ns"));
    reader.refuse_absurd()?;
    receipt.check_time(&TIME, time_ns).map_err(|refusal| reader.refuse(refusal))?;
    Ok((writer.finish(), sequence))
}

/// `error`: a request was refused, or the connection ends.
pub fn error(reader: &Reader<'_>) -> Read<Report> {
    let mut writer = Writer::new(ControlType::Error);
    reader.text(&MESSAGE)?.write(writer.name("message"));
    let reason = reader.optional_text(&REASON)?;
    match reason {
        Some(reason) => reason.write(writer.name("reason")),
        None => writer.name("reason").extend_from_slice(b"null"),
    }
    Ok(writer.finish())
}

/// `balance`: what an account holds, after a change.
pub fn balance(reader: &Reader<'_>, receipt: Receipt) -> Read<Report> {
    let mut writer = Writer::new(ControlType::Balance);
    reader.text(&ACCOUNT_ID)?.write(writer.name("account_id"));
    reader.text(&CURRENCY)?.write(writer.name("asset"));
    for (name, field) in [("holds", &HOLDS), ("available", &AVAILABLE)] {
        let amount = reader.amount(field)?;
        let json = writer.name(name);
        json.push(b'"');
        amount.write(json);
        json.push(b'"');
    }
    let time_ns = reader.instant(&TIMESTAMP)?;
    write_integer(reader.instant(&UPDATED)?, writer.name("update_time_ns"));
    write_integer(time_ns, writer.name("exchange_time_ns"));
    reader.refuse_absurd()?;
    receipt.check_time(&TIMESTAMP, time_ns).map_err(|refusal| reader.refuse(refusal))?;
    Ok(writer.finish())
}

/// Products of one channel.
pub type Subscribed = Vec<Box<[u8]>>;

/// `subscriptions`: all channels of the connection by now. Returns the products of `full` and of `user` beside it.
pub fn subscriptions(reader: &Reader<'_>, keys: &mut OpenKeys) -> Read<(Report, Subscribed, Subscribed)> {
    let mut writer = Writer::new(ControlType::Subscriptions);
    let (mut full, mut user) = (Vec::new(), Vec::new());
    let mut fields = Fields::default();
    for token in reader.elements(&CHANNELS, keys)? {
        if token.kind != TokenKind::Object {
            return Err(reader.wrong_type(&CHANNELS, token, "an array of objects"));
        }
        reread_object(reader.source(), token, &mut fields, keys);
        let channel = Reader::new(reader.source(), &fields, "channel of subscriptions");
        let name = channel.text(&NAME)?;
        if channel.token(&PRODUCTS).is_none() {
            continue;
        }
        for product in channel.elements(&PRODUCTS, keys)? {
            if !matches!(product.kind, TokenKind::String | TokenKind::Escaped) {
                return Err(channel.wrong_type(&PRODUCTS, product, "an array of strings"));
            }
            let product = || unescape(channel.raw(product)).as_bytes().into();
            if name.is("full") {
                full.push(product());
            } else if name.is("user") {
                user.push(product());
            }
        }
    }
    let channels = reader.token(&CHANNELS).map_or("[]", |token| reader.whole(token));
    write_compact(channels, writer.name("channels"));
    Ok((writer.finish(), full, user))
}

/// Messages of a product were lost.
pub fn sequence_gap(product: &[u8]) -> Report {
    let mut writer = Writer::new(ControlType::SequenceGap);
    write_string(&String::from_utf8_lossy(product), writer.name("symbol"));
    writer.finish()
}
