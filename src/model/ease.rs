//! `ease`: the linear item → item model with a closed form (Steck 2019, "Embarrassingly shallow autoencoders for sparse data"). The best of the simple
//! models where order matters little; exact, no epochs. Its cost grows with the cube of the items.

use crate::base::params::{self, ParamType, Spec};
use crate::base::{Context, Result, zeros};
use crate::dataset::{Interactions, Pairs};
use crate::linalg::invert_symmetric;
use crate::model::linked::{Linked, RECENCY};
use crate::model::links::Links;
use serde_json::{Map, Value};

/// Parameters of the kind.
pub const SPECS: &[Spec] = &[
    Spec::new(
        "regularization",
        ParamType::Number,
        "null",
        "λ, added to each item's count of users: higher trusts rare pairs less; null: chosen on held-out events up to 5000 items, else 100.",
    )
    .within(0.1, 1e7),
    Spec::new("links", ParamType::Integer, "1000", "Weights that are kept of each item, the largest ones.").within(1.0, 1e6),
    Spec::new("history", ParamType::Integer, "1000", "A user's latest distinct items that are learned from.").within(2.0, 100_000.0),
    RECENCY,
];

/// The recency where none is given or chosen.
pub const USUAL_RECENCY: f32 = 20.0;

/// λ where none is given or chosen.
const USUAL_REGULARIZATION: f32 = 100.0;
/// The λ that are tried.
pub const REGULARIZATIONS: [f32; 3] = [100.0, 250.0, 500.0];
/// Beyond so many items an inverse for each of them would take too long.
pub const TRIED_UP_TO: usize = 5000;

#[derive(serde::Deserialize)]
struct Params {
    regularization: Option<f32>,
    links: usize,
    history: usize,
}

/// Products of numbers that a fit takes, about: the cube of the smaller side, and by users an item's row of links for each pair.
pub fn cost(data: &Interactions) -> f64 {
    let (users, items) = (data.users.len() as f64, data.items.len() as f64);
    if users < items { users.powi(3) + items * data.events().len() as f64 } else { items.powi(3) }
}

