//! The deployed version, as far as a new one is held against it.

use super::generative::Generative;
use super::rebuild::Rebuild;
use crate::serve::row_split::Split;

/// A version that a new one is compared with on the same held-out rows.
pub trait Incumbent {
    /// How its training held rows out.
    fn split(&self) -> &Split;
    /// The same model as it was before it learned from the held-out rows, where it gives rows back; none where that was not kept.
    fn unseen(&self) -> Option<&dyn Rebuild>;
    /// The model as one that generates rows; none where it does not.
    fn generative(&self) -> Option<&Generative>;
}
