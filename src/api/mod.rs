//! The SQL face: one file a chapter.

mod aggregates;
mod version;
