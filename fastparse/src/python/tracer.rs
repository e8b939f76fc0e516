//! What counts, decides and remembers on a fill's path, and gives spans off it.
//!
//! Python is never called, nor anything of it dropped, while a lock is held: it might run another thread that wants the same.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustc_hash::FxHashMap;

use super::fills::{Arrival, Counted, counted, read_arrival};
use super::reading::{delivery_count, number, some_number, text};
use crate::fill::ids::FillIds;
use crate::fill::latencies::{self, Latencies};
use crate::fill::otlp::Spans;
use crate::fill::record::{Call, CallTimes, Callee, Fill, Labels, Record, Stamps, VenueIds};
use crate::fill::ring::Ring;
use crate::fill::spans;
use crate::fill::tail::{Reason, Tail, Telling};

/// Subjects whose labels are kept, half a kilobyte each.
const SUBJECTS: usize = 8_192;
/// Records of which the newest show what is in the histograms: of those that were kept by the ratio, and of the others, which
/// are rare and must not be pushed out by the rest.
const ORDINARY: usize = 256;
const REMARKABLE: usize = 64;
/// Records that are taken out of the ring at once.
const CHUNK: usize = 256;
/// What the spans of one record take, about.
const RECORD_BYTES: usize = 1_024;

/// A record whose trace is kept, why if not for the ratio, and what the call raised.
struct Kept {
    record: Record,
    telling: Option<Telling>,
    error: Option<Py<PyAny>>,
}

/// What the path of fills counts and remembers.
#[derive(Default)]
pub struct Path {
    pub latencies: Latencies,
    tail: Tail,
    labels: FxHashMap<String, Arc<Labels>>,
    callee: Arc<Callee>,
}

impl Path {
    /// What is the same in all fills of these names.
    pub fn labels(&mut self, subject: &str, names: [&str; 5]) -> Arc<Labels> {
        let [exchange, environment, user, pair, kind] = names;
        if let Some(known) = self.labels.get(subject) {
            let of_known = [&known.exchange, &known.environment, &known.user, &known.pair, &known.kind];
            if of_known == names {
                return known.clone();
            }
        }
        if self.labels.len() >= SUBJECTS {
            self.labels.clear();
        }
        let made = Arc::new(Labels {
            subject: subject.to_owned(),
            exchange: exchange.to_owned(),
            environment: environment.to_owned(),
            user: user.to_owned(),
            pair: pair.to_owned(),
            kind: kind.to_owned(),
        });
        self.labels.insert(subject.to_owned(), made.clone());
        made
    }

    /// Who is called: mostly whoever was called last.
    fn callee(&mut self, bot: &str, callback: &str) -> Arc<Callee> {
        if self.callee.bot != bot || self.callee.callback != callback {
            self.callee = Arc::new(Callee { bot: bot.to_owned(), callback: callback.to_owned() });
        }
        self.callee.clone()
    }
}

/// Those of which it is shown how long their stages took.
#[derive(Default)]
struct Showcase {
    ordinary: VecDeque<Record>,
    remarkable: VecDeque<Record>,
}

impl Showcase {
    fn put(&mut self, record: Record, is_remarkable: bool) {
        let (shown, most) =
            if is_remarkable { (&mut self.remarkable, REMARKABLE) } else { (&mut self.ordinary, ORDINARY) };
        if shown.len() >= most {
            shown.pop_front();
        }
        shown.push_back(record);
    }
}

/// Exchange, environment and the histograms of all stages.
type Venue<'py> = (String, String, Vec<Counted<'py>>);

/// A stage of a fill that has a trace: exchange, environment, which stage, how long it took, when it ended, and the trace.
type Shown = (String, String, usize, i64, i64, u128);

/// Spans, how many they are, and of how many records.
type Batch<'py> = (Bound<'py, PyBytes>, usize, usize);

