//! The SQL face: one file a chapter.

mod aggregates;
mod check;
mod models;
mod predict;
mod version;
