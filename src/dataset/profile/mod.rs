//! What a group of events says about whoever they belong to, as mergeable states: the same code is a query's aggregate, a parallel
//! worker's share and a day's rollup.
//!
//! Rows come in any order and states merge in any tree; the result is the same up to rounding. A state is as large as what it
//! describes, not as the number of its events.

mod bytes;
mod counts;
mod interests;
mod mean;
mod rfm;
mod sessions;
mod terms;

pub use counts::{Before, Counts};
pub use interests::{Interest, Interests};
pub use mean::Profile;
pub use rfm::{Habit, Rfm};
pub use sessions::Sessions;
pub use terms::{DAY, Span, Terms};