/// Counts the fills of one process, and remembers those whose traces are kept.
#[pyclass(frozen, module = "fillwire._fastparse")]
pub struct FillTracer {
    /// A trace is kept whose number is below it.
    pub bound: u128,
    follows_parent: bool,
    slow_ns: Option<i64>,
    is_exporting: AtomicBool,
    wake: Mutex<Option<Py<PyAny>>>,
    pub path: Mutex<Path>,
    ring: Mutex<Ring<Kept>>,
    showcase: Mutex<Showcase>,
    /// Read once for all bots that share the message.
    last: Mutex<Option<(Py<PyAny>, Arrival)>>,
}

#[pymethods]
impl FillTracer {
    #[new]
    #[pyo3(signature = (*, bound, follows_parent, slow_ns, capacity))]
    fn new(bound: u128, follows_parent: bool, slow_ns: Option<i64>, capacity: usize) -> Self {
        Self {
            bound,
            follows_parent,
            slow_ns,
            is_exporting: AtomicBool::new(false),
            wake: Mutex::default(),
            path: Mutex::default(),
            ring: Mutex::new(Ring::new(capacity)),
            showcase: Mutex::default(),
            last: Mutex::default(),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Who holds a lock goes on, and what it guards is seen the next time.
        if let Ok(wake) = self.wake.try_lock() {
            visit.call(&*wake)?;
        }
        match self.last.try_lock().as_deref() {
            Ok(Some((message, _))) => visit.call(message),
            _ => Ok(()),
        }
    }

    fn export(&self, wake: Py<PyAny>) {
        let before = locked(&self.wake).replace(wake);
        drop(before);
        self.is_exporting.store(true, Ordering::Relaxed);
    }

    #[allow(clippy::too_many_arguments)] // positional, for it is called for every fill
    #[pyo3(signature = (bot, event, message, callback, callback_index, attempt, delivered_ns, started_ns, returned_ns, error, /))]
    fn called<'py>(
        &self,
        py: Python<'py>,
        bot: &Bound<'py, PyAny>,
        event: &Bound<'py, PyAny>,
        message: &Bound<'py, PyAny>,
        callback: &Bound<'py, PyAny>,
        callback_index: u64,
        attempt: u64,
        delivered_ns: i64,
        started_ns: i64,
        returned_ns: i64,
        error: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let (clock_offset_ns, parsed_ns, published_ns, parent) = self.arrival(message)?;
        let stamps = Stamps {
            exchange_time_ns: some_number(&event.getattr(intern!(py, "exchange_time_ns"))?)?,
            clock_offset_ns,
            received_ns: number(&event.getattr(intern!(py, "received_time_ns"))?)?,
            parsed_ns,
            published_ns,
        };
        let times = CallTimes { delivered_ns, started_ns, returned_ns, attempt, callback_index };
        let last_fill = event.getattr(intern!(py, "last_fill"))?;
        let (exchange, environment) =
            (event.getattr(intern!(py, "exchange"))?, event.getattr(intern!(py, "environment"))?);
        let (exchange, environment) = (text(&exchange)?, text(&environment)?);
        let is_quiet = {
            let mut path = locked(&self.path);
            if !last_fill.is_none() {
                path.latencies.count(&exchange, &environment, latencies::host_steps(&stamps, &times));
            }
            path.tail.is_empty()
        };
        if !self.is_exporting() {
            return Ok(());
        }
        let (event_id, bot) = (event.getattr(intern!(py, "event_id"))?, text(bot)?);
        let event_id = text(&event_id)?;
        let telling = if self.keeps_parent(&event_id, parent) {
            None
        } else {
            let is_slow = times.is_first() && self.is_slow(started_ns.saturating_sub(stamps.emitted_ns()));
            let reason = error.as_ref().map(|_| Reason::Error).or(is_slow.then_some(Reason::Slow));
            if reason.is_none() && is_quiet {
                return Ok(());
            }
            let delivery = delivery_count(message)?;
            let mut path = locked(&self.path);
            if let Some(reason) = reason {
                path.tail.note(&event_id, reason);
            }
            match path.tail.telling(&event_id, &bot, delivery) {
                Some(telling) => Some(telling),
                None => return Ok(()),
            }
        };

        let (user, pair) = (event.getattr(intern!(py, "user"))?, event.getattr(intern!(py, "pair"))?);
        let (user, pair) = (text(&user)?, text(&pair)?);
        let kind = event.getattr(intern!(py, "kind"))?;
        let kind = text(&kind)?;
        let subject = message.getattr(intern!(py, "raw_subject"))?;
        let subject = subject.cast::<PyBytes>()?.as_bytes();
        let subject =
            std::str::from_utf8(subject).map_or_else(|_| String::from_utf8_lossy(subject), Cow::Borrowed);
        let order_id = event.getattr(intern!(py, "order_id"))?;
        let trade_id =
            if last_fill.is_none() { None } else { Some(last_fill.getattr(intern!(py, "trade_id"))?) };
        let trade_id = trade_id.as_ref().map(text).transpose()?;
        let venue_ids = VenueIds::new(&text(&order_id)?, trade_id.as_deref());
        let body_bytes = message.getattr(intern!(py, "data"))?.len()? as u64;
        let delivery = delivery_count(message)?;
        let callback = text(callback)?;
        let (labels, callee) = {
            let mut path = locked(&self.path);
            let names = [&exchange, &environment, &user, &pair, &kind].map(|name| &**name);
            (path.labels(&subject, names), path.callee(&bot, &callback))
        };
        let fill = Fill { labels, event_id: event_id.into(), venue_ids, stamps, body_bytes };
        let call = Arc::new(Call { fill, callee, times, delivery });
        self.keep(py, Record::Host(call), telling, error)
    }

