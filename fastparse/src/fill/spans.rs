//! Spans of a fill, made of its stamps by the thread that exports them.
//!
//! The fill's identity stands on the first span and the last; those between say it in the subject and the message id. Names
//! and attributes are those of `fillwire.runtime.telemetry_names`.

use crate::fill::ids::FillIds;
use crate::fill::otlp::{Kind, Place, Spans};
use crate::fill::record::{Call, Fill, Labels, Publication, Record};
use crate::fill::tail::Telling;

const MESSAGE_ID: &str = "messaging.message.id";
const DESTINATION: &str = "orders";
const DESTINATION_TEMPLATE: &str = "orders.{user}.{exchange}.{environment}.{pair}.{kind}";

/// Writes the spans of a record, each the child of the one before.
///
/// `telling` is why the trace is kept although the ratio left it out, and what is told with it; `error` is what a call raised,
/// encoded.
pub fn write(record: &Record, telling: Option<Telling>, error: &[u8], spans: &mut Spans) {
    let reason = telling.map(|telling| telling.reason.as_str());
    match record {
        Record::Gateway(of) => {
            gateway(&of.fill, &FillIds::of(&of.fill.event_id), reason, Some(of), spans);
        }
        Record::Host(of) => {
            let ids = FillIds::of(&of.fill.event_id);
            let tells_gateway = telling.is_some_and(|telling| telling.tells_gateway);
            if tells_gateway {
                // As far as the message's stamps tell them: the gateway has sent nothing of it.
                gateway(&of.fill, &ids, reason, None, spans);
            }
            let tells_delivery =
                telling.map_or_else(|| of.times.is_first(), |telling| telling.tells_delivery);
            host(of, &ids, reason, error, !tells_gateway, tells_delivery, spans);
        }
    }
}

fn account<'a>(spans: &'a mut Spans, labels: &Labels) -> &'a mut Spans {
    spans
        .text("fillwire.exchange", &labels.exchange)
        .text("fillwire.environment", &labels.environment)
        .text("fillwire.user", &labels.user)
        .text("fillwire.pair", &labels.pair)
        .text("fillwire.kind", &labels.kind)
}

fn operation<'a>(spans: &'a mut Spans, subject: &str, kind: &str, name: &str) -> &'a mut Spans {
    spans
        .text("messaging.system", "nats")
        .text("messaging.destination.name", subject)
        .text("messaging.destination.template", DESTINATION_TEMPLATE)
        .text("messaging.operation.type", kind)
        .text("messaging.operation.name", name)
}

fn order<'a>(spans: &'a mut Spans, fill: &Fill) -> &'a mut Spans {
    spans
        .text("fillwire.order_id", fill.venue_ids.order_id())
        .some_text("fillwire.trade_id", fill.venue_ids.trade_id())
}

fn message<'a>(spans: &'a mut Spans, fill: &Fill) -> &'a mut Spans {
    spans.text(MESSAGE_ID, &fill.event_id).number("messaging.message.body.size", signed(fill.body_bytes))
}

/// A number of 64 bits, as the protocol has them.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn gateway(fill: &Fill, ids: &FillIds, reason: Option<&str>, of: Option<&Publication>, spans: &mut Spans) {
    let (labels, stamps) = (&*fill.labels, &fill.stamps);
    let received_ns = stamps.received_ns;
    // A host that got no stamps knows only when the frame was read.
    let parsed_ns = stamps.parsed_ns.unwrap_or(received_ns);
    let published_ns = stamps.published_ns.unwrap_or(parsed_ns);
    let stored_ns = of.and_then(|of| of.acknowledged_ns).unwrap_or(published_ns);
    let place =
        |span_id, parent_id| Place { trace_id: &ids.trace, span_id, parent_id, is_parent_remote: false };

    let emit = account(spans.begin(&["emit ", &labels.exchange], Kind::Producer), labels)
        .some_text("fillwire.kept_for", reason)
        .some_number("fillwire.exchange_time_ns", stamps.exchange_time_ns)
        .some_number("fillwire.clock_offset_ns", stamps.clock_offset_ns);
    let earlier = of.map(|of| &*of.earlier).unwrap_or_default();
    earlier.iter().fold(order(emit, fill), |emit, event_id| emit.link(MESSAGE_ID, event_id));
    spans.end(place(ids.emit, None), stamps.emitted_ns(), received_ns);

    spans
        .begin(&["receive"], Kind::Consumer)
        .some_number("fillwire.frame.size", of.and_then(|of| of.frame_bytes).map(signed));
    spans.end(place(ids.receive, Some(ids.emit)), received_ns, published_ns);

    spans.begin(&["parse"], Kind::Internal);
    spans.end(place(ids.parse, Some(ids.receive)), received_ns, parsed_ns);

    let publish = spans.begin(&["publish ", DESTINATION], Kind::Producer);
    message(operation(publish, &labels.subject, "send", "publish"), fill);
    spans.end(place(ids.publish, Some(ids.parse)), published_ns, stored_ns);
}

fn host(
    call: &Call,
    ids: &FillIds,
    reason: Option<&str>,
    error: &[u8],
    is_alone: bool,
    tells_delivery: bool,
    spans: &mut Spans,
) {
    let (fill, times) = (&call.fill, &call.times);
    let labels = &*fill.labels;
    let of_call = ids.of_call(&call.callee.bot, &call.callee.callback, call.delivery, times.attempt);
    let sent_ns = fill.stamps.published_ns.unwrap_or(times.delivered_ns).min(times.delivered_ns);

    if tells_delivery {
        let deliver = spans.begin(&["deliver ", DESTINATION], Kind::Consumer);
        bot(message(operation(deliver, &labels.subject, "receive", "deliver"), fill), call);
        let place = Place {
            trace_id: &ids.trace,
            span_id: of_call.deliver,
            parent_id: Some(ids.publish),
            is_parent_remote: is_alone,
        };
        spans.end(place, sent_ns, times.delivered_ns);
    }
    let callback = spans.begin(&["callback ", &call.callee.callback], Kind::Consumer);
    let callback = operation(account(callback, labels), &labels.subject, "process", &call.callee.callback)
        .number("fillwire.attempt", signed(times.attempt))
        .some_text("fillwire.kept_for", reason);
    bot(message(order(callback, fill), fill), call).encoded(error);
    let place = Place {
        trace_id: &ids.trace,
        span_id: of_call.callback,
        parent_id: Some(of_call.deliver),
        is_parent_remote: false,
    };
    spans.end(place, times.started_ns, times.returned_ns);
}

fn bot<'a>(spans: &'a mut Spans, call: &Call) -> &'a mut Spans {
    spans
        .text("messaging.consumer.group.name", &call.callee.bot)
        .text("fillwire.bot", &call.callee.bot)
        .number("fillwire.delivery", signed(call.delivery))
}
