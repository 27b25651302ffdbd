//! Which weights the bases of a blend get: those that find most of the held-out events.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result, zeros};
use crate::dataset::Interactions;
use crate::kernel::axpy;
use crate::kernel::topk::{Best, top_k};
use crate::metric::ranking::list_figures;
use crate::model::blend::{Blend, standard};
use crate::model::figures::Figures;
use crate::model::holdout::{Asked, Holdout, Lists};
use crate::model::popularity::Popularity;
use crate::model::recommender::EVALUATED_AT;
use crate::model::tune::{RECENCIES, side_by_side};
use serde_json::{Map, Value, json};

/// Weightings that are compared at most.
const POINTS: usize = 300;
/// Bases of less weight than this are left out.
const LEAST: f32 = 0.04;

/// Chooses weights and, of the bases of `open`, the recency within the blend; bases without weight go, and those that are left are weighed
/// in finer steps. What is kept is the best of the blend, the blend without each base, and each base alone, all of which are said.
pub(super) fn choose(model: &mut Blend, open: &[bool], data: &Interactions, tune: &Holdout, ctx: &Context) -> Result<Map<String, Value>> {
    let popularity = Popularity::plain(data, ctx)?.scores;
    let n = model.parts.len();
    let points = simplex(&(0..n).collect::<Vec<_>>(), n);
    let first = model.evaluate(&points, data, tune, &popularity, ctx)?;
    let alone: Vec<f64> = {
        let means = first.means();
        (0..n).map(|i| points.iter().position(|p| p[i] == 1.0).map_or(0.0, |at| means[at])).collect()
    };
    let mut weights = mean(&points, &first.shares(ctx.seed));
    // Alone a base has to say everything; beside others a slower one may add more.
    let recencies: Vec<Option<f32>> = model.parts.iter().map(|p| p.model.recency()).collect();
    let beside: Vec<usize> = (0..n).filter(|&i| open[i] && weights[i] > 0.0 && weights[i] < 1.0).collect();
    for &i in &beside {
        let mut each = Vec::new();
        for recency in RECENCIES {
            model.parts[i].model.set_recency(recency);
            each.push(model.evaluate(std::slice::from_ref(&weights), data, tune, &popularity, ctx)?);
        }
        model.parts[i].model.set_recency(side_by_side(each).setting(&RECENCIES, ctx.seed).single());
    }
    let used = |weights: &[f32]| (0..n).filter(|&i| weights[i] > 0.0).collect::<Vec<_>>();
    let left = used(&weights);
    if !beside.is_empty() || (1 < left.len() && left.len() < n) {
        let points = simplex(&left, n);
        weights = mean(&points, &model.evaluate(&points, data, tune, &popularity, ctx)?.shares(ctx.seed));
    }
    let used = used(&weights);
    let named = |which: &[usize], figures: &[f64]| -> Value {
        which
            .iter()
            .zip(figures)
            .map(|(&i, x)| (model.parts[i].kind.to_owned(), json!((x * 1e5).round() / 1e5)))
            .collect::<Map<_, _>>()
            .into()
    };
    let mut figures = Map::from_iter([("alone".to_owned(), named(&(0..n).collect::<Vec<_>>(), &alone))]);
    // Averaged over draws the weights may be worse than what they were averaged from: the best of all that was tried is kept.
    let mut best = used.first().map_or(0.0, |&i| alone[i]);
    if used.len() > 1 {
        let without = used.iter().map(|&i| mean(&[(0..n).map(|j| if i == j { 0.0 } else { weights[j] }).collect()], &[1.0]));
        let asked: Vec<Vec<f32>> = [weights.clone()].into_iter().chain(without).collect();
        let found = model.evaluate(&asked, data, tune, &popularity, ctx)?.means();
        figures.insert("blend".into(), json!((found[0] * 1e5).round() / 1e5));
        figures.insert("without".into(), named(&used, &found[1..]));
        let at = (1..found.len()).fold(0, |a, b| if found[b] > found[a] { b } else { a });
        weights.clone_from(&asked[at]);
        best = found[at];
    }
    let single = (1..n).fold(0, |a, b| if alone[b] > alone[a] { b } else { a });
    if alone.get(single).is_some_and(|x| *x > best) {
        weights = (0..n).map(|i| f32::from(u8::from(i == single))).collect();
        if let Some(recency) = recencies[single] {
            model.parts[single].model.set_recency(recency);
        }
    }
    model.parts.iter_mut().zip(&weights).for_each(|(p, w)| p.weight = *w);
    model.parts.retain(|p| p.weight > 0.0);
    Ok(figures)
}

/// The weightings of the bases `of` among `n` in equal steps that sum to 1, in steps as fine as [`POINTS`] allow.
pub(super) fn simplex(of: &[usize], n: usize) -> Vec<Vec<f32>> {
    fn go(n: usize, left: usize, steps: usize, head: &mut Vec<f32>, out: &mut Vec<Vec<f32>>) {
        if n == 1 {
            out.push(head.iter().copied().chain([left.single() / steps.single()]).collect());
            return;
        }
        for s in 0..=left {
            head.push(s.single() / steps.single());
            go(n - 1, left - s, steps, head, out);
            head.pop();
        }
    }
    // C(steps + m − 1, m − 1) points of m bases.
    let count = |steps: usize| (1..of.len()).fold(1usize, |c, i| c.saturating_mul(steps + i) / i);
    let steps = (1..=20).rev().find(|&s| count(s) <= POINTS).unwrap_or(1);
    let mut out = Vec::new();
    go(of.len(), steps, steps, &mut Vec::new(), &mut out);
    let spread = |point: Vec<f32>| {
        let mut all = vec![0.0; n];
        of.iter().zip(point).for_each(|(&i, w)| all[i] = w);
        all
    };
    out.into_iter().map(spread).collect()
}