    #[pyo3(signature = (event_id, parent, /))]
    fn keeps(&self, event_id: &Bound<'_, PyAny>, parent: Option<bool>) -> PyResult<bool> {
        Ok(self.keeps_parent(&text(event_id)?, parent))
    }

    #[pyo3(name = "is_slow", signature = (took_ns, /))]
    fn is_slow_call(&self, took_ns: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.is_slow(number(took_ns)?))
    }

    #[pyo3(signature = (event_id, reason, /))]
    fn note(&self, event_id: &Bound<'_, PyAny>, reason: &str) -> PyResult<()> {
        let reason = Reason::of(reason).ok_or_else(|| {
            PyValueError::new_err(format!("expected error, slow or order, found {reason:?}"))
        })?;
        let event_id = text(event_id)?;
        locked(&self.path).tail.note(&event_id, reason);
        Ok(())
    }

    #[pyo3(signature = (event_id, /))]
    fn reason(&self, event_id: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
        let event_id = text(event_id)?;
        Ok(locked(&self.path).tail.reason(&event_id).map(Reason::as_str))
    }

    #[getter]
    fn kept_count(&self) -> u64 {
        locked(&self.ring).kept
    }

    #[getter]
    fn dropped_count(&self) -> u64 {
        locked(&self.ring).dropped
    }

    fn __len__(&self) -> usize {
        locked(&self.ring).len()
    }

    fn clear(&self) {
        let left = locked(&self.ring).clear();
        drop(left);
    }

    fn series<'py>(&self, py: Python<'py>) -> PyResult<Vec<Venue<'py>>> {
        // Copied, so that no tuple is made under the lock.
        let found: Vec<_> = locked(&self.path)
            .latencies
            .venues()
            .map(latencies::Venue::parts)
            .map(|(exchange, environment, stages)| {
                (exchange.to_owned(), environment.to_owned(), stages.to_vec())
            })
            .collect();
        let counts = |stages: Vec<_>| stages.iter().map(|stage| counted(py, stage)).collect::<PyResult<_>>();
        found
            .into_iter()
            .map(|(exchange, environment, stages)| Ok((exchange, environment, counts(stages)?)))
            .collect()
    }

    fn shown(&self) -> Vec<Shown> {
        let Showcase { ordinary, remarkable } = std::mem::take(&mut *locked(&self.showcase));
        let steps = |record: &Record| {
            let (labels, steps) = latencies::steps_of(record)?;
            let trace_id = u128::from_be_bytes(FillIds::of(record.event_id()).trace);
            let (exchange, environment) = (labels.exchange.clone(), labels.environment.clone());
            Some(steps.into_iter().map(move |(stage, took_ns, end_ns)| {
                (exchange.clone(), environment.clone(), stage as usize, took_ns, end_ns, trace_id)
            }))
        };
        ordinary.iter().chain(&remarkable).filter_map(steps).flatten().collect()
    }

    #[pyo3(signature = (most_bytes, describe, /))]
    fn take<'py>(
        &self,
        py: Python<'py>,
        most_bytes: usize,
        describe: &Bound<'py, PyAny>,
    ) -> PyResult<Batch<'py>> {
        let (mut out, mut records) = (Spans::default(), 0);
        loop {
            let mut chunk = Vec::new();
            let mut size = out.bytes.len();
            while size < most_bytes && chunk.len() < CHUNK {
                let Some(Kept { record, telling, error }) = locked(&self.ring).pop() else { break };
                let error = match error {
                    Some(error) => describe.call1((error, record.end_ns()))?.extract()?,
                    None => Vec::new(),
                };
                size += RECORD_BYTES + error.len();
                chunk.push((record, telling, error));
            }
            if chunk.is_empty() {
                return Ok((PyBytes::new(py, &out.bytes), out.count, records));
            }
            records += chunk.len();
            // Without the interpreter, which the event loop needs: what is written is ours by now.
            out = py.detach(move || {
                for (record, telling, error) in chunk {
                    spans::write(&record, telling, &error, &mut out);
                    locked(&self.showcase).put(record, telling.is_some());
                }
                out
            });
        }
    }
}

