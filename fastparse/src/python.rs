//! The only file that knows Python.

use pyo3::prelude::*;

/// The Python module `fillwire._fastparse`.
#[pymodule]
fn _fastparse(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
