//! Whether rows are still those that a version learned from, as facts: how the values of each column are spread, how many are missing,
//! how many never came in training, and whether the version's figure on held-out rows holds on them.

use crate::base::number::AsReal;
use crate::base::{Context, Result};
use crate::dataset::Frame;
use crate::dataset::encode::normal;
use crate::dataset::reference::{Now, Reference, Seen};
use crate::metric::less_is_better;
use crate::metric::moved::{Binned, Verdict};
use crate::train::MetricRow;

/// Of the facts of one call this share of calls may find any wrong by chance: the facts divide it (Bonferroni).
const LEVEL: f64 = 0.01;
/// A figure that is worse by less than this share of what it was is not worth an alarm, however many rows say so.
const WORSE: f64 = 0.05;

/// Where a figure that is worse by this share of what it was would be taken for chance, rows are too few to tell.
const BLIND: f64 = 0.5;

/// One thing that is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// `input`, `target`, `figure`, `events`, `items`, `users`.
    pub part: &'static str,
    /// The column, or the figure.
    pub name: String,
    /// `psi`, `missing`, `unseen`, `value` …
    pub measure: &'static str,
    /// What it was in training.
    pub trained: Option<f64>,
    /// What it is now.
    pub now: Option<f64>,
    /// How far it has moved: the population stability index; of figures the difference.
    pub moved: Option<f64>,
    /// Why there is no verdict, or what is to be kept in mind.
    pub why: Option<String>,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    None,
    Bins(Binned),
    /// A figure: by how much it is worse, its standard error, and what it was.
    Worse(f64, f64, f64),
}

impl Fact {
    /// A fact of which nothing can be told, and why.
    pub fn unknown(part: &'static str, name: &str, measure: &'static str, why: impl Into<String>) -> Self {
        Self { part, name: name.to_owned(), measure, trained: None, now: None, moved: None, why: Some(why.into()), test: Test::None }
    }

    /// How many there were and are, of which nothing is to be said: a table grows.
    pub fn counted(part: &'static str, name: &str, then: Option<f64>, now: f64) -> Self {
        Self { trained: then, now: Some(now), why: None, ..Self::unknown(part, name, "count", "") }
    }

    /// The same with what is to be kept in mind.
    #[must_use]
    pub fn minding(mut self, why: Option<String>) -> Self {
        self.why = self.why.or(why);
        self
    }

    /// Counts in bins, with the figures that are shown beside their index.
    pub fn binned(part: &'static str, name: &str, measure: &'static str, shown: Option<[f64; 2]>, bins: Option<Binned>) -> Self {
        let (trained, now) = shown.map_or((None, None), |[a, b]| (Some(a), Some(b)));
        let Some(bins) = bins else {
            return Self { trained, ..Self::unknown(part, name, measure, "no values to compare") };
        };
        Self { trained, now, moved: Some(bins.psi()), why: None, test: Test::Bins(bins), ..Self::unknown(part, name, measure, "") }
    }

    /// Shares of rows: `of` such rows, then and now, among `all`.
    pub fn share(part: &'static str, name: &str, measure: &'static str, of: [f64; 2], all: [f64; 2]) -> Self {
        let share = |i: usize| if all[i] > 0.0 { of[i] / all[i] } else { f64::NAN };
        let shown = Some([share(0), share(1)]).filter(|s| s.iter().all(|s| s.is_finite()));
        Self::binned(part, name, measure, shown, Binned::as_they_are(&[[all[0] - of[0], all[1] - of[1]], of], None))
    }

    /// A figure on held-out rows, `then` on so many, and `now` with its interval.
    pub fn figure(name: &str, (then, rows): (f64, f64), now: &MetricRow) -> Self {
        let difference = now.value - then;
        let fact =
            Self { trained: Some(then), now: Some(now.value), moved: Some(difference), ..Self::unknown("figure", name, "value", "") };
        let error = now.low.zip(now.high).map(|(low, high)| (high - low) / (2.0 * 1.96));
        let Some(error) = error.filter(|e| e.is_finite()) else {
            return Self { why: Some("there is no interval to tell chance by".into()), ..fact };
        };
        // Of the same rows' spread, on as many as were held out.
        let both = error * (1.0 + now.rows.real() / rows.max(1.0)).sqrt();
        let worse = if less_is_better(name) { difference } else { -difference };
        let test = Test::Worse(worse, both, then.abs());
        Self { why: None, test, ..fact }
    }

    /// What is said of it where `all` facts are judged at once; none where it cannot be told.
    fn said(&self, all: usize) -> (Option<&'static str>, Option<String>) {
        let level = LEVEL / all.max(1).real();
        match &self.test {
            Test::None => (None, self.why.clone()),
            Test::Bins(bins) => match bins.verdict(level) {
                Verdict::Stable => (Some("stable"), self.why.clone()),
                Verdict::Moving => (Some("moving"), self.why.clone()),
                Verdict::Moved => (Some("moved"), self.why.clone()),
                Verdict::TooFew => (None, Some("too few rows to tell".into())),
            },
            Test::Worse(by, error, then) => {
                let chance = normal::inverse(1.0 - level) * error;
                match *by > chance && *by >= WORSE * then {
                    true => (Some("worse"), self.why.clone()),
                    false if chance > BLIND * then => (None, Some("too few rows to tell".into())),
                    false => (Some("stable"), self.why.clone()),
                }
            }
        }
    }
}

