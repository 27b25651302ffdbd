//! The SQL face: one file a chapter.

mod version;
