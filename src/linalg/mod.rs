//! Dense and sparse products.

pub mod dense;
pub mod split;

pub use dense::{column_sums, multiply, multiply_transposed, transpose, transposed_suits};
pub use split::multiply_split;
