//! What every fill pays for being measured and traced: counting, deciding, remembering; and, off its path, its spans.

pub mod arrival;
pub mod ids;
pub mod latencies;
pub mod latency;
pub mod lineage;
pub mod otlp;
pub mod record;
pub mod ring;
pub mod spans;
pub mod tail;
