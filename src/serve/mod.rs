//! A trained model answers: what a request needs, without training and without Postgres.

pub mod audience;
pub mod batch;
pub mod because;
pub mod calibration;
pub mod due;
pub mod known_events;
pub mod list;
pub mod outcome;
pub mod recommender;
pub mod rerank;
pub mod row_split;
pub mod scorer;

pub use outcome::Outcome;
