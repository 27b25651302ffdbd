//! pg_affinity: recommendations, search ranking and behaviour prediction where the orders already live.
//!
//! The map of the house, top floor first; a room uses only the rooms below its own:
//!
//! | room | what it is for |
//! |---|---|
//! | `api` | the SQL face, one file a chapter (feature `pg`) |
//! | `pg` | the Postgres machinery: scan, store, cache, settings, errors (feature `pg`) |
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
