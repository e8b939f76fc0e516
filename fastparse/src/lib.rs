//! Strict, exact and fast parsing of venue frames into Fillwire order events.
//!
//! Plain Rust from `&[u8]` to `Result<Vec<Report>, ParseError>`; only `python` knows Python. Beside it what every fill pays
//! for being measured and traced (`fill`).

pub mod alpaca;
pub mod binance;
pub mod binance_futures;
mod closed_set;
pub mod coinbase_advanced;
pub mod coinbase_exchange;
pub mod cursor;
pub mod decimal;
pub mod error;
pub mod event;
pub mod fields;
pub mod fill;
pub mod frame;
pub mod identity;
pub mod json;
pub mod message_pack;
pub mod model;
pub mod pen;
pub mod piece;
mod python;
pub mod reader;
pub mod scanner;
pub mod symbols;
pub mod text;
pub mod time;
pub mod venue;
pub mod wide;
