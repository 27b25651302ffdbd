//! What a ranker learns from: lists of earlier moments, with what was known then and what came after.

use crate::base::rng::mix;
use crate::base::{Context, Result, memory};
use crate::dataset::Interactions;
use crate::model::listwise::Lists;
use crate::model::ranker::Params;
use crate::model::ranker::item_snapshot::ItemSnapshot;
use crate::model::ranker::view::View;

/// Moments that are looked at.
const CUTS: i64 = 3;
/// Lists of a moment at most.
const LISTS: usize = 1_200;

/// One user's list.
#[derive(Default)]
struct Part {
    x: Vec<f32>,
    relevant: Vec<bool>,
    new: Vec<bool>,
}

/// The lists of the latest moments that have as much of the `horizon` behind them as the data allow: `span` is (first time, latest,
/// horizon). Empty where there is no past of twice the horizon. Rows have `inputs` numbers; `item_snapshot` says what is known of the items
/// from such events at such a moment.
pub fn lists(
    data: &Interactions,
    span: (i64, i64, i64),
    p: &Params,
    inputs: usize,
    item_snapshot: impl Fn(&Interactions, i64) -> Result<ItemSnapshot>,
    ctx: &Context,
) -> Result<Lists> {
    let (first, latest, horizon) = span;
    // The lists outlive this booking, but not the fit, whose network is small beside them.
    let mut booked = ctx.budget.take(0, "the lists of earlier moments")?;
    let mut all = Lists { inputs, bounds: vec![0], ..Lists::default() };
    for back in 1..=CUTS {
        ctx.check()?;
        let cut = latest.saturating_add(1).saturating_sub(horizon.saturating_mul(back));
        if horizon == 0 || cut.saturating_sub(first) < horizon.saturating_mul(2) {
            break;
        }
        let before = data.filter(ctx, |_, _, e| e.time < cut)?;
        let item_snapshot = item_snapshot(&before, cut)?;
        let until = cut.saturating_add(horizon);
        let after = |u: u32| data.history(u)[before.history(u).len()..].iter().take_while(|e| e.time < until);
        let mut users: Vec<u32> =
            (0..data.users.len() as u32).filter(|&u| !before.history(u).is_empty() && after(u).next().is_some()).collect();
        users.sort_by_key(|&u| mix(data.users.hash(u) ^ back as u64));
        users.truncate(LISTS);
        let mut parts: Vec<Result<Part>> = users.iter().map(|_| Ok(Part::default())).collect();
        let one = |u: u32| -> Result<Part> {
            ctx.check()?;
            let history = before.history(u);
            let history = &history[history.len().saturating_sub(p.history)..];
            let view = View::of(history, cut, &item_snapshot, data.items.len())?;
            let mut relevant: Vec<u32> = after(u).map(|e| e.item).collect();
            relevant.sort_unstable();
            let mut part = Part::default();
            let candidates = view.candidates(p.candidates);
            memory::reserve(&mut part.x, candidates.len() * all.inputs)?;
            for &i in &candidates {
                view.row(i, &mut part.x);
                part.relevant.push(relevant.binary_search(&i).is_ok());
                part.new.push(view.own(i).is_none());
            }
            // A list that holds nothing of what came teaches nothing.
            Ok(if part.relevant.contains(&true) { part } else { Part::default() })
        };
        ctx.pool.each_mut(&mut parts, |at, part| *part = one(users[at]));
        for part in parts {
            let part = part?;
            if part.relevant.is_empty() {
                continue;
            }
            booked.grow(part.x.len() * 4 + part.relevant.len() * 2, "the lists of earlier moments")?;
            memory::reserve_slowly(&mut all.x, part.x.len())?;
            all.x.extend(part.x);
            all.relevant.extend(part.relevant);
            all.new.extend(part.new);
            all.bounds.push(all.relevant.len());
        }
    }
    Ok(all)
}
