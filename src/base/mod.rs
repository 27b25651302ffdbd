//! What every floor may use: errors, the context of a long job, random numbers, threads, memory.

pub mod context;
pub mod error;
pub mod hash;
pub mod interrupts;
pub mod memory;
pub mod mergeable;
pub mod names;
pub mod number;
pub mod packed;
pub mod params;
pub mod pool;
pub mod quantile;
pub mod recent;
pub mod rng;
pub mod shared;
pub mod tensor;
pub mod tensor_names;
pub mod weight;

pub use context::{Context, Epoch, Quiet, Until, Watch};
pub use error::{Code, Error, Result};
pub use memory::{Budget, zeros};
pub use mergeable::Mergeable;
pub use pool::Pool;
pub use rng::Rng;
pub use shared::Shared;
pub use tensor::{Numbers, Tensor};
