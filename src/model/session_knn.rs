//! `session_knn`: what the past sessions that are most like the one at hand went on with (Ludewig & Jannach 2018, "Evaluation of session-based
//! recommendation algorithms", V-SKNN). Of short sessions of many visitors it is hard to beat, and it learns in no time.
//!
//! The sessions themselves are the model: their items, and of each item the sessions that have it, the latest first, as they are read.

use crate::base::number::{AsIndex, AsReal};
use crate::base::params::{self, ParamType, Spec};
use crate::base::tensor::find;
use crate::base::{Code, Context, Error, Numbers, Result, Shared, Tensor, memory, zeros};
use crate::dataset::Event;
use crate::kernel::topk::Best;
use crate::model::auto_candidates;
use crate::model::recommender::{Fitted, ItemScorer, Job, Kind};
use crate::model::sessions;
use serde_json::{Map, Value};

const SPECS: &[Spec] = &[
    Spec::new("neighbours", ParamType::Integer, "500", "Past sessions that a list is made from: the most alike.").within(1.0, 100_000.0),
    sessions::LATEST,
    Spec::new("recent", ParamType::Integer, "5000", "Of each item the latest sessions that are looked at.").within(1.0, 1e6),
    sessions::LENGTH,
];

#[derive(Debug, Clone, serde::Deserialize)]
struct Params {
    neighbours: usize,
    sessions: usize,
    recent: usize,
    length: usize,
}

/// The kind.
pub static KIND: Kind = Kind {
    auto: Some(auto_candidates::for_sessions),
    ..Kind::usual(
        "session_knn",
        "What sessions like the one at hand went on with: short visits of many.",
        SPECS,
        |job| Ok(Fitted::new(SessionKnn::fit(job)?, Vec::new())),
        |s| Ok(Box::new(SessionKnn::from_tensors(s.items, s.params, s.tensors)?)),
    )
};

/// Lists one after another: where each begins, and what they hold.
#[derive(Debug, Clone, PartialEq)]
struct Lists {
    offsets: Shared<i64>,
    values: Shared<i64>,
}

/// A fitted model.
#[derive(Debug, Clone)]
struct SessionKnn {
    params: Params,
    /// Whether a break ends a session; else a user's history is one.
    breaks: bool,
    /// The distinct items of each session, ascending; sessions from the latest back.
    sessions: Lists,
    /// The sessions of each item, ascending, which is from the latest back.
    by_item: Lists,
}

impl Lists {
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The values of list `i`; panics on one that is none.
    fn of(&self, i: usize) -> &[i64] {
        &self.values[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }

    fn to_tensors(&self, name: &str) -> [Tensor; 2] {
        let one = |part: &str, v: &Shared<i64>| {
            let name = format!("{name}.{part}");
            Tensor { name, shape: vec![v.len()], numbers: Numbers::I64(v.clone()) }
        };
        [one("offset", &self.offsets), one("value", &self.values)]
    }

    /// Back from what was stored: `lists` lists (where that is known), whose values ascend and are below `below`.
    fn from_tensors(tensors: &[Tensor], name: &str, lists: Option<usize>, below: impl Fn(usize) -> usize) -> Result<Self> {
        let damaged = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("The lists \"{name}\" {what}."));
        let one = |part: &str| {
            let name = format!("{name}.{part}");
            let n = tensors.iter().find(|t| t.name == name).map_or(0, |t| t.numbers.len());
            match find(tensors, &name, &[n])? {
                Numbers::I64(v) => Ok(v.clone()),
                _ => Err(damaged("do not hold whole numbers")),
            }
        };
        let (offsets, values) = (one("offset")?, one("value")?);
        let ends = offsets.first() == Some(&0) && offsets.last().and_then(|n| usize::try_from(*n).ok()) == Some(values.len());
        if !ends || !offsets.is_sorted() || lists.is_some_and(|n| offsets.len() != n + 1) {
            return Err(damaged("do not end where they begin"));
        }
        let all = Self { offsets, values };
        let below = below(all.len()) as i64;
        let sound = |l: &[i64]| l.is_sorted_by(|a, b| a < b) && l.first().is_none_or(|v| *v >= 0) && l.last().is_none_or(|v| *v < below);
        if (0..all.len()).any(|i| !sound(all.of(i))) {
            return Err(damaged("hold what is none"));
        }
        Ok(all)
    }
}

impl SessionKnn {
    fn fit(job: &Job<'_>) -> Result<Self> {
        let Job { data, params: given, ctx, .. } = *job;
        let params: Params = params::typed(given)?;
        let events = data.events().len();
        let _booked = ctx.budget.take(events.saturating_mul(64).saturating_add(data.items.len() * 24), "sessions and where items occur")?;
        let breaks = sessions::tell(data, ctx)?;
        let latest = sessions::latest(data, breaks, params.sessions, ctx)?;
        let (mut offsets, mut values, mut items) = (Vec::new(), Vec::new(), Vec::new());
        memory::reserve(&mut offsets, latest.len() + 1)?;
        memory::reserve(&mut values, latest.iter().map(|(_, s)| s.len()).sum())?;
        offsets.push(0);
        for (at, (_, session)) in latest.iter().enumerate() {
            ctx.check_at(at)?;
            items.clear();
            items.extend(session[session.len().saturating_sub(params.length)..].iter().map(|e| i64::from(e.item)));
            items.sort_unstable();
            items.dedup();
            // One of a single item says that it is had again.
            values.extend_from_slice(&items);
            offsets.push(values.len() as i64);
        }
        let sessions = Lists { offsets: offsets.into(), values: values.into() };
        let by_item = turned(&sessions, data.items.len(), ctx)?;
        Ok(Self { params, breaks, sessions, by_item })
    }

