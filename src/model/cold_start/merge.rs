//! One list of what the events know and what they do not: how likely each is to be had, from the base's scores and from the networks'.
//!
//! A score of the base and one of the networks mean nothing to each other. So of held-out events it is learned, by a logistic regression
//! each, how likely an item that stands high is to be what came next: of those that the base knows, and of hidden ones by the networks.
//! Both are rising lines: in a list of old or of new items alone nothing changes its place.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Result, zeros};
use crate::kernel::topk::top_k;
use crate::model::cold_start::lists::{PARTS, part};
use crate::model::cold_start::score::{ColdStart, Merge, standard};
use crate::model::holdout::{Holdout, Lists};
use crate::model::recommender::Job;

/// The best items of each of the two lists that are looked at: beyond them none comes into a list.
const BEST: usize = 100;
/// The slope of either line at least.
const LEAST: f64 = 1e-3;

/// A score and whether it was that of what came next.
type Point = (f32, bool);

/// Learns it from the held-out events: for each user one part of the items is hidden.
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn learn(model: &ColdStart, users: &[f32], tune: &Holdout, job: &Job<'_>) -> Result<Merge> {
    let Job { data, ctx, .. } = *job;
    let items = data.items.len();
    let parts: Vec<u64> = (0..items as u32).map(|i| part(data, i)).collect();
    let _booked = ctx.budget.take(items.saturating_mul(8 * ctx.pool.threads()), "scores of all items")?;
    let lists = Lists { data, k: BEST, popularity: users, ctx };
    let start: [Vec<Point>; 2] = Default::default();
    let room = || zeros::<f32>(items);
    let points = tune.each_user(&lists, &start, room, |[old, new], scores, asked| {
        let hidden = asked.history.first().map_or(0, |e| data.items.hash(e.item) ^ asked.history.len() as u64) % PARTS;
        let history: Vec<_> = asked.history.iter().filter(|e| parts[e.item.index()] != hidden).copied().collect();
        if history.is_empty() || !model.base().score(&history, asked.now, scores) {
            return;
        }
        let (mean, deviation) = standard(scores);
        let candidate = |i: u32| asked.had.iter().all(|e| e.item != i);
        let mut of_old = scores.clone();
        of_old.iter_mut().zip(&parts).filter(|(_, p)| **p == hidden).for_each(|(s, _)| *s = f32::NEG_INFINITY);
        let taste = model.taste(&history);
        asked.had.iter().for_each(|e| of_old[e.item.index()] = f32::NEG_INFINITY);
        let relevant = |i: u32| asked.relevant.binary_search(&i).is_ok();
        old.extend(top_k(&of_old, BEST, None).into_iter().map(|i| ((scores[i.index()] - mean) / deviation, relevant(i))));
        let candidates: Vec<u32> = (0..items as u32).filter(|i| parts[i.index()] == hidden && candidate(*i)).collect();
        let values = |at: usize| model.content().items.of(candidates[at].index());
        let Ok(z) = model.networks(&taste, candidates.len(), values) else { return };
        new.extend(top_k(&z, BEST, None).into_iter().map(|at| (z[at.index()], relevant(candidates[at.index()]))));
    })?;
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for [o, n] in points {
        old.extend(o);
        new.extend(n);
    }
    let usual = Merge::default();
    let (old, old_rise) = line(&old).unwrap_or((usual.old, usual.old_rise));
    let (new, new_rise) = line(&new).unwrap_or((old - 1.0, usual.new_rise));
    Ok(Merge { old, old_rise, new, new_rise })
}

/// The logistic regression of the points by Newton's steps; none where none of them, or all, are of what came next.
fn line(points: &[Point]) -> Option<(f32, f32)> {
    let hits = points.iter().filter(|p| p.1).count();
    if hits == 0 || hits == points.len() {
        return None;
    }
    let share = hits.real() / points.len().real();
    let (mut a, mut b) = ((share / (1.0 - share)).ln(), 0.0f64);
    for _ in 0..30 {
        // The slope is held back as by a normal prior of deviation 1 about 1.
        let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (0.0, 1.0 - b, 1e-9, 0.0, 1.0);
        for &(x, hit) in points {
            let x = f64::from(x);
            let p = 1.0 / (1.0 + (-(a + b * x)).exp());
            let (error, weight) = (f64::from(u8::from(hit)) - p, p * (1.0 - p));
            ga += error;
            gb += error * x;
            haa += weight;
            hab += weight * x;
            hbb += weight * x * x;
        }
        let determinant = haa * hbb - hab * hab;
        if determinant.abs() < 1e-12 {
            break;
        }
        let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        a += da.clamp(-5.0, 5.0);
        b += db.clamp(-5.0, 5.0);
        if da.abs() + db.abs() < 1e-9 {
            break;
        }
    }
    (a.is_finite() && b.is_finite()).then(|| (a.single(), b.max(LEAST).single()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn a_line_is_found_again() {
        let mut rng = Rng::new(1);
        let points: Vec<Point> = (0..20_000)
            .map(|_| {
                let x = rng.normal();
                (x as f32, rng.uniform() < 1.0 / (1.0 + (2.0 - 1.5 * x).exp()))
            })
            .collect();
        let (a, b) = line(&points).unwrap();
        assert!((a + 2.0).abs() < 0.1 && (b - 1.5).abs() < 0.1, "{a} {b}");
        assert_eq!(line(&points.iter().map(|p| (p.0, true)).collect::<Vec<_>>()), None);
        // A falling line is none: it would turn the list over.
        let (_, b) = line(&points.iter().map(|p| (-p.0, p.1)).collect::<Vec<_>>()).unwrap();
        assert!(b > 0.0 && b < 0.01);
    }
}
