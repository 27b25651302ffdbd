//! How the items of a shop come and go: which grow against their own past, which new ones catch on.

mod arrivals;
mod growth;
mod item_events;
#[cfg(test)]
mod shops;

pub use arrivals::{Arrival, Arrivals, new_items};
pub use growth::{Asked, Trend, Trending, trending};
pub use item_events::{ItemColumns, ItemEvents};
