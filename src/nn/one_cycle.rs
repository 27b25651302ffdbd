//! The one-cycle schedule of the learning rate (Smith & Topin 2019): up to a peak, then down to nearly nothing.

use crate::base::number::AsReal;

/// Share of the steps on the way up; this and the two below as PyTorch's OneCycleLR has them, so that rates found with it hold here.
const WARM: f64 = 0.3;
/// What the peak is divided by at the beginning.
const BEGIN: f64 = 25.0;
/// What it is divided by at the end.
const END: f64 = 250_000.0;

/// The learning rate of step `step` (from 0) of `steps`, whose highest is `peak`: half a cosine up, half a cosine down.
pub fn one_cycle(step: u64, steps: u64, peak: f32) -> f32 {
    let at = step.real() / steps.saturating_sub(1).max(1).real();
    let peak = f64::from(peak);
    let between = |from: f64, to: f64, t: f64| to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * t.min(1.0)).cos());
    let rate = if at < WARM { between(peak / BEGIN, peak, at / WARM) } else { between(peak, peak / END, (at - WARM) / (1.0 - WARM)) };
    rate.single()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_to_its_peak_and_falls_to_nothing() {
        let all: Vec<f32> = (0..=1000).map(|s| one_cycle(s, 1001, 1e-3)).collect();
        assert!((all[0] - 4e-5).abs() < 1e-9 && (all[300] - 1e-3).abs() < 1e-9 && all[1000] < 1e-8);
        assert!(all[..=300].windows(2).all(|w| w[0] <= w[1]) && all[300..].windows(2).all(|w| w[0] >= w[1]));
        assert!(one_cycle(0, 1, 1.0) > 0.0 && one_cycle(9, 1, 1.0) >= 0.0);
    }
}
