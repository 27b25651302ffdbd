//! Ranked lists of many users, evaluated: the figures with their intervals, what the lists show of the catalogue, and two models on the
//! same users.

use crate::base::number::{AsIndex, AsReal};
use crate::metric::bootstrap::{self, Estimate};
use crate::metric::ranking::{ListFigures, list_figures};

/// The lists of some users, cut at one `k`, out of one catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists {
    k: usize,
    users: Vec<ListFigures>,
    /// How often each item was shown.
    shown: Vec<u32>,
    /// Σ over shown items of what it says to see them, in bits.
    surprise: f64,
}

/// A figure of many lists.
#[derive(Debug, Clone, PartialEq)]
pub struct ListFigure {
    /// `recall`, `ndcg` …
    pub name: &'static str,
    /// The mean over the users, or what the name says of all lists.
    pub value: f64,
    /// The 95 % interval, where there is one.
    pub interval: Option<(f64, f64)>,
}

/// The means over users, in this order.
const MEANS: [&str; 6] = ["recall", "recall_capped", "ndcg", "mrr", "map", "hit_rate"];

fn figures(f: &ListFigures) -> [f64; 6] {
    let hit = f64::from(u8::from(f.recall > 0.0));
    [f.recall, f.recall_capped, f.ndcg, f.reciprocal_rank, f.average_precision, hit]
}

impl Lists {
    /// No users yet; lists are cut at `k`, the catalogue has `items`.
    pub fn new(k: usize, items: usize) -> Self {
        Self { k, users: Vec::new(), shown: vec![0; items], surprise: 0.0 }
    }

    /// Adds a user: item indices, best first, against the relevant ones. `surprise` has the self-information of each item in
    /// bits. A user with nothing relevant does not count.
    pub fn add(&mut self, top: &[u32], relevant: &[u32], surprise: &[f32]) {
        let Some(f) = list_figures(top, relevant, self.k) else { return };
        self.users.push(f);
        for &i in top.iter().take(self.k) {
            if let Some(n) = self.shown.get_mut(i.index()) {
                *n += 1;
            }
            self.surprise += f64::from(surprise.get(i.index()).copied().unwrap_or(0.0));
        }
    }

    /// Adds the users of `other` behind its own; the same cut and catalogue.
    pub fn merge(&mut self, other: &Self) {
        self.users.extend_from_slice(&other.users);
        self.shown.iter_mut().zip(&other.shown).for_each(|(a, b)| *a += b);
        self.surprise += other.surprise;
    }

    /// How many users counted.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// All figures; none without users. `seed` fixes the draws of the intervals.
    ///
    /// `coverage` is the share of the catalogue that any list shows, `gini` the inequality of what is shown (0: every item equally often,
    /// 1: one item only; none where there is but one), `novelty` the mean self-information of what is shown: −log₂ of an item's share of
    /// all purchases (Zhou et al. 2010), in bits; lists that show nothing have neither.
    pub fn figures(&self, seed: u64) -> Vec<ListFigure> {
        let rows: Vec<[f64; 6]> = self.users.iter().map(figures).collect();
        let mut all = means(&rows, seed);
        if !all.is_empty() {
            let of_all = |name, value| ListFigure { name, value, interval: None };
            let slots: u64 = self.shown.iter().map(|n| u64::from(*n)).sum();
            let covered = self.shown.iter().filter(|n| **n > 0).count();
            all.push(of_all("coverage", covered.real() / self.shown.len().max(1).real()));
            all.extend(gini(&self.shown).map(|g| of_all("gini", g)));
            if slots > 0 {
                all.push(of_all("novelty", self.surprise / slots.real()));
            }
        }
        all
    }

    /// By how much the means over users are above those of `other`, whose users are the same in the same order: of one draw both take the
    /// same users, so that what makes a user hard for both does not count. None where the users are not as many.
    pub fn above(&self, other: &Self, seed: u64) -> Option<Vec<ListFigure>> {
        let pair = |(a, b): (&ListFigures, &ListFigures)| {
            let (a, b) = (figures(a), figures(b));
            std::array::from_fn(|i| a[i] - b[i])
        };
        let rows: Vec<[f64; 6]> = self.users.iter().zip(&other.users).map(pair).collect();
        (self.users.len() == other.users.len()).then(|| means(&rows, seed))
    }
}

