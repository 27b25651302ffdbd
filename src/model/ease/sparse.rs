//! The solution where the square of the items does not fit: the weights towards each item sought among the items that go with it most.
//!
//! Column j of B is a regression of its own, of item j on the others ([`crate::model::local_regression`]): the exact solution on its
//! candidates, and what the inverse of their square and j alone says of j (Steck 2019, "Markov random fields for collaborative filtering",
//! section 3).

use crate::base::number::AsIndex;
use crate::base::{Context, Result};
use crate::dataset::Pairs;
use crate::model::gather::{look, strongest};
use crate::model::links::Links;
use crate::model::local_regression::{KNOWN, Regressions};

/// The `keep` strongest weights of each item towards others, found among `candidates` of each: those whose weights would be largest, were
/// each the only one. By cosines candidates that few users had come first, and twice as many are needed for the same lists.
pub(super) fn fit(by_user: &Pairs, by_item: &Pairs, lambda: f32, candidates: usize, keep: usize, ctx: &Context) -> Result<Links> {
    let n = by_item.rows();
    let candidates = candidates.min(n.saturating_sub(1));
    let own: Vec<f32> = (0..n).map(|i| by_item.row(i).map(|(_, x)| x * x).sum()).collect();
    let near = strongest(
        n,
        KNOWN.saturating_mul(candidates),
        "the pairs of items",
        ctx,
        |a, gather| {
            for (step, (u, x)) in by_item.row(a.index()).enumerate() {
                look(step);
                by_user.row(u.index()).for_each(|(b, y)| gather.add(b, x * y));
            }
        },
        |a, b, sum| if a == b { 0.0 } else { sum / (own[b.index()] + lambda) },
        |alone| alone,
    )?;
    // Twice, and to the end: what was gathered in parts and then joined, the allocator keeps.
    let _booked = ctx.budget.take(near.bytes() * 2, "the pairs of items")?;
    let from = Regressions { square: &near, towards: &near, candidates, own: &own, lambda }.solved(ctx)?;
    drop(near);
    let _weights = ctx.budget.take(from.bytes(), "the weights of the items")?;
    Links::build(n, keep, ctx, |i, gather| from.add_row(i, gather), |_, _, w| w)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Code, Pool, Quiet};
    use crate::model::ease::dense;
    use crate::model::ease::tests::random;

    fn with<R>(threads: usize, budget: &Budget, f: impl FnOnce(&Context<'_>) -> R) -> R {
        let pool = Pool::new(threads).unwrap();
        f(&Context { seed: 0, pool: &pool, budget, watch: &Quiet })
    }

    #[test]
    fn with_all_items_as_candidates_it_is_the_exact_solution() {
        let (by_user, by_item) = random(60, 40, 900);
        let n = by_item.rows();
        let exact = with(1, &Budget::unlimited(), |ctx| dense::by_items(&by_user, &by_item, 3.0, n, ctx)).unwrap();
        let found = with(1, &Budget::unlimited(), |ctx| fit(&by_user, &by_item, 3.0, n, n, ctx)).unwrap();
        for i in 0..n as u32 {
            let mut row = vec![0.0; n];
            exact.of(i).for_each(|(j, w)| row[j as usize] = w);
            found.of(i).for_each(|(j, w)| row[j as usize] -= w);
            assert!(row.iter().all(|x| x.abs() < 2e-3), "{i}: {row:?}");
        }
    }

    #[test]
    fn few_candidates_give_few_finite_weights_whatever_the_threads_and_within_the_memory() {
        let (by_user, by_item) = random(300, 200, 6000);
        let links =
            |threads: usize, lambda: f32, budget: &Budget| with(threads, budget, |ctx| fit(&by_user, &by_item, lambda, 10, 50, ctx));
        let one = links(1, 0.1, &Budget::unlimited()).unwrap();
        assert_eq!(one, links(3, 0.1, &Budget::unlimited()).unwrap());
        let all: Vec<f32> = (0..200).flat_map(|i| one.of(i).map(|x| x.1)).collect();
        assert!(all.len() <= 2000 && all.len() > 1000 && all.iter().all(|w| w.abs() < 2.0));
        assert_eq!(links(1, 0.1, &Budget::new(20_000)).unwrap_err().code, Code::OutOfMemory);
    }
}
