//! Means over users with their 95 % intervals, by draws of the users with replacement (Efron 1979; percentiles).

use crate::base::Rng;
use crate::base::number::AsReal;
use serde::{Deserialize, Serialize};

/// A mean and the ends of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

const DRAWS: usize = 500;

/// The mean of each column of `rows`, one a user; none without rows. `seed` and `stream` fix the draws; of one draw all columns take the
/// same users.
pub fn means<const N: usize>(rows: &[[f64; N]], seed: u64, stream: u64) -> Option<[Estimate; N]> {
    let n = rows.len();
    if n == 0 {
        return None;
    }
    let mean = |pick: &mut dyn FnMut(usize) -> usize| {
        let mut sums = [0.0; N];
        for i in 0..n {
            sums.iter_mut().zip(rows[pick(i)]).for_each(|(s, x)| *s += x);
        }
        sums.map(|s| s / n.real())
    };
    let value = mean(&mut |i| i);
    let mut draws: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(DRAWS));
    for draw in 0..DRAWS {
        let mut rng = Rng::stream(seed, stream + draw as u64);
        let drawn = mean(&mut |_| rng.below(n));
        draws.iter_mut().zip(drawn).for_each(|(all, x)| all.push(x));
    }
    Some(std::array::from_fn(|i| {
        draws[i].sort_unstable_by(f64::total_cmp);
        let at = |p: f64| draws[i][(p * (DRAWS - 1) as f64).round() as usize];
        Estimate { mean: value[i], low: at(0.025), high: at(0.975) }
    }))
}
