//! Which items grow against their own past.
//!
//! Time before the moment is cut into windows as long as the recent one, and of each item and window the users are counted (or, where
//! these are not known, the events). An item's recent count is held against those of its own windows before, each by its share of the
//! shop's traffic in it: so a December in which everything is bought twice as often is no trend. With n users recently, m before, and r the
//! traffic of the recent window over that of those before, the growth is the odds of Beta(n/φ + a·r/(1+r), m/φ + a/(1+r)) over r: a Gamma
//! posterior for each side, drawn to "no growth" by `a` users in the proportion of the traffic. φ is how much more than by chance (Poisson)
//! the items' counts vary from window to window, over the whole shop: promotions, a bulk order.
//!
//! Items stand by the lower end of the growth, its 5 % quantile, and must be above 1 with it. What was tried, on Complete Journey at 18 weekly
//! moments from July to October 2017, to foresee what grows in the 30 days after (precision of the first 50, windows of 7, 14, 28 days):
//! the ratio to the window before .09, .11, .15; with 1 added to both .14, .15, .20; the standardised difference to the past .35, .33,
//! .28; this .34, .36, .33; this without φ .32, .35, .32; with a φ for each item .21, .26, .27; at the median .26, .30, .30; `a` of 3 or
//! 30 in the place of 10 .32, .35, .31 and .34, .35, .33. A floor of 1, 3 or 5 users made no difference there; it is for small shops.

use crate::base::number::{AsIndex, AsReal};
use crate::base::quantile::beta_odds;
use crate::base::{Code, Context, Error, Result, memory, zeros};
use crate::dataset::profile::{DAY, Span};
use crate::dataset::trends::ItemEvents;

/// Users who say "no growth" before any is counted.
const DRAWN_BY: f64 = 10.0;
/// The share of the posterior below the lower end.
const LOWER: f64 = 0.05;
/// Windows of the past: four years of 14 days. What is older says little, and a window of a second would have millions.
const MOST: usize = 104;
/// Windows of the past from which on an item says how much counts vary.
const FEWEST: usize = 3;
/// In how many windows before φ is 1: few items say little.
const CERTAIN: f64 = 10.0;
/// The recent window, where none is said: [`trending`]'s best in the trial above.
const USUAL: i64 = 14 * DAY;
/// As much of what there is as it may be, so that something is left to be compared with.
const PART: i64 = 6;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The recent window; none: as long as suits the events.
    pub recent: Option<Span>,
    /// How many recent users (or events) an item must have.
    pub at_least: u64,
    /// How many items.
    pub k: usize,
}

/// An item that grows.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// Its id.
    pub item: String,
    /// Its users in the recent window, or events where users are not known.
    pub recent: u64,
    /// As many as its own past would give, by the traffic of the recent window.
    pub expected: f64,
    /// How many times as many it has as expected: the median.
    pub growth: f64,
    /// The lower end: as sure as 95 %.
    pub low: f64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Trending {
    /// The most certain growth first.
    pub rows: Vec<Trend>,
    /// Microseconds of the recent window.
    pub recent: i64,
    /// Whether there is a past: events before the recent window.
    pub past: bool,
}

/// Of one item: how many in which window.
#[derive(Debug, Clone, Copy)]
struct Counted {
    item: u32,
    window: u32,
    count: u32,
}

/// An item's recent count beside its past.
struct Beside {
    recent: u64,
    past: f64,
    /// The traffic of the windows of its past.
    traffic: f64,
}

/// The `k` items whose growth is most certain; at most so many as grow.
///
/// Without `recent` the window is 14 days, or a sixth of the time that there is where this is less.
///
/// # Errors
/// [`Code::InvalidParameter`] for a window that is not longer than nothing; [`Code::OutOfMemory`], [`Code::Cancelled`].
pub fn trending(events: &ItemEvents<'_>, asked: &Asked, ctx: &Context<'_>) -> Result<Trending> {
    let recent = window(asked.recent, events.span(), USUAL)?;
    let _booked = ctx.budget.take(events.count().saturating_mul(size_of::<Counted>() + size_of::<(u32, u32)>()), "the items' windows")?;
    let counts = count(events, recent, ctx)?;
    let past = counts.iter().any(|c| c.window > 0);
    // traffic[w]: of window w; up_to[w]: of the windows 1 to w together.
    let mut traffic: Vec<f64> = zeros(MOST + 1)?;
    counts.iter().for_each(|c| traffic[c.window.index()] += c.count.real());
    let mut up_to: Vec<f64> = zeros(MOST + 1)?;
    (1..=MOST).for_each(|w| up_to[w] = up_to[w - 1] + traffic[w]);
    let varies = varies(&counts, &traffic, &up_to);
    let mut rows = Vec::new();
    for (at, of) in counts.chunk_by(|a, b| a.item == b.item).enumerate() {
        ctx.check_at(at)?;
        let beside = beside(of, &up_to);
        let ratio = traffic[0] / beside.traffic;
        let expected = beside.past * ratio;
        if beside.recent < asked.at_least.max(1) || beside.recent.real() <= expected || !ratio.is_finite() {
            continue;
        }
        let share = ratio / (1.0 + ratio);
        let a = beside.recent.real() / varies + DRAWN_BY * share;
        let b = beside.past / varies + DRAWN_BY * (1.0 - share);
        let low = beta_odds(LOWER, a, b) / ratio;
        if low > 1.0 {
            let item = of.first().map_or(0, |c| c.item.index());
            let growth = beta_odds(0.5, a, b) / ratio;
            rows.push(Trend { item: events.id(item).to_owned(), recent: beside.recent, expected, growth, low });
        }
    }
    rows.sort_by(|a, b| b.low.total_cmp(&a.low).then(b.recent.cmp(&a.recent)).then_with(|| a.item.cmp(&b.item)));
    rows.truncate(asked.k);
    Ok(Trending { rows, recent, past })
}

