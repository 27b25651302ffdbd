//! The whole road without Postgres: rows or events in, named tensors and a report out.
