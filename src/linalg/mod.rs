//! Dense and sparse products.

pub mod dense;
pub mod eigen;
pub mod sparse;
pub mod spd;
pub mod split;

pub use dense::{column_sums, multiply, multiply_transposed, transpose, transposed_suits};
pub use sparse::add_rows;
pub use spd::invert_symmetric;
pub use split::multiply_split;
