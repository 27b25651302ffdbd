//! What an aggregate's state can do: merge with another's, and travel between processes.

use crate::base::Result;

/// A state that takes in rows one by one, merges in any tree, and travels as bytes: what a parallel or stored aggregate needs of it.
pub trait Mergeable: Clone + Default {
    /// Takes in what another state has seen.
    ///
    /// # Errors
    /// When the two do not fit each other, or memory is short.
    fn merge(&mut self, other: &Self) -> Result<()>;

    /// The state as little-endian bytes.
    fn to_bytes(&self) -> Vec<u8>;

    /// Back from [`Mergeable::to_bytes`]; the bytes may come from anybody.
    ///
    /// # Errors
    /// [`crate::base::Code::InvalidText`] for bytes that are no state.
    fn from_bytes(bytes: &[u8]) -> Result<Self>;

    /// How many bytes it holds beyond itself.
    fn memory(&self) -> usize;
}
