//! Whether users have things again.

use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::dataset::{Interactions, Step};

impl Interactions {
    /// Whether users have items again: of the events after a user's first session, a fifth or more are of items that the user had in an
    /// earlier one.
    pub fn repeats(&self) -> bool {
        let (mut again, mut all) = (0, 0);
        let mut had: Vec<u32> = vec![0; self.items.len()];
        for u in (0..self.users.len() as u32).looking() {
            let history = self.history(u);
            let starts = Step::Session.starts(history);
            for (at, &start) in starts.iter().enumerate() {
                let session = &history[start..starts.get(at + 1).copied().unwrap_or(history.len())];
                if at > 0 {
                    all += session.len();
                    again += session.iter().filter(|e| had[e.item.index()] == u + 1).count();
                }
                session.iter().for_each(|e| had[e.item.index()] = u + 1);
            }
        }
        all > 0 && again * 5 >= all
    }

    /// The share of the events that are of an item which their user has in another event, too.
    pub fn again(&self) -> f64 {
        let mut had: Vec<u32> = vec![0; self.items.len()];
        let again = (0..self.users.len() as u32)
            .flat_map(|u| self.history(u).iter().map(move |e| (u + 1, e.item.index())))
            .filter(|(user, item)| std::mem::replace(&mut had[*item], *user) == *user)
            .count();
        again.real() / self.events().len().max(1).real()
    }
}
