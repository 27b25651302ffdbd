//! Dense and sparse products.

pub mod dense;

pub use dense::{multiply, multiply_transposed, transpose, transposed_suits};
