//! Values as Postgres holds them, and as the engine reads them.

pub(crate) mod argument_types;
pub(crate) mod array;
pub(crate) mod array_elements;
pub(crate) mod json;
pub(crate) mod json_keys;
pub(crate) mod levels;
pub(crate) mod money;
pub(crate) mod numeric;
pub(crate) mod returned;
pub(crate) mod sift;
pub(crate) mod time;
pub(crate) mod tuple;
pub(crate) mod types;
pub(crate) mod value_form;
pub(crate) mod value_type;