/// The mean of `points` by `shares`, the least weights left out, to sum to 1.
pub(super) fn mean(points: &[Vec<f32>], shares: &[f64]) -> Vec<f32> {
    let n = points.first().map_or(0, Vec::len);
    let mut weights: Vec<f32> = (0..n).map(|j| points.iter().zip(shares).map(|(p, s)| p[j] * s.single()).sum()).collect();
    weights.iter_mut().filter(|w| **w < LEAST).for_each(|w| *w = 0.0);
    let sum: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    weights
}

/// Of each base the best so many items are candidates of a list, times its length.
const CANDIDATES: usize = 10;

/// Where one user's lists are made.
struct Room {
    /// Bases × items: the standardised scores, 0 of a base that knows nothing.
    scores: Vec<Vec<f32>>,
    blended: Vec<f32>,
    candidates: Vec<u32>,
    /// Bases × candidates.
    few: Vec<Vec<f32>>,
    /// Of each base a score that no item has more of but candidates.
    others: Vec<f32>,
}

impl Blend {
    /// NDCG of each of `weightings` for each user of the held-out events.
    ///
    /// A list is made of the candidates that are among the best of a base, of which there are some hundred, unless an item that is none
    /// could be in it, which the least score of the list says (the threshold of Fagin, Lotem & Naor 2003). (71,000 events of 20,000 items,
    /// six bases: `auto` takes 41 s; with lists of all items it took 110, beside a compiler, and chose the same.)
    pub(super) fn evaluate(
        &self,
        weightings: &[Vec<f32>],
        data: &Interactions,
        tune: &Holdout,
        popularity: &[f32],
        ctx: &Context,
    ) -> Result<Figures> {
        let (n, bases, items) = (weightings.len(), self.parts.len(), popularity.len());
        let bytes = tune.users().len().saturating_mul(n * 4).saturating_add(items.saturating_mul(4 * (bases + 5) * ctx.pool.threads()));
        let _booked = ctx.budget.take(bytes, "scores of all items")?;
        let needed: Vec<bool> = (0..bases).map(|i| weightings.iter().any(|w| w[i] > 0.0)).collect();
        let room = || {
            let scores = (0..bases).map(|_| zeros(items)).collect::<Result<_>>()?;
            Ok(Room { scores, blended: zeros(items)?, candidates: Vec::new(), few: vec![Vec::new(); bases], others: vec![0.0; bases] })
        };
        let lists = Lists { data, k: EVALUATED_AT, popularity, ctx };
        let values = tune.each_user(&lists, &Vec::new(), room, |values: &mut Vec<f32>, room, asked| {
            let known = room.score(self, &needed, asked, popularity);
            let mut figure = |list: &[u32]| values.push(list_figures(list, asked.relevant, EVALUATED_AT).map_or(0.0, |f| f.ndcg.single()));
            if known {
                weightings.iter().for_each(|w| figure(&room.list(w, popularity)));
            } else {
                room.blended.copy_from_slice(popularity);
                asked.had.iter().for_each(|e| room.blended[e.item.index()] = f32::NEG_INFINITY);
                let list = top_k(&room.blended, EVALUATED_AT, Some(popularity));
                weightings.iter().for_each(|_| figure(&list));
            }
        })?;
        Ok(Figures { n, values: values.concat() })
    }
}

impl Room {
    /// Takes in what the bases say of a user; false where none of them knows anything.
    fn score(&mut self, blend: &Blend, needed: &[bool], asked: &Asked<'_>, popularity: &[f32]) -> bool {
        let mut known = false;
        self.candidates.clear();
        for (i, part) in blend.parts.iter().enumerate().filter(|(i, _)| needed[*i]) {
            let (scores, others) = (&mut self.scores[i], &mut self.others[i]);
            *others = 0.0;
            let knows = part.model.score(asked.history, asked.now, scores);
            if knows {
                standard(scores);
            } else {
                scores.fill(0.0);
            }
            asked.had.iter().for_each(|e| scores[e.item.index()] = f32::NEG_INFINITY);
            if knows {
                known = true;
                let best = top_k(scores, CANDIDATES * EVALUATED_AT, Some(popularity));
                *others = best.get(CANDIDATES * EVALUATED_AT - 1).map_or(f32::NEG_INFINITY, |last| scores[last.index()]);
                self.candidates.extend(best);
            }
        }
        self.candidates.sort_unstable();
        self.candidates.dedup();
        for (few, scores) in self.few.iter_mut().zip(&self.scores) {
            few.clear();
            few.extend(self.candidates.iter().map(|c| scores[c.index()]));
        }
        known
    }

    /// The list of one weighting.
    fn list(&mut self, weights: &[f32], popularity: &[f32]) -> Vec<u32> {
        let weighed = || (0..weights.len()).filter(|i| weights[*i] > 0.0);
        let sum = &mut self.blended[..self.candidates.len()];
        sum.fill(0.0);
        weighed().for_each(|i| axpy(weights[i], &self.few[i], sum));
        let mut best = Best::new(EVALUATED_AT, sum.len(), Some(popularity));
        self.candidates.iter().zip(&*sum).for_each(|(item, score)| best.add(*item, *score));
        let list = best.into_list();
        let others: f32 = weighed().map(|i| weights[i] * self.others[i]).sum();
        if list.len() == EVALUATED_AT && list.last().is_some_and(|last| last.1 > others) {
            return list.into_iter().map(|x| x.0).collect();
        }
        self.blended.fill(0.0);
        weighed().for_each(|i| axpy(weights[i], &self.scores[i], &mut self.blended));
        top_k(&self.blended, EVALUATED_AT, Some(popularity))
    }
}
