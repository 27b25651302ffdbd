//! Whether events are still like those that a recommender learned from, as facts.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result};
use crate::dataset::Interactions;
use crate::metric::moved::Binned;
use crate::train::drift::Fact;

/// A bin of items, the most popular first, ends where it holds this share of what users had.
const BIN: f64 = 0.05;

/// What a version knows of its events, and how it sees those of now.
#[derive(Debug)]
pub struct Known<'a> {
    /// The users of its training, where it knows how many they were.
    pub users: Option<usize>,
    /// How many users had each of its items.
    pub popularity: &'a [f32],
    /// Its item for each of the items of now; none for one that it does not know.
    pub items: &'a [Option<u32>],
    /// Of how many users of now it holds no events; none where it holds no user's.
    pub strangers: Option<usize>,
    /// Events that it learned from.
    pub events: f64,
}

/// The facts of `data`, the events of a `share` of the users; `names` are those of the relation, the users' and the items' column.
///
/// Events of one user are no draws of their own, so it is users that tell what is chance.
///
/// # Errors
/// [`crate::base::Code::Cancelled`].
pub fn of_events(data: &Interactions, share: f64, known: &Known<'_>, names: [&str; 3], ctx: &Context<'_>) -> Result<Vec<Fact>> {
    let [relation, user, item] = names;
    let users = data.users.len().real();
    // At least as many as had the most popular item.
    let least = known.popularity.iter().fold(1.0f64, |m, p| m.max(f64::from(*p)));
    let draws = [known.users.map_or(least, |n| n.real()), users];
    let count = |part, name, then, now: f64| Fact::counted(part, name, then, (now / share).round());
    let mut facts = vec![
        count("events", relation, Some(known.events), data.events().len().real()),
        count("users", user, known.users.map(|n| n.real()), users),
    ];
    if let Some(strangers) = known.strangers {
        facts.push(Fact::share("users", user, "unseen", [0.0, strangers.real()], draws));
    }
    let foreign = known.items.iter().filter(|i| i.is_none()).count().real();
    facts.push(Fact::share("items", item, "unseen", [0.0, foreign], [known.popularity.len().real(), known.items.len().real()]));
    let mut had = vec![0.0; known.popularity.len()];
    let (mut of_foreign, mut own) = (0.0, Vec::new());
    for u in 0..data.users.len() {
        if u % 4096 == 0 {
            ctx.check()?;
        }
        let history = data.history(u as u32);
        own.clear();
        own.extend(history.iter().filter_map(|e| known.items.get(e.item.index()).copied().flatten()));
        of_foreign += (history.len() - own.len()).real();
        own.sort_unstable();
        own.dedup();
        own.iter().for_each(|i| had[i.index()] += 1.0);
    }
    let all = data.events().len().real();
    let bins = Binned::as_they_are(&[[known.events, all - of_foreign], [0.0, of_foreign]], Some(draws));
    facts.push(Fact::binned("events", relation, "unseen", Some([0.0, of_foreign / all.max(1.0)]), bins));
    facts.push(Fact::binned("items", item, "psi", None, Binned::new(&by_popularity(known.popularity, &had), Some(draws))));
    Ok(facts)
}

/// How many users had the items of each bin, then and now.
fn by_popularity(then: &[f32], now: &[f64]) -> Vec<[f64; 2]> {
    let mut order: Vec<usize> = (0..then.len()).collect();
    order.sort_by(|a, b| then[*b].total_cmp(&then[*a]).then(a.cmp(b)));
    let total: f64 = then.iter().map(|p| f64::from(*p)).sum();
    let (mut bins, mut open) = (Vec::new(), [0.0, 0.0]);
    for i in order {
        open = [open[0] + f64::from(then[i]), open[1] + now[i]];
        if open[0] >= BIN * total {
            bins.push(std::mem::take(&mut open));
        }
    }
    bins.push(open);
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_binned_by_their_popularity() {
        // One of half of all, then 50 of a hundredth each.
        let then: Vec<f32> = (0..51).map(|i| if i == 7 { 50.0 } else { 1.0 }).collect();
        let bins = by_popularity(&then, &[1.0; 51]);
        assert_eq!((bins.len(), bins[0], bins[1], bins[11]), (12, [50.0, 1.0], [5.0, 5.0], [0.0, 0.0]));
        assert!(Binned::new(&bins, None).is_some_and(|b| b.psi() > 0.25));
    }
}
