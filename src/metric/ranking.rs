//! How good ranked lists are: recall, NDCG, MRR, MAP, hit rate at a cut k, and how much of the catalogue they show.

use crate::base::number::{AsIndex, AsReal};

/// Sums over users of the figures at one cut; states of parts of the users can be merged.
///
/// Recall is Σ over users of hits / relevant; *capped* recall divides by min(k, relevant) (Liang et al. 2018, "Variational autoencoders for
/// collaborative filtering", eq. 7), so that a perfect list has 1. NDCG has binary gains and 1 / log₂(rank + 1) (Järvelin & Kekäläinen
/// 2002). MAP divides by min(k, relevant).
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    k: usize,
    users: u64,
    recall: f64,
    capped: f64,
    ndcg: f64,
    reciprocal: f64,
    average_precision: f64,
    hit: f64,
    shown: Vec<u64>,
    items: usize,
}

/// The means of a [`Ranking`], each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankingMeans {
    /// Users with something to find.
    pub users: u64,
    /// Hits / relevant.
    pub recall: f64,
    /// Hits / min(k, relevant).
    pub recall_capped: f64,
    /// Normalised discounted cumulative gain.
    pub ndcg: f64,
    /// 1 / rank of the first hit.
    pub mrr: f64,
    /// Mean average precision.
    pub map: f64,
    /// Share of users with a hit.
    pub hit_rate: f64,
    /// Share of the catalogue that is in any list.
    pub coverage: f64,
}

/// The figures of one user's list.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ListFigures {
    /// Hits / relevant.
    pub recall: f64,
    /// Hits / min(k, relevant).
    pub recall_capped: f64,
    /// Normalised discounted cumulative gain.
    pub ndcg: f64,
    /// 1 / rank of the first hit, 0 without.
    pub reciprocal_rank: f64,
    /// Σ over hits of the precision at its rank, / min(k, relevant).
    pub average_precision: f64,
}

/// The figures of the list `top` (best first, cut at `k`) against `relevant` (distinct, any order); none when nothing is relevant.
pub fn list_figures<T: PartialEq>(top: &[T], relevant: &[T], k: usize) -> Option<ListFigures> {
    if relevant.is_empty() || k == 0 {
        return None;
    }
    let gain = |rank: usize| 1.0 / (rank.real() + 2.0).log2();
    let most = relevant.len().min(k);
    let mut f = ListFigures::default();
    let mut hits = 0.0;
    for (rank, item) in top.iter().take(k).enumerate() {
        if relevant.contains(item) {
            hits += 1.0;
            f.ndcg += gain(rank);
            f.average_precision += hits / (rank.real() + 1.0);
            if f.reciprocal_rank == 0.0 {
                f.reciprocal_rank = 1.0 / (rank.real() + 1.0);
            }
        }
    }
    f.recall = hits / relevant.len().real();
    f.recall_capped = hits / most.real();
    f.ndcg /= (0..most).map(gain).sum::<f64>();
    f.average_precision /= most.real();
    Some(f)
}

impl Ranking {
    /// No users yet; lists are cut at `k`, the catalogue has `items`.
    pub fn new(k: usize, items: usize) -> Self {
        Self {
            k,
            users: 0,
            recall: 0.0,
            capped: 0.0,
            ndcg: 0.0,
            reciprocal: 0.0,
            average_precision: 0.0,
            hit: 0.0,
            shown: vec![0; items.div_ceil(64)],
            items,
        }
    }

    /// Adds one user: item indices, best first, against the relevant ones, and gives its figures. A user with nothing relevant does not
    /// count: none.
    pub fn add(&mut self, top: &[u32], relevant: &[u32]) -> Option<ListFigures> {
        let f = list_figures(top, relevant, self.k)?;
        self.users += 1;
        self.recall += f.recall;
        self.capped += f.recall_capped;
        self.ndcg += f.ndcg;
        self.reciprocal += f.reciprocal_rank;
        self.average_precision += f.average_precision;
        self.hit += f64::from(u8::from(f.recall > 0.0));
        for &i in top.iter().take(self.k) {
            if let Some(word) = self.shown.get_mut(i.index() / 64) {
                *word |= 1 << (i % 64);
            }
        }
        Some(f)
    }

    /// Adds the users of `other`, which has the same cut and catalogue.
    pub fn merge(&mut self, other: &Self) {
        self.users += other.users;
        self.recall += other.recall;
        self.capped += other.capped;
        self.ndcg += other.ndcg;
        self.reciprocal += other.reciprocal;
        self.average_precision += other.average_precision;
        self.hit += other.hit;
        self.shown.iter_mut().zip(&other.shown).for_each(|(a, b)| *a |= b);
    }

    /// The means; none without users.
    pub fn means(&self) -> Option<RankingMeans> {
        if self.users == 0 {
            return None;
        }
        let n = self.users.real();
        let shown: u32 = self.shown.iter().map(|w| w.count_ones()).sum();
        Some(RankingMeans {
            users: self.users,
            recall: self.recall / n,
            recall_capped: self.capped / n,
            ndcg: self.ndcg / n,
            mrr: self.reciprocal / n,
            map: self.average_precision / n,
            hit_rate: self.hit / n,
            coverage: f64::from(shown) / self.items.max(1).real(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_by_hand() {
        // Hits at ranks 1 and 3 of 5; four relevant, one of them never shown.
        let f = list_figures(&[7, 1, 9, 2, 3], &[9, 7, 50, 51], 3).unwrap();
        assert_eq!((f.recall, f.recall_capped, f.reciprocal_rank), (0.5, 2.0 / 3.0, 1.0));
        let ideal = 1.0 + 1.0 / 3f64.log2() + 0.5;
        assert!((f.ndcg - 1.5 / ideal).abs() < 1e-12);
        assert!((f.average_precision - (1.0 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
        assert_eq!(list_figures(&[1], &[], 3), None);
    }

    #[test]
    fn means_of_merged_parts_are_those_of_all() {
        let lists: [(&[u32], &[u32]); 4] = [(&[0, 1, 2], &[2]), (&[3, 1, 2], &[9]), (&[4, 0], &[4, 0]), (&[5], &[])];
        let mut all = Ranking::new(2, 10);
        let (mut a, mut b) = (all.clone(), all.clone());
        for (i, (top, relevant)) in lists.iter().enumerate() {
            all.add(top, relevant);
            let part = if i % 2 == 0 { &mut a } else { &mut b };
            part.add(top, relevant);
        }
        a.merge(&b);
        assert_eq!(a, all);
        let m = all.means().unwrap();
        assert_eq!((m.users, m.hit_rate, m.recall), (3, 1.0 / 3.0, 1.0 / 3.0));
        assert_eq!(m.coverage, 0.4);
        assert_eq!(Ranking::new(5, 10).means(), None);
    }
}
