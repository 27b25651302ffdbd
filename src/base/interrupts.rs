//! Whether somebody asks a loop to end that has no [`crate::base::Context`]: the states of aggregates, weights that are written and read.
//!
//! The engine knows no Postgres. A thread that may be asked says once how it looks ([`watch`]): a backend's own, and those that work for it.
//! On all others a look costs nothing and finds nothing.

use std::cell::Cell;

thread_local! {
    static LOOK: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Steps of a loop between two looks: a few milliseconds at most.
pub const STEPS: usize = 1 << 14;

/// From now on [`check`] on this thread calls `look`, which unwinds where the work has to end.
pub fn watch(look: fn()) {
    LOOK.set(Some(look));
}

/// Looks whether the work has to end. Called in every loop whose length a caller decides, each [`STEPS`] steps or so.
pub fn check() {
    if let Some(look) = LOOK.get() {
        look();
    }
}

/// [`check`] at each [`STEPS`]th `step`.
#[inline]
pub fn check_at(step: usize) {
    if step.is_multiple_of(STEPS) {
        check();
    }
}

/// Iterators whose end the length of a table decides.
pub trait Looking: Iterator + Sized {
    /// The same, which looks at each [`STEPS`]th element whether the work has to end.
    fn looking(self) -> impl Iterator<Item = Self::Item> {
        self.enumerate().map(|(step, x)| {
            check_at(step);
            x
        })
    }
}

impl<I: Iterator> Looking for I {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_watches_is_asked_and_others_are_not() {
        check();
        watch(|| panic!("stop"));
        assert!(std::panic::catch_unwind(|| (0..2 * STEPS).for_each(check_at)).is_err());
        assert!(std::panic::catch_unwind(|| (0..2).looking().count()).is_err());
        std::thread::spawn(check).join().unwrap();
        LOOK.set(None);
    }
}