    fn from_tensors(items: usize, given: &Map<String, Value>, tensors: &[Tensor]) -> Result<Self> {
        let damaged = |_| Error::new(Code::Corrupt, "stored weights are damaged").detail("The sessions have no sizes.");
        let params = params::typed(given).map_err(damaged)?;
        let sessions = Lists::from_tensors(tensors, "session", None, |_| items)?;
        let by_item = Lists::from_tensors(tensors, "item.session", Some(items), |_| sessions.len())?;
        let breaks = matches!(find(tensors, "session.breaks", &[1])?, Numbers::U8(b) if b[0] == 1);
        Ok(Self { params, breaks, sessions, by_item })
    }
}

/// Of each of `items` items the sessions that have it.
fn turned(sessions: &Lists, items: usize, ctx: &Context) -> Result<Lists> {
    let (mut offsets, mut values): (Vec<i64>, Vec<i64>) = (zeros(items + 1)?, zeros(sessions.values.len())?);
    sessions.values.iter().for_each(|item| offsets[*item as usize + 1] += 1);
    (1..offsets.len()).for_each(|i| offsets[i] += offsets[i - 1]);
    let mut next = offsets.clone();
    for s in 0..sessions.len() {
        ctx.check_at(s)?;
        for item in sessions.of(s) {
            let at = &mut next[*item as usize];
            values[*at as usize] = s as i64;
            *at += 1;
        }
    }
    Ok(Lists { offsets: offsets.into(), values: values.into() })
}

impl ItemScorer for SessionKnn {
    fn to_tensors(&self) -> Vec<Tensor> {
        let breaks = Numbers::U8(vec![u8::from(self.breaks)].into());
        let breaks = Tensor { name: "session.breaks".into(), shape: vec![1], numbers: breaks };
        std::iter::once(breaks).chain(self.sessions.to_tensors("session")).chain(self.by_item.to_tensors("item.session")).collect()
    }

    /// Σ over the most alike sessions of their likeness × what their latest common item counts. A session is alike by the sum of what its
    /// items count in the one at hand, over the root of its length; an item counts 1 / (1 + how many came after it).
    fn score(&self, history: &[Event], _: i64, out: &mut [f32]) -> bool {
        let session = sessions::of(history, self.breaks).last().unwrap_or(&[]);
        let latest = &session[session.len().saturating_sub(self.params.length)..];
        let mut own: Vec<(u32, f32)> = Vec::new();
        for (after, e) in latest.iter().rev().enumerate() {
            if own.iter().all(|(item, _)| *item != e.item) {
                own.push((e.item, 1.0 / (1.0 + after.single())));
            }
        }
        let Ok(mut alike) = zeros::<(f32, f32)>(self.sessions.len()) else { return false };
        let mut touched = Vec::new();
        // From the latest item back: the first that a session has is its latest common one.
        for (item, counts) in own {
            for s in self.by_item.of(item.index()).iter().take(self.params.recent) {
                let (sum, latest) = &mut alike[*s as usize];
                if *sum == 0.0 {
                    *latest = counts;
                    touched.push(*s as u32);
                }
                *sum += counts;
            }
        }
        if touched.is_empty() {
            return false;
        }
        let mut best = Best::new(self.params.neighbours, touched.len(), None);
        for s in &touched {
            best.add(*s, alike[s.index()].0 / self.sessions.of(s.index()).len().single().sqrt());
        }
        out.fill(0.0);
        for (s, likeness) in best.into_list() {
            let counts = likeness * alike[s.index()].1;
            self.sessions.of(s.index()).iter().for_each(|item| out[*item as usize] += counts);
        }
        true
    }

