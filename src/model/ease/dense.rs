//! The exact solution: an inverse of the items' or of the users' square, whichever is smaller.

use crate::base::number::AsIndex;
use crate::base::{Context, Error, Result, zeros};
use crate::dataset::Pairs;
use crate::linalg::invert_symmetric;
use crate::model::links::Links;

/// Of items, by the square of the items: λ on the diagonal of XᵀX.
pub(super) fn by_items(by_user: &Pairs, by_item: &Pairs, lambda: f32, keep: usize, ctx: &Context) -> Result<Links> {
    let n = by_item.rows();
    let _booked = ctx.budget.take(n.saturating_mul(n).saturating_mul(4), &format!("the square of {n} items")).map_err(fewer)?;
    let mut gram = gram(by_item, by_user, ctx)?;
    (0..n).for_each(|i| gram[i * n + i] += lambda);
    invert_symmetric(&mut gram, n, ctx)?;
    // Together, and not a row of the square apart.
    let diagonal: Vec<f32> = gram.iter().step_by(n + 1).copied().collect();
    Links::build(n, keep, ctx, |i, gather| gather.add_row(-1.0, &gram[i.index() * n..][..n]), |_, j, sum| sum / diagonal[j.index()])
}

/// The same by the square of the users. (On Complete Journey, in a trial in numpy, three such models took 8 s where one inverse of the
/// items took 177.)
pub(super) fn by_users(by_user: &Pairs, by_item: &Pairs, lambda: f32, keep: usize, ctx: &Context) -> Result<Links> {
    let (m, n) = (by_user.rows(), by_item.rows());
    let bytes = m.saturating_mul(m).saturating_add(m.saturating_mul(n)).saturating_mul(4);
    let _booked = ctx.budget.take(bytes, &format!("the square of {m} users and their {n} items")).map_err(fewer)?;
    let mut a = gram(by_user, by_item, ctx)?;
    (0..m).for_each(|u| a[u * m + u] += lambda);
    invert_symmetric(&mut a, m, ctx)?;
    let mut ax: Vec<f32> = zeros(m * n)?;
    let mut rows: Vec<&mut [f32]> = ax.chunks_mut(n).collect();
    ctx.pool.each_mut(&mut rows, |u, row| {
        for v in 0..m {
            if v % 256 == 0 && ctx.check().is_err() {
                return;
            }
            let weight = a[u * m + v];
            by_user.row(v).for_each(|(j, x)| row[j.index()] += weight * x);
        }
    });
    ctx.check()?;
    let rest: Vec<f32> = (0..n).map(|j| 1.0 - by_item.row(j).map(|(u, x)| x * ax[u.index() * n + j]).sum::<f32>()).collect();
    Links::build(
        n,
        keep,
        ctx,
        |i, gather| by_item.row(i.index()).for_each(|(u, x)| gather.add_row(x, &ax[u.index() * n..][..n])),
        // A user's items are never wholly explained by the others: λ keeps this above 0, but for rounding.
        |_, j, sum| sum / rest[j.index()].max(1e-6),
    )
}

/// What else there is to do where the memory does not do.
fn fewer(e: Error) -> Error {
    e.hint("Seek each item's weights among fewer items: params => '{\"candidates\": 100}', or raise it: SET affinity.memory = '…'.")
}

/// X Xᵀ of the rows of `of`, its lower triangle (what lies above it is of no use); `turned` is the transpose of `of`.
fn gram(of: &Pairs, turned: &Pairs, ctx: &Context) -> Result<Vec<f32>> {
    const ROWS: usize = 64;
    let n = of.rows();
    let mut gram: Vec<f32> = zeros(n * n)?;
    let mut parts: Vec<&mut [f32]> = gram.chunks_mut(ROWS * n).collect();
    ctx.pool.each_mut(&mut parts, |r, part| {
        for (at, row) in part.chunks_mut(n).enumerate() {
            if ctx.check().is_err() {
                return;
            }
            for (u, x) in of.row(r * ROWS + at) {
                turned.row(u.index()).for_each(|(j, y)| row[j.index()] += x * y);
            }
        }
    });
    ctx.check()?;
    Ok(gram)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::model::ease::tests::random;

    #[test]
    fn users_and_items_lead_to_the_same_links() {
        let (by_user, by_item) = random(20, 40, 300);
        let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let (n, mut dense) = (by_item.rows(), [Vec::new(), Vec::new()]);
        assert!(by_user.rows() < n);
        for (links, out) in [by_users(&by_user, &by_item, 3.0, n, &ctx), by_items(&by_user, &by_item, 3.0, n, &ctx)].iter().zip(&mut dense)
        {
            *out = vec![0.0f32; n * n];
            for a in 0..n as u32 {
                links.as_ref().unwrap().of(a).for_each(|(b, w)| out[a as usize * n + b as usize] = w);
            }
        }
        assert!(dense[0].iter().any(|x| x.abs() > 0.05) && dense[0].iter().zip(&dense[1]).all(|(a, b)| (a - b).abs() < 2e-3));
    }
}
