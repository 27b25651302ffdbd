//! Models as rows: what is stored, who may use it, what is deployed, what a session keeps of it.

pub(crate) mod cache;
pub(crate) mod damaged;
pub(crate) mod deploy;
pub(crate) mod format;
pub(crate) mod last_words;
pub(crate) mod link_rows;
pub(crate) mod models;
pub(crate) mod progress;
pub(crate) mod publish;
pub(crate) mod quota;
pub(crate) mod runs;
pub(crate) mod shared_file;
pub(crate) mod shared_model;
pub(crate) mod source_access;
pub(crate) mod training;
pub(crate) mod training_call;
pub(crate) mod use_counts;
pub(crate) mod weights;
