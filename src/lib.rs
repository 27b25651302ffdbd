//! pg_affinity: recommendations, search ranking and behaviour prediction where the orders already live.
//!
//! The map of the house, top floor first; a room uses only the rooms below its own:
//!
//! | room | what it is for |
//! |---|---|
//! | `api` | the SQL face, one file a chapter (feature `pg`) |
//! | `pg` | the Postgres machinery, in rooms of its own (feature `pg`) |
//! | [`report`] | a model on one HTML page |
//! | [`train`] | rows or events in, named tensors and how it went out |
//! | [`serve`] | a trained model answers: scores of rows, lists for users |
//! | [`model`] | one file per kind of model |
//! | [`nn`] | what networks share |
//! | [`metric`] | figures of quality, as mergeable states |
//! | [`dataset`] | typed columns, encoders, splits, interactions |
//! | [`linalg`] | dense and sparse products |
//! | [`kernel`] | SIMD over slices |
//! | [`base`] | errors, context, random numbers, threads, memory |
//!
//! The rooms of `pg`, likewise:
//!
//! | room | what it is for |
//! |---|---|
//! | `evaluate` | figures of `affinity.evaluate` and `compare`, the page of `affinity.report` |
//! | `rows`, `recommender` | models of rows and of events: how each is trained, and how it answers |
//! | `store`, `call` | models as rows of tables; arguments and results of the SQL functions |
//! | `query` | SQL that we run: whose rights it has, which code may run in it, how its rows are read |
//! | `datum` | values as Postgres holds them and as the engine reads them |
//! | `backend` | the server process: errors, settings, memory, interrupts, the encoding of texts |
//!
//! `tests/layers.rs` holds both: no import goes up, no files import each other in a circle.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

#[cfg(feature = "pg")]
mod api;
#[cfg(feature = "pg")]
mod pg;

pub mod base;
pub mod dataset;
pub mod kernel;
pub mod linalg;
pub mod metric;
pub mod model;
pub mod nn;
pub mod report;
pub mod serve;
pub mod train;
