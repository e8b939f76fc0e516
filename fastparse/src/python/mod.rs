//! The face of the crate towards Python: of the parsers here, of the tracing in the files beside. Nothing else knows Python;
//! documented in `_fastparse.pyi`.

mod fills;
mod reading;
mod sent;
mod tracer;

use std::borrow::Cow;
use std::collections::HashMap;

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMapping, PyString, PyType};

use crate::error::{ErrorCode, ParseError};
use crate::model::{self, Kind, Report, Span};
use crate::venue::{self, Config, OrderFacts, VenueParser};

/// `ParseError`, in Python: below 3.12 the stable ABI does not let an extension class extend an exception.
const PARSE_ERROR_SOURCE: &std::ffi::CStr = c"
from typing import final


@final
class ParseError(Exception):
    \"A frame that should have parsed and did not.\"

    def __str__(self):
        return self.message

    error_class = property(lambda self: self.args[0])
    code = property(lambda self: self.args[1])
    field = property(lambda self: self.args[2])
    offset = property(lambda self: self.args[3])
    message = property(lambda self: self.args[4])
    symbol = property(lambda self: self.args[5])
    order_id = property(lambda self: self.args[6])
";

/// The exchanges that have a parser.
#[pyfunction]
fn exchanges() -> Vec<&'static str> {
    venue::EXCHANGES.to_vec()
}

/// Every (code, class) that `ParseError` can carry.
#[pyfunction]
fn error_codes() -> Vec<(&'static str, &'static str)> {
    ErrorCode::ALL.iter().map(|code| (code.as_str(), code.class().as_str())).collect()
}

/// One validated order event. What is read of each stands in it as Python reads it, without a call.
#[pyclass(frozen, freelist = 64, module = "fillwire._fastparse")]
struct ExecutionReport {
    #[pyo3(get)]
    json: Py<PyBytes>,
    #[pyo3(get)]
    event_id: Py<PyString>,
    #[pyo3(get)]
    pair: Py<PyString>,
    #[pyo3(get)]
    kind: Py<PyString>,
    /// The report, but for its JSON.
    report: model::ExecutionReport,
}

impl ExecutionReport {
    fn plain<'a>(&'a self, py: Python<'a>, span: Span) -> &'a str {
        span.plain(self.json.as_bytes(py))
    }

    fn text<'a>(&'a self, py: Python<'a>, span: Span) -> Cow<'a, str> {
        span.text(self.json.as_bytes(py))
    }
}

#[pymethods]
impl ExecutionReport {
    #[getter]
    fn symbol<'a>(&'a self, py: Python<'a>) -> Cow<'a, str> {
        self.text(py, self.report.symbol)
    }

    #[getter]
    fn order_id<'a>(&'a self, py: Python<'a>) -> Cow<'a, str> {
        self.text(py, self.report.order_id)
    }

    #[getter]
    fn client_order_id<'a>(&'a self, py: Python<'a>) -> Option<Cow<'a, str>> {
        self.report.client_order_id.map(|span| self.text(py, span))
    }

    #[getter]
    fn quantity<'a>(&'a self, py: Python<'a>) -> Option<&'a str> {
        self.report.quantity.map(|span| self.plain(py, span))
    }

    #[getter]
    fn cumulative_quantity<'a>(&'a self, py: Python<'a>) -> &'a str {
        self.plain(py, self.report.cumulative_quantity)
    }

    #[getter]
    fn last_quantity<'a>(&'a self, py: Python<'a>) -> Option<&'a str> {
        self.report.last_fill.map(|(_, quantity)| self.plain(py, quantity))
    }

    #[getter]
    fn trade_id<'a>(&'a self, py: Python<'a>) -> Option<Cow<'a, str>> {
        self.report.last_fill.map(|(trade_id, _)| self.text(py, trade_id))
    }

    #[getter]
    fn exchange_time_ns(&self) -> i64 {
        self.report.exchange_time_ns
    }

    #[getter]
    fn transaction_time_ns(&self) -> i64 {
        self.report.transaction_time_ns
    }

    #[getter]
    fn received_time_ns(&self) -> i64 {
        self.report.received_time_ns
    }
}