/// The mean of each column, with its interval where there is more than one row; none without rows.
fn means(rows: &[[f64; 6]], seed: u64) -> Vec<ListFigure> {
    let figure =
        |(name, e): (&&'static str, Estimate)| ListFigure { name, value: e.mean, interval: (rows.len() > 1).then_some((e.low, e.high)) };
    bootstrap::means(rows, seed, 0xd000).map_or_else(Vec::new, |all| MEANS.iter().zip(all).map(figure).collect())
}

/// The Gini coefficient of some counts; none where all are 0, or where there is but one.
fn gini(counts: &[u32]) -> Option<f64> {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let n = sorted.len().real();
    let total: f64 = sorted.iter().map(|c| f64::from(*c)).sum();
    if total == 0.0 || n < 2.0 {
        return None;
    }
    let ranked: f64 = sorted.iter().enumerate().map(|(i, c)| (i + 1).real() * f64::from(*c)).sum();
    // 1 for one item of many needs the factor n / (n − 1).
    Some((2.0 * ranked / (n * total) - (n + 1.0) / n) * n / (n - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn figures_of_lists_by_hand() {
        let mut l = Lists::new(2, 4);
        let surprise = [1.0, 2.0, 3.0, 4.0];
        l.add(&[0, 1, 2], &[1], &surprise);
        l.add(&[0, 3], &[0], &surprise);
        l.add(&[0], &[], &surprise);
        assert_eq!(l.users(), 2);
        let f = l.figures(1);
        let of = |name: &str| f.iter().find(|f| f.name == name).unwrap();
        assert_eq!((of("recall").value, of("mrr").value, of("hit_rate").value), (1.0, 0.75, 1.0));
        assert_eq!((of("coverage").value, of("novelty").value), (0.75, 2.0));
        // Shown 2, 1, 0, 1 times: the Gini coefficient of (0, 1, 1, 2) is 3/8, of four items at most 3/4.
        assert!((of("gini").value - 0.5).abs() < 1e-12);
        assert_eq!(of("recall").interval, Some((1.0, 1.0)));
        assert!(Lists::new(5, 3).figures(0).is_empty());
        assert_eq!((gini(&[0, 0, 9]), gini(&[3, 3, 3]), gini(&[7]), gini(&[0, 0])), (Some(1.0), Some(0.0), None, None));
        // One user has no interval, and lists that show nothing no inequality and no novelty.
        let mut one = Lists::new(2, 4);
        one.add(&[], &[3], &surprise);
        let names: Vec<_> = one.figures(1).into_iter().map(|f| (f.name, f.interval)).collect();
        assert_eq!(names, [&MEANS[..], &["coverage"]].concat().into_iter().map(|n| (n, None)).collect::<Vec<_>>());
    }

    #[test]
    fn intervals_hold_the_mean_narrow_with_users_and_pairs_are_sharper() {
        let mut rng = Rng::new(5);
        // Users differ much; the second model finds what the first finds, and one user in ten more.
        let lists = |n: usize, rng: &mut Rng| {
            let (mut a, mut b) = (Lists::new(1, 2), Lists::new(1, 2));
            for _ in 0..n {
                let (easy, more) = (rng.uniform() < 0.5, rng.uniform() < 0.1);
                a.add(&[u32::from(!easy)], &[0], &[0.0; 2]);
                b.add(&[u32::from(!(easy || more))], &[0], &[0.0; 2]);
            }
            (a, b)
        };
        let width = |f: &ListFigure| f.interval.map(|(low, high)| high - low).unwrap();
        let ((a, _), (c, d)) = (lists(100, &mut rng), lists(10_000, &mut rng));
        let (few, many) = (&a.figures(3)[0], &c.figures(3)[0]);
        assert!(many.interval.is_some_and(|(low, high)| low < many.value && many.value < high));
        assert!(width(few) > 5.0 * width(many));
        let gain = &d.above(&c, 3).unwrap()[0];
        assert!(gain.interval.is_some_and(|(low, high)| low > 0.0 && low < gain.value && gain.value < high));
        assert!(width(gain) < 0.7 * width(many), "{gain:?} {many:?}");
        assert_eq!(a.above(&c, 3), None);
    }

    #[test]
    fn parts_merge_to_the_whole() {
        let mut all = Lists::new(3, 9);
        let (mut a, mut b) = (all.clone(), all.clone());
        for u in 0..20_u32 {
            let (top, wanted) = ([u % 9, (u + 3) % 9, (u * 5) % 9], [(u * 7) % 9, 2]);
            all.add(&top, &wanted, &[0.5; 9]);
            if u < 10 { a.add(&top, &wanted, &[0.5; 9]) } else { b.add(&top, &wanted, &[0.5; 9]) }
        }
        a.merge(&b);
        assert_eq!(a, all);
    }
}
