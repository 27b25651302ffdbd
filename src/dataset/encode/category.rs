//! Texts as inputs: one column a frequent value, one for the rare, hashed columns where there are too many.

use crate::base::hash::{self, Map};
use crate::base::number::{AsIndex, AsReal};
use serde::{Deserialize, Serialize};

/// A fitted category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Category {
    stored: Stored,
    places: Map<String, u32>,
    width: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    /// Values with a column of their own, the most frequent first.
    levels: Vec<String>,
    /// Share of the training rows of each.
    shares: Vec<f64>,
    /// Whether training had values too rare for a column: they share one, and so do values never seen.
    other: bool,
    /// Whether training had missing values: they have a column.
    missing: bool,
    /// Columns into which the values without an own one are hashed; 0: none.
    buckets: u32,
    /// Sparse inputs into which the values without a column of their own are hashed, beside the column that they share; 0: none.
    #[serde(default, skip_serializing_if = "is_zero")]
    sparse: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// What a value becomes; found once for a frame's distinct values, then written row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// 1 in this column.
    One(u32),
    /// 1 in both.
    Two(u32, u32),
    /// Training had no such thing to learn from: every value in its share, which is what the network knows of an average row.
    Average,
}

/// The fewest sparse inputs: two rare values should not share one by bad luck.
const FEWEST: usize = 64;
/// The most.
const MOST: usize = 1 << 16;

/// Keeps the `most` names that stand in most rows, in this order; of equally many the first by name.
pub fn keep_most<N: AsRef<str>>(counts: &mut Vec<(N, usize)>, most: usize) {
    let order = |a: &(N, usize), b: &(N, usize)| b.1.cmp(&a.1).then(a.0.as_ref().cmp(b.0.as_ref()));
    if counts.len() > most {
        // Half a million texts take .3 s to be ordered, for some dozens of them.
        counts.select_nth_unstable_by(most, order);
        counts.truncate(most);
    }
    counts.sort_unstable_by(order);
}

impl Category {
    /// A category of the values `(text, rows)`, in any order. A value of fewer than `min_count` rows has no column of its own. Past
    /// `max_levels` such values, only the most frequent have one and the others are hashed into `buckets` columns.
    pub fn fit(counts: &[(&str, usize)], missing: usize, min_count: usize, max_levels: usize, buckets: usize) -> Self {
        let rows = (counts.iter().map(|(_, n)| n).sum::<usize>() + missing).max(1) as f64;
        let mut frequent: Vec<_> = counts.iter().filter(|(_, n)| *n >= min_count.max(1)).copied().collect();
        let hashed = frequent.len() > max_levels;
        keep_most(&mut frequent, max_levels);
        let stored = Stored {
            levels: frequent.iter().map(|(t, _)| (*t).to_owned()).collect(),
            shares: frequent.iter().map(|(_, n)| n.real() / rows).collect(),
            other: !hashed && frequent.len() < counts.iter().filter(|(_, n)| *n > 0).count(),
            missing: missing > 0,
            buckets: if hashed { buckets.max(2) as u32 } else { 0 },
            sparse: 0,
        };
        Self::new(stored)
    }

    fn new(stored: Stored) -> Self {
        let places = stored.levels.iter().enumerate().map(|(i, t)| (t.clone(), i as u32)).collect();
        let width = stored.levels.len() + stored.buckets.index() + usize::from(stored.other) + usize::from(stored.missing);
        Self { stored, places, width }
    }

    /// The same where the values without a column of their own, `rest` distinct ones, share one and have sparse inputs besides, at most
    /// `most`: what rare values have in common is learned, and what sets one apart. (Of 3,000 shops with four rows each, the one shared
    /// column told nothing: AUC .50.)
    pub fn with_sparse(self, rest: usize, most: usize) -> Self {
        let fewest = FEWEST.min(most.max(1));
        let sparse = rest.next_power_of_two().clamp(fewest, most.max(fewest).min(MOST)) as u32;
        Self::new(Stored { other: true, buckets: 0, sparse, ..self.stored })
    }

    /// Sparse inputs, beside the columns.
    pub fn sparse(&self) -> usize {
        self.stored.sparse.index()
    }

    /// The sparse input of a value, if it has one.
    pub fn sparse_place(&self, text: &str) -> Option<u32> {
        (self.stored.sparse > 0 && !self.places.contains_key(text))
            .then(|| (hash::bytes(3, text.as_bytes()) % u64::from(self.stored.sparse)) as u32)
    }

