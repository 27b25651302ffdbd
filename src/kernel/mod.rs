//! SIMD over slices: the portable loop is the specification, each variant is tested against it.

pub mod topk;
