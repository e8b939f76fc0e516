//! One order event on its way to the broker: what it tells of itself when it leaves and has arrived. No lock is held while
//! Python is called, as in `tracer`.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::ExecutionReport;
use super::reading::{number, some_number, text};
use super::tracer::{FillTracer, locked};
use crate::fill::ids::FillIds;
use crate::fill::latencies;
use crate::fill::lineage::Lineage;
use crate::fill::record::{Fill, Publication, Record, Stamps, VenueIds};

/// Room for three numbers of 64 bits.
const STAMPS_BYTES: usize = 64;

/// Follows the events of one account on their way to the broker.
#[pyclass(frozen, module = "fillwire._fastparse")]
pub struct AccountTracer {
    tracer: Py<FillTracer>,
    exchange: String,
    environment: String,
    user: String,
    clock_offset_ns: Py<PyAny>,
    settle: Py<PyAny>,
    /// `None` for the machine's clock.
    now_ns: Option<Py<PyAny>>,
    lineage: Mutex<Lineage>,
}

#[pymethods]
impl AccountTracer {
    #[new]
    #[pyo3(signature = (tracer, *, exchange, environment, user, clock_offset_ns, settle, now_ns = None))]
    fn new(
        tracer: Py<FillTracer>,
        exchange: String,
        environment: String,
        user: String,
        clock_offset_ns: Py<PyAny>,
        settle: Py<PyAny>,
        now_ns: Option<Py<PyAny>>,
    ) -> Self {
        let lineage = Mutex::default();
        Self { tracer, exchange, environment, user, clock_offset_ns, settle, now_ns, lineage }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.clock_offset_ns)?;
        visit.call(&self.settle)?;
        visit.call(&self.now_ns)?;
        visit.call(&self.tracer)
    }

    #[pyo3(signature = (report, subject, order, parsed_ns, frame_bytes, /))]
    fn sent<'py>(
        slf: &Bound<'py, Self>,
        report: &Bound<'py, PyAny>,
        subject: &Bound<'py, PyAny>,
        order: &Bound<'py, PyAny>,
        parsed_ns: i64,
        frame_bytes: u64,
    ) -> PyResult<Sent> {
        let (py, account) = (slf.py(), slf.get());
        let tracer = account.tracer.get();
        let facts = match report.cast::<ExecutionReport>() {
            Ok(report) => Facts::of_ours(py, report.get())?,
            Err(_) => Facts::of_any(report)?,
        };
        let stamps = Stamps { parsed_ns: Some(parsed_ns), ..facts.stamps };
        let is_execution = facts.trade_id.is_some();
        let ids = (tracer.bound > 0).then(|| FillIds::of(&facts.event_id));
        let is_kept = ids.as_ref().is_some_and(|ids| tracer.keeps_ids(ids));
        let mut record = None;
        if ids.is_some() && tracer.is_exporting() {
            let event_id: Arc<str> = facts.event_id.into();
            let order = text(order)?;
            let earlier = locked(&account.lineage).append(&order, &event_id);
            if is_kept {
                let names =
                    [&*account.exchange, &account.environment, &account.user, &facts.pair, &facts.kind];
                let subject = text(subject)?;
                let labels = locked(&tracer.path).labels(&subject, names);
                let fill = Fill {
                    labels,
                    event_id,
                    venue_ids: VenueIds::new(&facts.order_id, facts.trade_id.as_deref()),
                    stamps,
                    body_bytes: facts.body_bytes,
                };
                let frame_bytes = Some(frame_bytes);
                record = Some(Arc::new(Publication { fill, acknowledged_ns: None, frame_bytes, earlier }));
            }
        }
        Ok(Sent {
            account: slf.clone().unbind(),
            ids: ids.filter(|_| is_kept),
            record,
            stamps,
            is_execution,
            number: 0,
        })
    }
}