impl FillTracer {
    pub fn is_exporting(&self) -> bool {
        self.is_exporting.load(Ordering::Relaxed)
    }

    fn is_slow(&self, took_ns: i64) -> bool {
        self.slow_ns.is_some_and(|slow_ns| took_ns > slow_ns)
    }

    pub fn keeps_ids(&self, ids: &FillIds) -> bool {
        u128::from(ids.low()) < self.bound
    }

    /// Whether the trace of an event is kept of which a message's `traceparent` said so, or not, or nothing.
    fn keeps_parent(&self, event_id: &str, parent: Option<bool>) -> bool {
        match parent {
            Some(is_kept) if self.follows_parent => is_kept,
            _ => {
                self.bound > u128::from(u64::MAX)
                    || (self.bound > 0 && self.keeps_ids(&FillIds::of(event_id)))
            }
        }
    }

    fn arrival(&self, message: &Bound<'_, PyAny>) -> PyResult<Arrival> {
        if let Some((of, arrival)) = &*locked(&self.last) {
            if of.is(message) {
                return Ok(*arrival);
            }
        }
        let headers = message.getattr(intern!(message.py(), "raw_headers"))?;
        let arrival = read_arrival(headers.cast::<PyBytes>()?.as_bytes());
        let before = locked(&self.last).replace((message.clone().unbind(), arrival));
        drop(before);
        Ok(arrival)
    }

    pub fn keep(
        &self,
        py: Python<'_>,
        record: Record,
        telling: Option<Telling>,
        error: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let (oldest, is_half_full) = locked(&self.ring).push(Kept { record, telling, error });
        drop(oldest);
        if is_half_full {
            let wake = locked(&self.wake).as_ref().map(|wake| wake.clone_ref(py));
            if let Some(wake) = wake {
                wake.call0(py)?;
            }
        }
        Ok(())
    }
}

/// Takes a lock, also after a panic of who had it: what it guards is counts and queues, none of them half done.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