/// The recent window in microseconds: as asked, else `usual`, or a sixth of the `span` that there is where this is less.
pub(super) fn window(asked: Option<Span>, span: i64, usual: i64) -> Result<i64> {
    let Some(asked) = asked else {
        let part = (span / PART).clamp(1, usual);
        // In whole days where there are any: it is said.
        return Ok(if part >= DAY { part - part % DAY } else { part });
    };
    asked.length().filter(|l| *l > 0).ok_or_else(|| {
        Error::new(Code::InvalidParameter, "recent must be longer than nothing")
            .detail(format!("It is {} months, {} days and {} microseconds.", asked.months, asked.days, asked.micros))
            .hint("For example: recent => '14 days'; NULL for what suits the events.")
    })
}

/// How many users each item has in each window, 0 the recent one; without users how many events. Item by item, windows rising.
fn count(events: &ItemEvents<'_>, recent: i64, ctx: &Context<'_>) -> Result<Vec<Counted>> {
    let (mut counts, mut seen) = (Vec::new(), Vec::new());
    for item in 0..events.len() {
        ctx.check_at(item)?;
        seen.clear();
        memory::reserve(&mut seen, events.of(item).len())?;
        for &(time, user) in events.of(item) {
            let window = events.as_of.saturating_sub(time) / recent;
            if let Ok(window @ 0..=MOST) = usize::try_from(window) {
                seen.push((window as u32, user));
            }
        }
        seen.sort_unstable();
        if events.by_user {
            seen.dedup();
        }
        let windows = seen.chunk_by(|a, b| a.0 == b.0);
        memory::reserve(&mut counts, windows.clone().count())?;
        counts.extend(windows.map(|w| Counted { item: item as u32, window: w[0].0, count: u32::try_from(w.len()).unwrap_or(u32::MAX) }));
    }
    Ok(counts)
}

/// An item's past: from its first window on, so that it is not held against a time in which there was none of it. One that is new in the
/// recent window is held against the one before, in which it had none.
fn beside(of: &[Counted], up_to: &[f64]) -> Beside {
    let first = of.last().map_or(1, |c| c.window.index()).max(1);
    let recent = of.first().filter(|c| c.window == 0).map_or(0, |c| u64::from(c.count));
    let past = of.iter().filter(|c| c.window > 0).map(|c| c.count.real()).sum();
    Beside { recent, past, traffic: up_to[first] }
}

/// How many times as much as by chance the counts of an item vary over its past, by its share of the traffic: Pearson's χ² over its
/// degrees of freedom, over all items that had a user a window or more. At least 1.
fn varies(counts: &[Counted], traffic: &[f64], up_to: &[f64]) -> f64 {
    let (mut sum, mut freedom) = (0.0, 0.0);
    for of in counts.chunk_by(|a, b| a.item == b.item) {
        let (beside, windows) = (beside(of, up_to), of.last().map_or(0, |c| c.window.index()));
        if windows < FEWEST || beside.past < windows.real() {
            continue;
        }
        // Σ (count - rate·traffic)² / (rate·traffic), windows without it included.
        let squares: f64 = of.iter().filter(|c| c.window > 0).map(|c| c.count.real().powi(2) / traffic[c.window.index()]).sum();
        sum += squares * beside.traffic / beside.past - beside.past;
        freedom += windows.real() - 1.0;
    }
    ((sum + CERTAIN) / (freedom + CERTAIN)).max(1.0)
}

#[cfg(test)]
#[path = "growth_tests.rs"]
mod tests;