impl AccountTracer {
    fn now_ns(&self, py: Python<'_>) -> PyResult<i64> {
        if let Some(now_ns) = &self.now_ns {
            return now_ns.call0(py)?.extract(py);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// What is read of a report.
struct Facts<'a> {
    event_id: Cow<'a, str>,
    order_id: Cow<'a, str>,
    trade_id: Option<Cow<'a, str>>,
    pair: Cow<'a, str>,
    kind: Cow<'a, str>,
    stamps: Stamps,
    body_bytes: u64,
}

impl<'a> Facts<'a> {
    fn of_ours(py: Python<'a>, report: &'a ExecutionReport) -> PyResult<Self> {
        let model = &report.report;
        Ok(Self {
            event_id: Cow::Borrowed(report.event_id.to_str(py)?),
            order_id: report.text(py, model.order_id),
            trade_id: model.last_fill.map(|(trade_id, _)| report.text(py, trade_id)),
            pair: Cow::Borrowed(report.pair.to_str(py)?),
            kind: Cow::Borrowed(model.kind.as_str()),
            stamps: Stamps {
                exchange_time_ns: Some(model.exchange_time_ns),
                received_ns: model.received_time_ns,
                ..Stamps::default()
            },
            body_bytes: report.json.as_bytes(py).len() as u64,
        })
    }

    /// Of a report that was made in Python.
    fn of_any(report: &Bound<'_, PyAny>) -> PyResult<Self> {
        let owned = |name| Ok::<_, PyErr>(Cow::Owned(text(&report.getattr(name)?)?.into_owned()));
        let trade_id = report.getattr("trade_id")?;
        Ok(Self {
            event_id: owned("event_id")?,
            order_id: owned("order_id")?,
            trade_id: if trade_id.is_none() { None } else { Some(Cow::Owned(text(&trade_id)?.into_owned())) },
            pair: owned("pair")?,
            kind: owned("kind")?,
            stamps: Stamps {
                exchange_time_ns: some_number(&report.getattr("exchange_time_ns")?)?,
                received_ns: number(&report.getattr("received_time_ns")?)?,
                ..Stamps::default()
            },
            body_bytes: report.getattr("json")?.len()? as u64,
        })
    }
}

/// One order event on its way to the broker.
#[pyclass(module = "fillwire._fastparse")]
pub struct Sent {
    account: Py<AccountTracer>,
    /// Of an event whose trace is kept.
    ids: Option<FillIds>,
    record: Option<Arc<Publication>>,
    stamps: Stamps,
    is_execution: bool,
    /// Of the event among those that the broker does not have.
    #[pyo3(get, set)]
    number: u64,
}

#[pymethods]
impl Sent {
    fn headers<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let account = self.account.get();
        let published_ns = account.now_ns(py)?;
        let clock_offset_ns = some_number(account.clock_offset_ns.bind(py).call0()?.as_any())?;
        self.stamps.published_ns = Some(published_ns);
        self.stamps.clock_offset_ns = clock_offset_ns;
        let parsed_ns = self.stamps.parsed_ns.unwrap_or_default();
        let headers = PyDict::new(py);
        let mut stamps = String::with_capacity(STAMPS_BYTES);
        for (number, end) in
            [(clock_offset_ns.unwrap_or_default(), ","), (parsed_ns, ","), (published_ns, "")]
        {
            stamps.push_str(itoa::Buffer::new().format(number));
            stamps.push_str(end);
        }
        headers.set_item(intern!(py, "Fillwire-Stamps"), stamps)?;
        if let Some(ids) = &self.ids {
            headers.set_item(intern!(py, "traceparent"), ids.traceparent())?;
        }
        Ok(headers)
    }

    #[pyo3(signature = (outcome, /))]
    fn acknowledged(&mut self, outcome: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = outcome.py();
        let account = self.account.get();
        account.settle.call1(py, (self.number,))?;
        // One that never left has no stamps to hand in.
        if self.stamps.published_ns.is_none() || !outcome.getattr(intern!(py, "error"))?.is_none() {
            return Ok(());
        }
        let acknowledged_ns = Some(account.now_ns(py)?);
        let tracer = account.tracer.get();
        if self.is_execution {
            let steps = latencies::gateway_steps(&self.stamps, acknowledged_ns);
            locked(&tracer.path).latencies.count(&account.exchange, &account.environment, steps);
        }
        let Some(mut record) = self.record.take() else { return Ok(()) };
        if let Some(publication) = Arc::get_mut(&mut record) {
            publication.acknowledged_ns = acknowledged_ns;
            publication.fill.stamps = self.stamps;
        }
        tracer.keep(py, Record::Gateway(record), None, None)
    }
}
