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
    Spec::new("regularization", ParamType::Number, "100", "λ, added to each item's count of users: higher trusts rare pairs less.")
        .within(0.1, 1e7),
    Spec::new("links", ParamType::Integer, "1000", "Weights that are kept of each item, the largest ones.").within(1.0, 1e6),
    Spec::new("history", ParamType::Integer, "1000", "A user's latest distinct items that are learned from.").within(2.0, 100_000.0),
    RECENCY,
];

/// The recency where none is given or chosen.
pub const USUAL_RECENCY: f32 = 20.0;

#[derive(serde::Deserialize)]
struct Params {
    regularization: f32,
    links: usize,
    history: usize,
}

/// B = −P / diag P off the diagonal, P = (XᵀX + λ)⁻¹ (Steck's eq. 8); a list is the history times B.
///
/// Counts pairs of items and inverts.
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`], [`crate::base::Code::Data`] for a λ too small for the data.
pub fn fit(data: &Interactions, given: &Map<String, Value>, ctx: &Context) -> Result<Linked> {
    let p: Params = params::typed(given)?;
    let n = data.items.len();
    let _booked = ctx.budget.take(n.saturating_mul(n).saturating_mul(4), &format!("the square of {n} items"))?;
    let mut gram = gram(data, p.history, ctx)?;
    (0..n).for_each(|i| gram[i * n + i] += p.regularization);
    invert_symmetric(&mut gram, n, ctx)?;
    let links = Links::build(
        n,
        p.links,
        ctx,
        |i, gather| (0..n as u32).for_each(|j| gather.add(j, -gram[i as usize * n + j as usize])),
        |_, j, sum| sum / gram[j as usize * n + j as usize],
    )?;
    Ok(Linked::new(links, given, USUAL_RECENCY))
}

/// XᵀX, `n` × `n`, its lower triangle.
fn gram(data: &Interactions, history: usize, ctx: &Context) -> Result<Vec<f32>> {
    const ROWS: usize = 64;
    let n = data.items.len();
    let by_user = Pairs::by_user(data, history)?;
    let by_item = by_user.transpose()?;
    let _booked = ctx.budget.take(by_user.bytes() + by_item.bytes(), "the pairs of users and items")?;
    let mut gram: Vec<f32> = zeros(n * n)?;
    let mut parts: Vec<&mut [f32]> = gram.chunks_mut(ROWS * n).collect();
    ctx.pool.each_mut(&mut parts, |r, part| {
        for (at, row) in part.chunks_mut(n).enumerate() {
            if ctx.check().is_err() {
                return;
            }
            for (u, x) in by_item.row(r * ROWS + at) {
                by_user.row(u as usize).for_each(|(j, y)| row[j as usize] += x * y);
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
}