/// Facts, each with its verdict (`stable`, `moving`, `moved`, of a figure `worse`; none where it cannot be told) and what is to be said of it.
pub fn judged(facts: Vec<Fact>) -> Vec<(Fact, Option<&'static str>)> {
    let all = facts.iter().filter(|f| f.test != Test::None).count();
    let one = |mut fact: Fact| {
        let (verdict, why) = fact.said(all);
        fact.why = why;
        (fact, verdict)
    };
    facts.into_iter().map(one).collect()
}

/// The facts of the columns `inputs` of `frame`, and of the `target` where it is among its columns; of a version that stored no reference
/// (`reference` none) what they are now.
///
/// # Errors
/// [`crate::base::Code::Cancelled`].
pub fn of_columns(
    reference: Option<&Reference>,
    frame: &Frame,
    inputs: &[&str],
    target: Option<&str>,
    ctx: &Context<'_>,
) -> Result<Vec<Fact>> {
    let columns = inputs.iter().map(|name| ("input", *name)).chain(target.map(|t| ("target", t)));
    let mut facts = Vec::new();
    for (part, name) in columns {
        ctx.check()?;
        let seen = reference.and_then(|r| if part == "target" { r.target.as_ref() } else { r.inputs.iter().find(|i| i.name == name) });
        let Ok(column) = frame.column(name) else {
            facts.push(Fact::unknown(part, name, "psi", "the source has no such column"));
            continue;
        };
        match seen {
            Some(seen) => facts.extend(of_column(part, seen, seen.now(&column.values, ctx)?)),
            None => facts.push(Fact::unknown(part, name, "psi", NOT_STORED)),
        }
    }
    Ok(facts)
}

/// Said of what a version does not hold.
pub const NOT_STORED: &str = "the version does not know what its training saw: train it again";

fn of_column(part: &'static str, seen: &Seen, now: Option<Now>) -> Vec<Fact> {
    let name = &seen.name;
    let Some(now) = now else { return vec![Fact::unknown(part, name, "psi", "the column holds other values than in training")] };
    let mut facts = vec![Fact::binned(part, name, "psi", now.middle, Binned::new(&now.bins, Some(now.draws)))];
    if part == "input" {
        let all = [0, 1].map(|i| now.draws[i] + now.missing[i]);
        facts.push(Fact::share(part, name, "missing", now.missing, all));
    }
    if let Some([of, all]) = now.unseen {
        facts.push(Fact::share(part, name, "unseen", of, all));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: f64, error: f64, rows: u64) -> MetricRow {
        let (low, high) = (Some(value - 1.96 * error), Some(value + 1.96 * error));
        MetricRow { baseline: None, metric: "log_loss".into(), k: None, value, low, high, rows }
    }

    fn verdict(fact: Fact) -> Option<&'static str> {
        judged(vec![fact])[0].1
    }

    #[test]
    fn a_figure_is_worse_beyond_chance_and_by_enough() {
        let of = |value, error| verdict(Fact::figure("log_loss", (0.5, 1000.0), &row(value, error, 1000)));
        assert_eq!(
            [of(0.6, 0.01), of(0.55, 0.04), of(0.6, 0.3), of(0.51, 0.0001), of(0.3, 0.01)],
            [Some("worse"), Some("stable"), None, Some("stable"), Some("stable")]
        );
        assert_eq!(verdict(Fact::figure("auc", (0.8, 1000.0), &row(0.7, 0.01, 1000))), Some("worse"));
        let without = MetricRow { low: None, high: None, ..row(0.6, 0.1, 10) };
        assert_eq!(judged(vec![Fact::figure("log_loss", (0.5, 10.0), &without)])[0].1, None);
    }

    #[test]
    fn shares_of_few_rows_tell_nothing_and_of_none_say_so() {
        assert_eq!(verdict(Fact::share("input", "a", "missing", [10.0, 300.0], [10_000.0, 1000.0])), Some("moved"));
        assert_eq!(verdict(Fact::share("input", "a", "missing", [100.0, 11.0], [10_000.0, 1000.0])), Some("stable"));
        let few = judged(vec![Fact::share("input", "a", "missing", [0.0, 0.0], [10_000.0, 4.0])]);
        assert_eq!((few[0].1, few[0].0.why.as_deref()), (None, Some("too few rows to tell")));
        assert_eq!(verdict(Fact::share("input", "a", "missing", [0.0, 0.0], [10.0, 0.0])), None);
    }
}
