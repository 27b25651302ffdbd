//! SQL that we run: whose rights it has, what code may run in it, how its rows are read.

pub(crate) mod column_builder;
pub(crate) mod expected_rows;
pub(crate) mod foreign_code;
pub(crate) mod function_watch;
pub(crate) mod id_type;
pub(crate) mod owner;
pub(crate) mod plan_scans;
pub(crate) mod relation;
pub(crate) mod reservoir;
pub(crate) mod result_row;
pub(crate) mod sample;
pub(crate) mod scan;
pub(crate) mod spi;
pub(crate) mod stream;
pub(crate) mod temporary;
pub(crate) mod watched;
pub(crate) mod whole_arrays;
