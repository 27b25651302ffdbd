//! `growth`: how the time and the memory of a fit grow with the events and the items, on made-up events of seeded chance: users of
//! log-normal lengths, 20 events about, whose items follow Zipf's law.
//!
//! Each fit runs in a process of its own (this program again, told by `AFFINITY_GROWTH`), so that its peak memory is its own. What is
//! fitted is the engine's fit alone, on two threads; what is held against the estimate is what came to the events during the fit.

use crate::bench::{Bench, Better, seconds};
use pg_affinity::base::{Budget, Context, Pool, Quiet, Rng};
use pg_affinity::dataset::{Column, EventColumns, Frame, IdKind, Interactions, Values};
use pg_affinity::model::kinds::{KINDS, kind as find};
use pg_affinity::model::recommender::Job;
use pg_affinity::model::tune;
use pg_affinity::train::recommender_params::Request;
use serde_json::{Value, json};
use std::error::Error;
use std::process::{Command, Stdio};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Exponent of the time in the events, at most.
const EXPONENT: f64 = 1.1;
/// Peak memory over what was booked beforehand, at most.
const MEMORY: f64 = 1.2;
/// The environment variable that makes this program fit once: kind, items, events.
const CHILD: &str = "AFFINITY_GROWTH";

const ITEMS: [usize; 3] = [10_000, 50_000, 200_000];
const EVENTS: [usize; 2] = [1_000_000, 10_000_000];

/// A kind, its parameters (few epochs: each is like the others), and whether its exponent has a bar.
fn kinds() -> [(&'static str, Value, bool); 7] {
    [
        ("transition", json!({}), true),
        ("item_knn", json!({}), true),
        ("als", json!({"factors": 64, "epochs": 2, "regularization": 0.001}), true),
        ("bpr", json!({"epochs": 2}), true),
        ("mult_vae", json!({"hidden": 100, "latent": 32, "epochs": 1}), true),
        ("sequence", json!({"epochs": 1}), true),
        ("ease", json!({"regularization": 100}), false),
    ]
}

/// One fit.
struct Fit {
    seconds: f64,
    /// MB that came to the events, at most, and MB that were booked.
    peak: f64,
    booked: f64,
}

pub fn run(bench: &mut Bench) -> Result<()> {
    let mut worst: f64 = 0.0;
    for (kind, _, has_bar) in kinds() {
        let mut slopes = Vec::new();
        for items in ITEMS {
            let mut row = Vec::new();
            for events in EVENTS {
                let mut fit = fitted(kind, items, events)?;
                // A short fit is soon disturbed: the better of two.
                if fit.seconds < 3.0 {
                    fit.seconds = fit.seconds.min(fitted(kind, items, events)?.seconds);
                }
                worst = worst.max(fit.peak / fit.booked);
                row.push(fit);
            }
            let slope = (row[1].seconds / row[0].seconds).ln() / (EVENTS[1] as f64 / EVENTS[0] as f64).ln();
            slopes.push(slope);
            let cell = |f: &Fit| format!("{:.2} s, {:.0} of {:.0} MB", f.seconds, f.peak, f.booked);
            let [few, many] = [cell(&row[0]), cell(&row[1])];
            bench.note("growth", &format!("{kind}, {items} items: 1M events {few}; 10M events {many}; exponent {slope:.3}"));
        }
        if has_bar {
            bench.bar(&format!("growth.{kind}"), slopes.iter().sum::<f64>() / slopes.len() as f64, EXPONENT, Better::Less);
        }
    }
    bench.bar("growth.memory", worst, MEMORY, Better::Less);
    Ok(())
}

/// A fit in a process of its own.
fn fitted(kind: &str, items: usize, events: usize) -> Result<Fit> {
    let mut child = Command::new(std::env::current_exe()?);
    let run = child.env(CHILD, format!("{kind} {items} {events}")).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let told: Value = serde_json::from_slice(&run.stdout).map_err(|e| format!("{kind}, {items} items, {events} events: {e}"))?;
    let number = |name: &str| told[name].as_f64().ok_or_else(|| format!("{kind}, {items} items, {events} events: {told}"));
    Ok(Fit { seconds: number("seconds")?, peak: number("peak_mb")?, booked: number("booked_mb")? })
}

/// Whether this process is one that fits; it has then done so, and told.
pub fn child() -> bool {
    let Ok(asked) = std::env::var(CHILD) else { return false };
    match one(&asked) {
        Ok(told) => println!("{told}"),
        Err(e) => println!("{}", json!({"error": e.to_string()})),
    }
    true
}

fn one(asked: &str) -> Result<Value> {
    let [kind, items, events] = asked.split(' ').collect::<Vec<_>>()[..] else { return Err("kind, items, events".into()) };
    let (pool, budget) = (Pool::new(2)?, Budget::unlimited());
    let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
    let data = events_of(items.parse()?, events.parse()?, &ctx)?;
    let (_, params, ..) = kinds().into_iter().find(|k| k.0 == kind).ok_or("an unknown kind")?;
    let params = Request::new(kind, &params)?.params;
    let budget = Budget::unlimited();
    let ctx = Context { budget: &budget, ..ctx };
    // From here on the peak is that of the fit.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let before = status_mb("VmRSS:")?;
    let (took, fitted) = seconds(|| Ok(tune::fit(find(kind)?, &Job { data: &data, params: &params, tune: None, kinds: KINDS, warm: None, ctx: &ctx })?))?;
    let peak = status_mb("VmHWM:")? - before;
    drop(fitted);
    Ok(json!({"seconds": took, "peak_mb": peak, "booked_mb": budget.peak() as f64 / f64::from(1 << 20)}))
}

/// A figure of this process in MB.
fn status_mb(name: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix(name)).ok_or("no such figure")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
}

/// About `count` events of users with 20 each, about: exp of a normal of deviation 1, at most 1000.
fn events_of(items: usize, count: usize, ctx: &Context) -> Result<Interactions> {
    let mut rng = Rng::new(7);
    let (mut users, mut chosen) = (Vec::new(), Vec::new());
    let mut user = 0u32;
    while chosen.len() < count {
        let length = (20.0 * (rng.normal() - 0.5).exp()).clamp(1.0, 1000.0) as usize;
        for _ in 0..length {
            users.push(user);
            // Zipf's law by the inverse of ∫ dx / x.
            chosen.push(((((items + 1) as f64).ln() * rng.uniform()).exp() as usize - 1).min(items - 1) as u32);
        }
        user += 1;
    }
    let times = (0..).take(chosen.len()).collect();
    let levels = |n: usize| (0..n).map(|i| i.to_string()).collect();
    let frame = Frame::new(vec![
        Column { name: "u".into(), values: Values::Category { codes: users, levels: levels(user as usize) } },
        Column { name: "i".into(), values: Values::Category { codes: chosen, levels: levels(items) } },
        Column { name: "t".into(), values: Values::Time(times) },
    ])?;
    let columns = EventColumns { user: "u".into(), item: "i".into(), time: Some("t".into()), ..EventColumns::default() };
    Ok(Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, ctx)?.0)
}