    /// The same without a column for missing values and with one for rare ones, of a column of so many `distinct` values; none where these
    /// do not tell rows apart.
    pub fn whole(self, distinct: usize) -> Option<Self> {
        let Stored { levels, shares, buckets, .. } = self.stored;
        let varies = distinct > 1 && !levels.is_empty();
        varies.then(|| Self::new(Stored { levels, shares, other: buckets == 0, missing: false, buckets, sparse: 0 }))
    }

    /// Values with a column of their own.
    pub fn levels(&self) -> &[String] {
        &self.stored.levels
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Where a value goes; none for a missing one.
    pub fn place(&self, text: Option<&str>) -> Place {
        let s = &self.stored;
        let after = s.levels.len() as u32;
        let Some(text) = text else {
            return if s.missing { Place::One(self.width as u32 - 1) } else { Place::Average };
        };
        if let Some(i) = self.places.get(text) {
            return Place::One(*i);
        }
        if s.buckets > 0 {
            // two hashes: two values rarely share both (Weinberger et al. 2009 use one and a sign)
            let h = hash::bytes(0, text.as_bytes());
            let (n, a) = (u64::from(s.buckets), (h >> 32) % u64::from(s.buckets));
            let b = (a + 1 + (h & 0xffff_ffff) % (n - 1)) % n;
            return Place::Two(after + a as u32, after + b as u32);
        }
        if s.other { Place::One(after) } else { Place::Average }
    }

    /// Writes a place into `out`, which holds zeros.
    #[inline]
    pub fn write(&self, place: Place, out: &mut [f32]) {
        match place {
            Place::One(i) => out[i.index()] = 1.0,
            Place::Two(i, j) => {
                out[i.index()] = 1.0;
                out[j.index()] = 1.0;
            }
            Place::Average => self.stored.shares.iter().zip(out).for_each(|(s, o)| *o = s.single()),
        }
    }
}

impl TryFrom<Stored> for Category {
    type Error = String;
    fn try_from(s: Stored) -> Result<Self, String> {
        let good = s.levels.len() == s.shares.len()
            && s.buckets != 1
            && s.buckets <= 1 << 20
            && s.sparse.index() <= MOST
            && s.shares.iter().all(|x| x.is_finite());
        let c = Self::new(s);
        if good && c.places.len() == c.stored.levels.len() { Ok(c) } else { Err("the values of a category are damaged".into()) }
    }
}

impl From<Category> for Stored {
    fn from(c: Category) -> Self {
        c.stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(c: &Category, text: Option<&str>) -> Vec<f32> {
        let mut out = vec![0.0; c.width()];
        c.write(c.place(text), &mut out);
        out
    }

    #[test]
    fn frequent_values_have_columns_and_rare_ones_share_one() {
        let c = Category::fit(&[("b", 30), ("a", 60), ("z", 2), ("y", 3)], 5, 5, 10, 8);
        assert_eq!(c.width(), 4);
        assert_eq!(written(&c, Some("a")), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(written(&c, Some("b")), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(written(&c, Some("z")), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(written(&c, Some("never seen")), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(written(&c, None), [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn what_training_never_met_counts_as_an_average_row() {
        let c = Category::fit(&[("a", 75), ("b", 25)], 0, 5, 10, 8);
        assert_eq!(written(&c, Some("c")), [0.75, 0.25]);
        assert_eq!(written(&c, None), [0.75, 0.25]);
    }

    #[test]
    fn too_many_values_are_hashed() {
        let texts: Vec<String> = (0..1000).map(|i| format!("sku {i}")).collect();
        let counts: Vec<_> = texts.iter().map(|t| (t.as_str(), 9)).collect();
        let c = Category::fit(&counts, 0, 5, 100, 64);
        assert_eq!(c.width(), 164);
        let mut seen = std::collections::HashSet::new();
        for t in &texts {
            let w = written(&c, Some(t));
            let own = w[..100].iter().sum::<f32>();
            assert_eq!((own, w[100..].iter().sum::<f32>()), if own == 1.0 { (1.0, 0.0) } else { (0.0, 2.0) });
            seen.insert(format!("{w:?}"));
        }
        assert!(seen.len() > 800, "{}", seen.len());
    }

    #[test]
    fn stored_categories_come_back_and_hostile_ones_do_not() {
        let c = Category::fit(&[("b", 30), ("a", 60), ("z", 2)], 5, 5, 10, 8);
        let text = serde_json::to_string(&c).unwrap();
        assert_eq!(serde_json::from_str::<Category>(&text).unwrap(), c);
        for (from, to) in [("[\"a\",\"b\"]", "[\"a\"]"), ("[\"a\",\"b\"]", "[\"a\",\"a\"]"), ("\"buckets\":0", "\"buckets\":4000000000")] {
            assert!(text.contains(from));
            assert!(serde_json::from_str::<Category>(&text.replace(from, to)).is_err(), "{to}");
        }
    }
}
