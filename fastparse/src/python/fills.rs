//! What Python reads of `fill` singly: headers, ids, histograms.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::reading::{number, text};
use crate::fill::arrival;
use crate::fill::ids::{self, FillIds};
use crate::fill::latency;

/// Stamps, and whether the trace is kept.
pub type Arrival = (Option<i64>, Option<i64>, Option<i64>, Option<bool>);

#[pyfunction]
#[pyo3(signature = (block, /))]
pub fn read_arrival(block: &[u8]) -> Arrival {
    let found = arrival::read(block);
    let [offset, parsed, published] = found.stamps.map_or([None; 3], |stamps| stamps.map(Some));
    (offset, parsed, published, found.is_sampled)
}

#[pyfunction]
#[pyo3(signature = (event_id, /))]
pub fn fill_ids<'py>(event_id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(event_id.py(), &FillIds::of(&text(event_id)?).bytes()))
}

#[pyfunction]
#[pyo3(signature = (event_id, bot, callback, delivery, attempt, /))]
pub fn call_ids<'py>(
    event_id: &Bound<'py, PyAny>,
    bot: &str,
    callback: &str,
    delivery: u64,
    attempt: u64,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let found = FillIds::of(&text(event_id)?).of_call(bot, callback, delivery, attempt);
    let py = event_id.py();
    Ok((PyBytes::new(py, &found.deliver), PyBytes::new(py, &found.callback)))
}

#[pyfunction]
#[pyo3(signature = (name, /))]
pub fn child_id<'py>(py: Python<'py>, name: &str) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &ids::child_id(name))
}

/// Durations of one kind, counted.
#[pyclass(subclass, module = "fillwire._fastparse")]
#[derive(Default)]
pub struct Histogram(latency::Histogram);

/// Counts per bucket, records of 0 ns or less, sum, smallest and largest.
pub type Counted<'py> = (Bound<'py, PyTuple>, u64, i128, Option<i64>, Option<i64>);

#[pymethods]
impl Histogram {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    #[pyo3(signature = (duration_ns, /))]
    fn record(&mut self, duration_ns: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.record(number(duration_ns)?);
        Ok(())
    }

    fn counted<'py>(&self, py: Python<'py>) -> PyResult<Counted<'py>> {
        counted(py, &self.0)
    }
}

pub fn counted<'py>(py: Python<'py>, histogram: &latency::Histogram) -> PyResult<Counted<'py>> {
    let latency::Histogram { counts, zero_count, sum_ns, min_ns, max_ns } = histogram;
    let extremes = (*max_ns >= 0).then_some((*min_ns, *max_ns)).unzip();
    Ok((PyTuple::new(py, counts)?, *zero_count, *sum_ns, extremes.0, extremes.1))
}
