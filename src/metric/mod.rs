//! Figures of quality, as states that merge, so that an SQL aggregate is the same code.

pub mod ranking;