/// Our word for what happened, one object for all events.
fn kind_word(py: Python<'_>, kind: Kind) -> Py<PyString> {
    let word = match kind {
        Kind::New => intern!(py, "new"),
        Kind::PartiallyFilled => intern!(py, "partially_filled"),
        Kind::Filled => intern!(py, "filled"),
        Kind::Cancelled => intern!(py, "cancelled"),
        Kind::Expired => intern!(py, "expired"),
        Kind::Rejected => intern!(py, "rejected"),
        Kind::Replaced => intern!(py, "replaced"),
    };
    word.clone().unbind()
}

/// A frame that is no order event.
#[pyclass(frozen, module = "fillwire._fastparse")]
struct Control(model::Control);

#[pymethods]
impl Control {
    #[getter]
    fn r#type(&self) -> &'static str {
        self.0.kind.as_str()
    }

    #[getter]
    fn json<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.json)
    }
}

/// Parser for the frames of one connection.
#[pyclass(module = "fillwire._fastparse")]
struct Parser {
    venue: Box<dyn VenueParser>,
    reports: Vec<Report>,
    /// The pair of the report before, as it stands in JSON: the next one is mostly of the same.
    last_pair: (Vec<u8>, Py<PyString>),
    parse_error: Py<PyType>,
    /// Makes of a `ParseError` what is raised in its place.
    error: Option<Py<PyAny>>,
}

#[pymethods]
impl Parser {
    #[new]
    #[pyo3(signature = (name, /, *, user, environment, symbols, microseconds = false, exchange = None, error = None))]
    #[allow(clippy::too_many_arguments)] // keywords in Python
    fn new(
        py: Python<'_>,
        name: &str,
        user: String,
        environment: String,
        symbols: Option<&Bound<'_, PyMapping>>,
        microseconds: bool,
        exchange: Option<String>,
        error: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let symbols = symbols.map(read_symbols).transpose()?;
        let exchange = exchange.unwrap_or_else(|| name.to_owned());
        let config = Config { user, environment, exchange, symbols, microseconds };
        let venue = venue::parser(name, config).ok_or_else(|| {
            PyValueError::new_err(format!("no parser for {name:?}: expected one of {:?}", venue::EXCHANGES))
        })?;
        let parse_error = parse_error_type(py)?.clone().unbind();
        let last_pair = (Vec::new(), PyString::new(py, "").unbind());
        Ok(Self { venue, reports: Vec::new(), last_pair, parse_error, error })
    }

    fn use_clock(&mut self, offset_ns: i64) {
        self.venue.use_clock(offset_ns);
    }

    #[pyo3(signature = (*, symbol, order_id, client_order_id, side, order_type, time_in_force, price, stop_price, quantity,
        quote_quantity, cumulative_quantity, cumulative_quote, is_open, last_trade_id = None))]
    #[allow(clippy::too_many_arguments)] // keywords in Python
    fn note_order(
        &mut self,
        py: Python<'_>,
        symbol: String,
        order_id: String,
        client_order_id: Option<String>,
        side: String,
        order_type: String,
        time_in_force: Option<String>,
        price: Option<String>,
        stop_price: Option<String>,
        quantity: Option<String>,
        quote_quantity: Option<String>,
        cumulative_quantity: String,
        cumulative_quote: Option<String>,
        is_open: bool,
        last_trade_id: Option<String>,
    ) -> PyResult<()> {
        let facts = OrderFacts {
            symbol,
            order_id,
            client_order_id,
            side,
            order_type,
            time_in_force,
            price,
            stop_price,
            quantity,
            quote_quantity,
            cumulative_quantity,
            cumulative_quote,
            last_trade_id,
            is_open,
        };
        let noted = self.venue.note_order(&facts);
        noted.or_else(|error| Err(self.exception(py, *error)?))
    }

    fn name_client(&mut self, venue_id: &str, ours: &str) {
        self.venue.name_client(venue_id, ours);
    }

    fn is_doubted(&self, symbol: &str, order_id: &str) -> bool {
        self.venue.is_doubted(symbol, order_id)
    }

    fn use_symbols(&mut self, symbols: &Bound<'_, PyMapping>) -> PyResult<bool> {
        Ok(self.venue.use_symbols(read_symbols(symbols)?))
    }

    #[getter]
    fn forgotten_count(&self) -> u64 {
        self.venue.forgotten_count()
    }

    #[pyo3(signature = (frame, received_time_ns, /))] // names would cost every call
    fn parse<'py>(
        &mut self,
        py: Python<'py>,
        frame: &[u8],
        received_time_ns: i64,
    ) -> PyResult<Bound<'py, PyList>> {
        self.reports.clear();
        if let Err(error) = self.venue.parse_into(frame, received_time_ns, &mut self.reports) {
            return Err(self.exception(py, *error)?);
        }
        if self.reports.len() == 1 {
            // By far the most frames say one thing: a list of one needs no second look.
            if let Some(report) = self.reports.pop() {
                return PyList::new(py, [self.object(py, report)?]);
            }
        }
        let list = PyList::empty(py);
        let mut reports = std::mem::take(&mut self.reports);
        for report in reports.drain(..) {
            list.append(self.object(py, report)?)?;
        }
        self.reports = reports;
        Ok(list)
    }
}

