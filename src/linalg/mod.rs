//! Dense and sparse products.

pub mod cholesky;
pub mod dense;
pub mod eigen;
pub mod gramian;
pub mod sparse;
pub mod spd;
pub mod split;
pub mod symmetric;

pub use cholesky::solve_symmetric;
pub use dense::{column_sums, multiply, multiply_transposed, transpose, transposed_suits};
pub use gramian::eigenbasis;
pub use sparse::add_rows;
pub use spd::invert_symmetric;
pub use split::multiply_split;
pub use symmetric::symmetric;
