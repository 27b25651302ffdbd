//! What networks share: layers over one flat vector of parameters, losses, the optimiser, the mini-batch loop.

pub mod activation;
pub mod affine;
pub mod attention;
#[cfg(test)]
pub(crate) mod check;
pub mod convolution;
pub mod dropout;
pub mod feed_forward;
pub mod fit;
pub mod item_rows;
pub mod layer;
pub mod loss;
pub mod monitor;
pub mod moving_average;
pub mod norm;
pub mod one_cycle;
pub mod optimise;
pub mod recurrence;
pub mod self_attention;
pub mod shards;
pub mod silu;
pub mod stack;
pub mod start;
pub mod tower;

pub use activation::Activation;
pub use fit::{Loop, Trainee};
pub use item_rows::{Touch, learn_rows};
pub use loss::{Loss, Tags, Targets};
pub use monitor::{Evaluation, Fitted, Monitor};
pub use optimise::{Adam, AdamSpec};
pub use shards::{Shards, add_up};
pub use stack::{Sparse, Stack, Workspace};
pub use tower::Tower;