impl Parser {
    fn object<'py>(&mut self, py: Python<'py>, report: Report) -> PyResult<Bound<'py, PyAny>> {
        Ok(match report {
            Report::Execution(mut report) => {
                let json = PyBytes::new(py, &report.json).unbind();
                let event_id = PyString::from_bytes(py, report.event_id.bytes(&report.json))?.unbind();
                let (pair, kind) = (self.pair(py, &report), kind_word(py, report.kind));
                self.venue.recycle(std::mem::take(&mut report.json));
                Bound::new(py, ExecutionReport { json, event_id, pair, kind, report })?.into_any()
            }
            Report::Control(control) => Bound::new(py, Control(control))?.into_any(),
        })
    }

    fn pair(&mut self, py: Python<'_>, report: &model::ExecutionReport) -> Py<PyString> {
        let bytes = report.pair.bytes(&report.json);
        if self.last_pair.0 != bytes {
            let text = PyString::new(py, &report.pair.text(&report.json)).unbind();
            self.last_pair = (bytes.to_vec(), text);
        }
        self.last_pair.1.clone_ref(py)
    }

    #[cold]
    fn exception(&self, py: Python<'_>, error: ParseError) -> PyResult<PyErr> {
        let ParseError { code, field, offset, message, symbol, order_id } = error;
        let facts = (code.class().as_str(), code.as_str(), field, offset, message, symbol, order_id);
        let exception = self.parse_error.bind(py).call1(facts)?;
        Ok(PyErr::from_value(match &self.error {
            Some(error) => error.bind(py).call1((exception,))?,
            None => exception,
        }))
    }
}

fn read_symbols(mapping: &Bound<'_, PyMapping>) -> PyResult<HashMap<String, String>> {
    mapping.items()?.iter().map(|item| item.extract()).collect()
}

fn parse_error_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static TYPE: pyo3::sync::PyOnceLock<Py<PyType>> = pyo3::sync::PyOnceLock::new();
    let made = TYPE.get_or_try_init(py, || {
        let globals = PyDict::new(py);
        globals.set_item("__name__", "fillwire._fastparse")?;
        py.run(PARSE_ERROR_SOURCE, Some(&globals), None)?;
        let made = globals.as_any().get_item("ParseError")?.cast_into::<PyType>()?;
        PyResult::Ok(made.unbind())
    })?;
    Ok(made.bind(py))
}

/// The Python module `fillwire._fastparse`.
#[pymodule]
fn _fastparse(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Parser>()?;
    module.add_class::<Control>()?;
    module.add_class::<ExecutionReport>()?;
    module.add_class::<fills::Histogram>()?;
    module.add_class::<tracer::FillTracer>()?;
    module.add_class::<sent::AccountTracer>()?;
    module.add_class::<sent::Sent>()?;
    module.add("ParseError", parse_error_type(module.py())?)?;
    module.add_function(wrap_pyfunction!(exchanges, module)?)?;
    module.add_function(wrap_pyfunction!(fills::read_arrival, module)?)?;
    module.add_function(wrap_pyfunction!(fills::fill_ids, module)?)?;
    module.add_function(wrap_pyfunction!(fills::call_ids, module)?)?;
    module.add_function(wrap_pyfunction!(fills::child_id, module)?)?;
    module.add_function(wrap_pyfunction!(error_codes, module)?)
}
