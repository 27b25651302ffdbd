//! The SQL face: one file a chapter.

mod aggregates;
mod check;
mod evaluate;
mod kinds;
mod models;
mod predict;
mod train;
mod version;
