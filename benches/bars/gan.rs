//! `gan-step`: a step of the critic and one of the generator of a GAN of 2 × 256 in batches of 256, against torch (gan_step.py): the engine alone,
//! since the peer reads no database either.

use crate::bench::{Bench, Better, median, seconds};
use pg_affinity::base::{Budget, Context, Pool, Quiet, Rng};
use pg_affinity::model::gan::{GanSpec, Layout, MixedRows, Training};
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How many times faster than torch.
const STEP: f64 = 2.0;
/// The rows of gan_step.py.
const ROWS: usize = 9341;

pub fn run(bench: &mut Bench) -> Result<()> {
    if bench.wants("gan-step") {
        step(bench)?;
    }
    Ok(())
}

fn step(bench: &mut Bench) -> Result<()> {
    // Both sides get ten seconds; the peer's best and median stretches of ten steps stand against ours.
    let Some(peer) = bench.peer_json("gan_step.py", &[])?.and_then(|l| l.into_iter().next()) else {
        bench.skip("gan-step", "torch cannot be run");
        return Ok(());
    };
    let ms = |name: &str| peer[name].as_f64().ok_or_else(|| format!("gan_step.py printed no {name}"));
    let (theirs, their_best) = (ms("ms")?, ms("best")?);
    let mut rng = Rng::new(1);
    let layout = Layout { numbers: 9, blocks: vec![13, 3, 15], condition: 136 };
    let mut rows = MixedRows::default();
    for _ in 0..ROWS {
        rows.ranks.extend((0..9).map(|_| [rng.uniform_f32(); 2]));
        rows.levels.extend([13, 3, 15].map(|n| rng.below(n) as u32));
        rows.conditions.push(rng.below(136) as u32);
    }
    let spec = GanSpec { critic_steps: 1, ..GanSpec::new(layout) };
    // Two threads, as the peer uses.
    let (pool, budget) = (Pool::new(2)?, Budget::unlimited());
    let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
    let mut training = Training::new(&spec, &rows, 1)?;
    let mut ten = || Ok((0..10).try_for_each(|_| training.step(&ctx).map(|_| ()))?);
    (0..3).try_for_each(|_| ten())?;
    let (mut taken, mut all) = (Vec::new(), 0.0);
    while all < 10.0 {
        let (s, ()) = seconds(&mut ten)?;
        taken.push(s * 100.0);
        all += s;
    }
    let best = taken.iter().copied().fold(f64::INFINITY, f64::min);
    let ours = median(taken);
    bench.note("gan-step", &format!("milliseconds, median (best): {ours:.2} ({best:.2}), torch {theirs:.2} ({their_best:.2})"));
    bench.bar("gan-step", theirs / ours, STEP, Better::More);
    Ok(())
}