/// B = −P / diag P off the diagonal, P = (XᵀX + λ)⁻¹ (Steck's eq. 8); a list is the history times B.
///
/// Where users are fewer than items, (XXᵀ + λ)⁻¹ = A has the same: P = (1 − XᵀAX) / λ, so B = XᵀAX / (1 − diag XᵀAX) off the diagonal.
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`], [`crate::base::Code::Data`] for a λ too small for the data.
pub fn fit(data: &Interactions, given: &Map<String, Value>, ctx: &Context) -> Result<Linked> {
    let p: Params = params::typed(given)?;
    let lambda = p.regularization.unwrap_or(USUAL_REGULARIZATION);
    let by_user = Pairs::by_user(data, p.history)?;
    let by_item = by_user.transpose()?;
    let _booked = ctx.budget.take(by_user.bytes() + by_item.bytes(), "the pairs of users and items")?;
    let links = if by_user.rows() < by_item.rows() {
        by_users(&by_user, &by_item, lambda, p.links, ctx)?
    } else {
        by_items(&by_user, &by_item, lambda, p.links, ctx)?
    };
    Ok(Linked::new(links, given, USUAL_RECENCY))
}

fn by_items(by_user: &Pairs, by_item: &Pairs, lambda: f32, keep: usize, ctx: &Context) -> Result<Links> {
    let n = by_item.rows();
    let _booked = ctx.budget.take(n.saturating_mul(n).saturating_mul(4), &format!("the square of {n} items"))?;
    let mut gram = gram(by_item, by_user, ctx)?;
    (0..n).for_each(|i| gram[i * n + i] += lambda);
    invert_symmetric(&mut gram, n, ctx)?;
    // Together, and not a row of the square apart.
    let diagonal: Vec<f32> = gram.iter().step_by(n + 1).copied().collect();
    Links::build(n, keep, ctx, |i, gather| gather.add_row(-1.0, &gram[i as usize * n..][..n]), |_, j, sum| sum / diagonal[j as usize])
}

fn by_users(by_user: &Pairs, by_item: &Pairs, lambda: f32, keep: usize, ctx: &Context) -> Result<Links> {
    let (m, n) = (by_user.rows(), by_item.rows());
    let bytes = m.saturating_mul(m).saturating_add(m.saturating_mul(n)).saturating_mul(4);
    let _booked = ctx.budget.take(bytes, &format!("the square of {m} users and their {n} items"))?;
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
            by_user.row(v).for_each(|(j, x)| row[j as usize] += weight * x);
        }
    });
    ctx.check()?;
    let rest: Vec<f32> = (0..n).map(|j| 1.0 - by_item.row(j).map(|(u, x)| x * ax[u as usize * n + j]).sum::<f32>()).collect();
    Links::build(
        n,
        keep,
        ctx,
        |i, gather| by_item.row(i as usize).for_each(|(u, x)| gather.add_row(x, &ax[u as usize * n..][..n])),
        // A user's items are never wholly explained by the others: λ keeps this above 0, but for rounding.
        |_, j, sum| sum / rest[j as usize].max(1e-6),
    )
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
                turned.row(u as usize).for_each(|(j, y)| row[j as usize] += x * y);
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
    use crate::dataset::{Column, EventColumns, Frame, IdKind, Values};
    use serde_json::json;

    #[test]
    fn weights_are_those_of_the_closed_form() {
        // Three users: {0, 1}, {0, 1}, {1, 2}.
        let levels: Vec<String> = ["0", "1", "2"].iter().map(|s| (*s).to_owned()).collect();
        let column = |name: &str, codes: Vec<u32>| Column { name: name.into(), values: Values::Category { codes, levels: levels.clone() } };
        let frame = Frame::new(vec![column("u", vec![0, 0, 1, 1, 2, 2]), column("i", vec![0, 1, 0, 1, 1, 2])]).unwrap();
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let columns = EventColumns { user: "u".into(), item: "i".into(), ..EventColumns::default() };
        let (data, _) = Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, &ctx).unwrap();
        let given = json!({"regularization": 1.0, "links": 3, "history": 10, "recency": null});
        let e = fit(&data, given.as_object().unwrap(), &ctx).unwrap();
        // G + 1 = [3 2 0; 2 4 1; 0 1 2]; its determinant is 13, its cofactors by hand: P = [7 −4 2; −4 6 −3; 2 −3 8] / 13.
        let weights = |i| e.links.of(i).collect::<Vec<_>>();
        let near =
            |a: &[(u32, f32)], b: &[(u32, f32)]| a.iter().zip(b).all(|(x, y)| x.0 == y.0 && (x.1 - y.1).abs() < 1e-3) && a.len() == b.len();
        assert!(near(&weights(0), &[(1, 4.0 / 6.0), (2, -2.0 / 8.0)]), "{:?}", weights(0));
        assert!(near(&weights(1), &[(0, 4.0 / 7.0), (2, 3.0 / 8.0)]), "{:?}", weights(1));
    }

    #[test]
    fn users_and_items_lead_to_the_same_links() {
        let mut rng = crate::base::Rng::new(1);
        let (mut u, mut i) = (Vec::new(), Vec::new());
        (0..300).for_each(|_| (u.push(rng.below(20) as u32), i.push(rng.below(40) as u32)).0);
        let levels: Vec<String> = (0..40).map(|s| s.to_string()).collect();
        let column = |name: &str, codes: Vec<u32>| Column { name: name.into(), values: Values::Category { codes, levels: levels.clone() } };
        let frame = Frame::new(vec![column("u", u), column("i", i)]).unwrap();
        let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let columns = EventColumns { user: "u".into(), item: "i".into(), ..EventColumns::default() };
        let (data, _) = Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, &ctx).unwrap();
        let by_user = Pairs::by_user(&data, 100).unwrap();
        let by_item = by_user.transpose().unwrap();
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