    /// Cosines of the items' sessions.
    fn similar(&self, item: u32, out: &mut [f32]) -> Result<bool> {
        out.fill(0.0);
        let own = self.by_item.of(item.index());
        let latest = &own[..own.len().min(self.params.recent)];
        for s in latest {
            self.sessions.of(*s as usize).iter().for_each(|other| out[*other as usize] += 1.0);
        }
        for (other, out) in out.iter_mut().enumerate() {
            *out /= (latest.len().single() * self.by_item.of(other).len().single()).sqrt().max(1.0);
        }
        Ok(!own.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Interactions;
    use crate::model::test_events::{events, sessions, with};
    use serde_json::json;

    fn given(more: &Value) -> Map<String, Value> {
        params::resolve(KIND.name, SPECS, more).unwrap()
    }

    fn fit(data: &Interactions, more: &Value) -> SessionKnn {
        with(2, |ctx| SessionKnn::fit(&Job::alone(data, &given(more), None, ctx))).unwrap()
    }

    fn scores(m: &SessionKnn, items: &[u32], n: usize) -> Option<Vec<f32>> {
        let history: Vec<Event> = (0..).zip(items).map(|(at, i)| Event::new(at * 60_000_000, *i, 1.0)).collect();
        let mut out = vec![0.0; n];
        m.score(&history, 0, &mut out).then_some(out)
    }

    #[test]
    fn scores_are_those_of_the_paper() {
        let data = sessions(&[&[0, 1, 2], &[0, 1, 3, 1], &[0, 3], &[4]], 6);
        let m = fit(&data, &json!({}));
        // From the latest back.
        assert_eq!((m.sessions.len(), m.sessions.of(0), m.sessions.of(3)), (4, &[4][..], &[0, 1, 2][..]));
        // 1 counts 1, 0 before it a half: (1 + 1/2) / √3 of two sessions, 1/2 / √2 of the third, whose latest common item counts a half.
        let out = scores(&m, &[0, 1], 5).unwrap();
        let (two, third) = (1.5 / 3f32.sqrt(), 0.25 / 2f32.sqrt());
        for (got, expected) in out.iter().zip([2.0 * two + third, 2.0 * two, two, two + third, 0.0]) {
            assert!((got - expected).abs() < 1e-5, "{out:?}");
        }
        // The most alike alone; of equal ones the latest.
        let one = scores(&fit(&data, &json!({"neighbours": 1})), &[0, 1], 5).unwrap();
        assert!(one[3] > 0.0 && one[2] == 0.0);
        let latest = scores(&fit(&data, &json!({"sessions": 3})), &[0], 5).unwrap();
        assert!(latest[2] == 0.0 && latest[3] > 0.0);
        // What nobody had anything beside is wanted again at most.
        assert_eq!((scores(&m, &[4], 5), scores(&m, &[], 5)), (Some(vec![0.0, 0.0, 0.0, 0.0, 1.0]), None));
        assert_eq!(scores(&fit(&data, &json!({"sessions": 1})), &[0], 5), None);
        let mut alike = vec![0.0; 5];
        assert!(m.similar(1, &mut alike).unwrap() && (alike[0] - 2.0 / 6f32.sqrt()).abs() < 1e-6 && alike[1] == 1.0);
    }

    #[test]
    fn a_break_begins_another_session() {
        let data = events([(0, 0, 0), (0, 1, 5), (0, 2, 500), (0, 3, 505), (1, 4, 3), (1, 5, 4)].into_iter(), [2, 6]);
        let m = fit(&data, &json!({}));
        assert_eq!((m.sessions.len(), m.sessions.of(0)), (3, &[2, 3][..]));
        // Of a history the latest session counts.
        let history = [Event::new(0, 4, 1.0), Event::new(100 * 60_000_000, 0, 1.0)];
        let mut out = vec![0.0; 6];
        assert!(m.score(&history, 0, &mut out) && out[1] > 0.0 && out[5] == 0.0);
        // Where everybody does one thing at a visit, histories are what is alike.
        let apart = events((0..4).flat_map(|u| (0..3).map(move |s| (u, u % 2 + s, i64::from(s) * 5000))), [4, 4]);
        assert_eq!(fit(&apart, &json!({})).sessions.len(), 4);
    }

    #[test]
    fn hostile_tensors_are_refused() {
        let m = fit(&sessions(&[&[0, 1, 2], &[0, 1, 3]], 4), &json!({}));
        let (p, good) = (given(&json!({})), m.to_tensors());
        assert_eq!(SessionKnn::from_tensors(4, &p, &good).unwrap().sessions, m.sessions);
        let code = |items: usize, p: &Map<String, Value>, t: &[Tensor]| SessionKnn::from_tensors(items, p, t).map(|_| ()).unwrap_err().code;
        assert_eq!(code(3, &p, &good), Code::Corrupt);
        assert_eq!(code(4, &Map::new(), &good), Code::Corrupt);
        for (name, values) in [
            ("session.offset", vec![0, 9, 6]),
            ("session.offset", vec![]),
            ("session.value", vec![0, 1, 2, 0, 1, 9]),
            ("session.value", vec![0, 0, 2, 0, 1, 3]),
            ("item.session.value", vec![0, 1, 0, 1, 1, -1]),
            ("item.session.offset", vec![0, 2, 4, 5, 6, 6]),
        ] {
            let mut bad = good.clone();
            let t = bad.iter_mut().find(|t| t.name == name).unwrap();
            (t.shape, t.numbers) = (vec![values.len()], Numbers::I64(values.into()));
            assert_eq!(code(4, &p, &bad), Code::Corrupt, "{name}");
        }
        for i in 0..good.len() {
            let mut bad = good.clone();
            bad.remove(i);
            assert_eq!(code(4, &p, &bad), Code::Corrupt);
        }
    }
}
