//! The bottleneck of a Mult-VAE in training: codes are sampled, and drawn towards a prior.

use crate::base::number::AsReal;
use crate::base::{Context, Result, Rng, zeros};

/// Rows that a thread takes at a time: fixed, so that the result does not depend on the number of threads.
const ROWS: usize = 32;

/// The composite prior of Shenbin et al. 2020 ("RecVAE", equation 9), number by number: this much of a normal distribution, of what the
/// encoder of an epoch before gives for the user, and of a normal distribution with the variance e^[`WIDE`].
const SHARES: [f32; 3] = [0.15, 0.75, 0.1];
const WIDE: f32 = 10.0;
/// ln 2π.
const LN_TAU: f32 = 1.837_877_1;

/// The codes of a batch and the gradients by them.
#[derive(Debug)]
pub struct Codes {
    latent: usize,
    /// Rows × 2 · latent: means, then logarithms of variances.
    pub code: Vec<f32>,
    /// The gradient by them.
    pub code_delta: Vec<f32>,
    /// Rows × latent: what was added to the means, noise · spread.
    noise: Vec<f32>,
    /// Means with the noise.
    pub sample: Vec<f32>,
    /// The gradient by them, without that of the prior.
    pub sample_delta: Vec<f32>,
    /// The weight of each row's KL term.
    pub weights: Vec<f32>,
    /// With the composite prior.
    pub earlier: Option<Earlier>,
}

/// What the composite prior needs.
#[derive(Debug)]
pub struct Earlier {
    /// Rows × 2 · latent: the codes that the encoder of an epoch before gives.
    pub code: Vec<f32>,
    /// Rows × latent: the gradient of −ln p by the sample.
    pull: Vec<f32>,
}

impl Codes {
    /// Bytes for batches of at most `rows`.
    pub fn bytes(rows: usize, latent: usize, composite: bool) -> usize {
        let numbers = latent.saturating_mul(if composite { 10 } else { 7 }).saturating_add(1);
        rows.saturating_mul(numbers).saturating_mul(4)
    }

    /// For batches of at most `rows`.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(rows: usize, latent: usize, composite: bool) -> Result<Self> {
        let (one, two) = (rows * latent, rows * latent * 2);
        let earlier = || Ok(Earlier { code: zeros(two)?, pull: zeros(one)? });
        Ok(Self {
            latent,
            code: zeros(two)?,
            code_delta: zeros(two)?,
            noise: zeros(one)?,
            sample: zeros(one)?,
            sample_delta: zeros(one)?,
            weights: zeros(rows)?,
            earlier: composite.then(earlier).transpose()?,
        })
    }

    /// Samples the code of each row (the reparametrisation of Kingma & Welling 2014); returns Σ weight · KL(q ‖ prior), of the composite
    /// prior by the one sample.
    pub fn sample(&mut self, rows: usize, seed: u64, ctx: &Context<'_>) -> f64 {
        let latent = self.latent;
        let parts = self.code[..rows * latent * 2].chunks(ROWS * latent * 2);
        let parts =
            parts.zip(self.noise.chunks_mut(ROWS * latent)).zip(self.sample.chunks_mut(ROWS * latent)).zip(self.weights.chunks(ROWS));
        let mut parts: Vec<_> = parts.map(|(((c, n), s), w)| (c, n, s, w, 0.0)).collect();
        let composite = self.earlier.is_some();
        ctx.pool.each_mut(&mut parts, |p, (code, noise, sample, weights, sum)| {
            let mut rng = Rng::stream(seed, 1 << 32 | p as u64);
            let rows = code.chunks(latent * 2).zip(noise.chunks_mut(latent)).zip(sample.chunks_mut(latent));
            for (((code, noise), sample), weight) in rows.zip(weights.iter()) {
                let (mean, log) = code.split_at(latent);
                let mut kl = 0.0;
                for i in 0..latent {
                    let (spread, draw) = ((0.5 * log[i]).exp(), rng.normal().single());
                    noise[i] = draw * spread;
                    sample[i] = mean[i] + noise[i];
                    kl -= 0.5
                        * if composite {
                            // ln q; ln p is below.
                            f64::from(LN_TAU + log[i] + draw * draw)
                        } else {
                            f64::from(1.0 + log[i] - mean[i] * mean[i] - spread * spread)
                        };
                }
                *sum += f64::from(*weight) * kl;
            }
        });
        parts.iter().map(|p| p.4).sum::<f64>() + self.pull(rows, ctx)
    }

    /// Of the composite prior: −Σ weight · ln p of the samples, and its gradient by them.
    fn pull(&mut self, rows: usize, ctx: &Context<'_>) -> f64 {
        let (latent, Some(earlier)) = (self.latent, &mut self.earlier) else { return 0.0 };
        let parts = earlier.code[..rows * latent * 2].chunks(ROWS * latent * 2).zip(earlier.pull.chunks_mut(ROWS * latent));
        let parts = parts.zip(self.sample.chunks(ROWS * latent)).zip(self.weights.chunks(ROWS));
        let mut parts: Vec<_> = parts.map(|(((c, p), s), w)| (c, p, s, w, 0.0)).collect();
        ctx.pool.each_mut(&mut parts, |_, (code, pull, sample, weights, sum)| {
            let rows = code.chunks(latent * 2).zip(pull.chunks_mut(latent)).zip(sample.chunks(latent));
            for (((code, pull), sample), weight) in rows.zip(weights.iter()) {
                let mut ln_p = 0.0;
                for i in 0..latent {
                    let normals = [(0.0, 0.0), (code[i], code[latent + i]), (0.0, WIDE)];
                    let ln = |k: usize| {
                        let (mean, log) = normals[k];
                        SHARES[k].ln() - 0.5 * (LN_TAU + log + (sample[i] - mean).powi(2) * (-log).exp())
                    };
                    let each = [ln(0), ln(1), ln(2)];
                    let top = each.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let all: f32 = each.iter().map(|l| (l - top).exp()).sum();
                    ln_p += f64::from(top + all.ln());
                    pull[i] = (0..3).map(|k| (each[k] - top).exp() / all * (sample[i] - normals[k].0) * (-normals[k].1).exp()).sum();
                }
                *sum -= f64::from(*weight) * ln_p;
            }
        });
        parts.iter().map(|p| p.4).sum()
    }

    /// The gradient by the codes, from that by the samples and that of the prior.
    pub fn back(&mut self, rows: usize, ctx: &Context<'_>) {
        let latent = self.latent;
        let codes = self.code[..rows * latent * 2].chunks(latent * 2).zip(self.code_delta.chunks_mut(latent * 2));
        let samples = self.noise.chunks(latent).zip(self.sample_delta.chunks(latent)).zip(&self.weights);
        let mut parts: Vec<_> = codes.zip(samples).collect();
        let pulls = self.earlier.as_ref().map(|e| &e.pull);
        ctx.pool.each_mut(&mut parts, |row, ((code, delta), ((noise, by_sample), weight))| {
            for i in 0..latent {
                let (mean, log) = (code[i], code[latent + i]);
                if let Some(pull) = pulls {
                    let by_sample = by_sample[i] + *weight * pull[row * latent + i];
                    delta[i] = by_sample;
                    delta[latent + i] = 0.5 * (by_sample * noise[i] - *weight);
                } else {
                    delta[i] = by_sample[i] + *weight * mean;
                    delta[latent + i] = 0.5 * by_sample[i] * noise[i] + 0.5 * *weight * (log.exp() - 1.0);
                }
            }
        });
    }
}
