//! Recommenders: trained on events, their lists made from events read live.

pub(crate) mod events;
pub(crate) mod index_advice;
pub(crate) mod item_attributes;
pub(crate) mod item_events;
pub(crate) mod later_items;
pub(crate) mod lists;
pub(crate) mod live_history;
pub(crate) mod pages;
pub(crate) mod serve_all;
pub(crate) mod serve_factors;
pub(crate) mod serving;
pub(crate) mod train;
pub(crate) mod user_range;
pub(crate) mod user_sides;
