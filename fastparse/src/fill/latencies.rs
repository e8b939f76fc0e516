//! The latency of every fill by exchange, environment and stage.

use crate::fill::latency::Histogram;
use crate::fill::record::{CallTimes, Labels, Record, Stamps};

/// A stage of a fill's way; `fillwire.runtime.telemetry_names` has them in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Stage {
    EmitToReceived,
    ReceivedToParsed,
    ParsedToPublished,
    PublishedToAcknowledged,
    PublishedToDelivered,
    DeliveredToCallback,
    Callback,
    EmitToCallback,
}

/// How many stages there are.
pub const STAGES: usize = 8;

/// One stage of one fill: how long it took, and when it ended, in nanoseconds.
pub type Step = (Stage, i64, i64);

/// The histograms of one exchange and environment.
#[derive(Debug, Default)]
pub struct Venue {
    exchange: String,
    environment: String,
    stages: [Histogram; STAGES],
}

impl Venue {
    /// Whose they are, and they, in the order of `Stage`.
    #[must_use]
    pub fn parts(&self) -> (&str, &str, &[Histogram]) {
        (&self.exchange, &self.environment, &self.stages)
    }
}

/// All histograms of one process.
#[derive(Debug, Default)]
pub struct Latencies(Vec<Venue>);

impl Latencies {
    /// By exchange and environment, in the order of their first fill.
    pub fn venues(&self) -> impl Iterator<Item = &Venue> {
        self.0.iter()
    }

    /// Counts the steps of one fill.
    pub fn count(&mut self, exchange: &str, environment: &str, steps: impl Iterator<Item = Step>) {
        let is_theirs = |venue: &Venue| venue.exchange == exchange && venue.environment == environment;
        let at = self.0.iter().position(is_theirs).unwrap_or_else(|| {
            let (exchange, environment) = (exchange.to_owned(), environment.to_owned());
            self.0.push(Venue { exchange, environment, ..Venue::default() });
            self.0.len() - 1
        });
        let Some(venue) = self.0.get_mut(at) else { return };
        for (stage, duration_ns, _) in steps {
            if let Some(histogram) = venue.stages.get_mut(stage as usize) {
                histogram.record(duration_ns);
            }
        }
    }
}

/// What the gateway measures of a fill. What is unknown is left out rather than guessed.
pub fn gateway_steps(stamps: &Stamps, acknowledged_ns: Option<i64>) -> impl Iterator<Item = Step> {
    let received_ns = stamps.received_ns;
    let parsed_ns = stamps.parsed_ns.unwrap_or(received_ns);
    let published_ns = stamps.published_ns.unwrap_or(parsed_ns);
    let emitted_ns = stamps.exchange_time_ns.map(|_| stamps.emitted_ns());
    let step = |stage, from_ns: i64, to_ns: i64| (stage, to_ns.saturating_sub(from_ns), to_ns);
    [
        emitted_ns.map(|emitted_ns| step(Stage::EmitToReceived, emitted_ns, received_ns)),
        Some(step(Stage::ReceivedToParsed, received_ns, parsed_ns)),
        Some(step(Stage::ParsedToPublished, parsed_ns, published_ns)),
        acknowledged_ns.map(|stored_ns| step(Stage::PublishedToAcknowledged, published_ns, stored_ns)),
    ]
    .into_iter()
    .flatten()
}

/// What the host measures of a call; the way to the bot is that of the first call only.
pub fn host_steps(stamps: &Stamps, times: &CallTimes) -> impl Iterator<Item = Step> {
    let &CallTimes { delivered_ns, started_ns, returned_ns, .. } = times;
    let step = |stage, from_ns: i64, to_ns: i64| (stage, to_ns.saturating_sub(from_ns), to_ns);
    let first = |step| times.is_first().then_some(step);
    [
        Some(step(Stage::Callback, started_ns, returned_ns)),
        first(step(Stage::DeliveredToCallback, delivered_ns, started_ns)),
        stamps
            .published_ns
            .and_then(|published_ns| first(step(Stage::PublishedToDelivered, published_ns, delivered_ns))),
        first(step(Stage::EmitToCallback, stamps.emitted_ns(), started_ns)),
    ]
    .into_iter()
    .flatten()
}

/// The steps of a record, if it is of an execution, and whose they are.
#[must_use]
pub fn steps_of(record: &Record) -> Option<(&Labels, Vec<Step>)> {
    let (fill, steps) = match record {
        Record::Gateway(of) => (&of.fill, gateway_steps(&of.fill.stamps, of.acknowledged_ns).collect()),
        Record::Host(of) => (&of.fill, host_steps(&of.fill.stamps, &of.times).collect()),
    };
    fill.venue_ids.trade_id().map(|_| (&*fill.labels, steps))
}
