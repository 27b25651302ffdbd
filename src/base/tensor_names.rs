//! How the tensors of a version are called: which part of it each belongs to is the beginning of its name.

/// Before the names of the model that never saw the held-out rows or events.
pub const HOLDOUT: &str = "holdout.";

/// Before those of the simple model beside it.
pub const BASELINE: &str = "baseline.";

/// Before those of the users' events that a version holds, and of their ids.
pub const USERS: &str = "users";

/// Before those of the items' ids.
pub const ITEMS: &str = "items";

/// Before those of the values that describe items.
pub const ITEM_VALUES: &str = "items.value";

/// Users of each item.
pub const POPULARITY: &str = "items.popularity";

/// Whether a tensor belongs to the users' events.
pub fn is_of_users(name: &str) -> bool {
    name.strip_prefix(USERS).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether a tensor takes part in scoring: it is neither of the model to evaluate by nor of the simple one.
pub fn scores(name: &str) -> bool {
    !name.starts_with(HOLDOUT) && !name.starts_with(BASELINE)
}
