//! Strict, exact and fast parsing of venue frames into Fillwire order events.

mod python;
