//! Tests of the step of a Mult-VAE.

use super::*;
use crate::base::{Budget, Pool, Quiet};
use crate::model::mult_vae::tests::{pairs, params};
use crate::model::mult_vae::{Prior, Softmax};

const SHAPE: Shape = Shape { items: 9, hidden: 5, latent: 3 };

/// One step's loss from `at` on, and the parameters after it.
fn one(at: &[f32], pairs: &Pairs, adam: AdamSpec, threads: usize) -> (f64, Vec<f32>) {
    one_of(&params(), at, pairs, adam, threads)
}

fn one_of(p: &Params, at: &[f32], pairs: &Pairs, adam: AdamSpec, threads: usize) -> (f64, Vec<f32>) {
    one_shaped(SHAPE, p, at, pairs, adam, threads)
}

fn one_shaped(shape: Shape, p: &Params, at: &[f32], pairs: &Pairs, adam: AdamSpec, threads: usize) -> (f64, Vec<f32>) {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    let ctx = Context { seed: 4, pool: &pool, budget: &budget, watch: &Quiet };
    let users: Vec<u32> = (0..pairs.rows() as u32).collect();
    let mut t = Training::with_adam(shape, p, pairs, users.len(), None, 4, adam).unwrap();
    if !at.is_empty() {
        t.params.copy_from_slice(at);
    }
    let start = t.params.clone();
    let loss = t.step(&users, &[], 0, &ctx).unwrap();
    (loss, if at.is_empty() { start } else { t.params })
}

/// RecVAE's refinements, one by one and all together.
fn refined() -> [Params; 4] {
    let plain = Params { anneal: 0.0, ..params() };
    let (composite, per_user) = (Params { prior: Prior::Composite, ..plain.clone() }, Params { gamma: Some(0.05), ..plain.clone() });
    let all = Params { gamma: Some(0.05), alternate: 2, ..composite.clone() };
    [plain, composite, per_user, all]
}

#[test]
fn the_gradient_of_every_layer_is_that_of_the_bound() {
    let pairs = pairs(40, SHAPE.items);
    for p in refined() {
        let (_, mut at) = one_of(&p, &[], &pairs, PLAIN, 1);
        // Away from the start, where biases are 0 and codes near it.
        let mut rng = Rng::new(1);
        at.iter_mut().for_each(|w| *w += 0.3 * rng.normal() as f32);
        let (_, after) = one_of(&p, &at, &pairs, PLAIN, 1);
        let gradient: Vec<f32> = at.iter().zip(&after).map(|(a, b)| a - b).collect();
        let rows = pairs.rows() as f64;
        let loss = |x: &[f32]| one_of(&p, x, &pairs, PLAIN, 1).0 / rows;
        if p.alternate == 0 {
            crate::nn::check::gradient_check(&at, &gradient, loss, 1e-2, "Mult-VAE");
            assert!(gradient.iter().filter(|g| g.abs() > 1e-3).count() > gradient.len() / 2);
        } else {
            // The first epoch is the encoder's: the rest stands still.
            let own: usize = SHAPE.sizes().unwrap().list()[..4].iter().sum();
            let with = |x: &[f32]| loss(&[x, &at[own..]].concat());
            crate::nn::check::gradient_check(&at[..own], &gradient[..own], with, 1e-2, "encoder");
            assert!(gradient[own..].iter().all(|g| *g == 0.0) && gradient[..own].iter().any(|g| g.abs() > 1e-3));
        }
    }
}

#[test]
fn encoder_and_decoder_take_turns_and_the_prior_follows() {
    let pairs = pairs(40, SHAPE.items);
    let [.., p] = refined();
    let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
    let ctx = Context { seed: 4, pool: &pool, budget: &budget, watch: &Quiet };
    let users: Vec<u32> = (0..40).collect();
    let mut t = Training::new(SHAPE, &p, &pairs, 40, None, 4).unwrap();
    let own: usize = SHAPE.sizes().unwrap().list()[..4].iter().sum();
    // Two epochs of the encoder, one of the decoder, of a step each.
    for (epoch, encoder) in [true, true, false, true, true, false].into_iter().enumerate() {
        let before = t.params.clone();
        t.step(&users, &[], epoch as u64, &ctx).unwrap();
        assert_eq!(t.params[..own] != before[..own], encoder, "epoch {epoch}");
        assert_eq!(t.params[own..] != before[own..], !encoder, "epoch {epoch}");
        // When the decoder's turn comes the prior has followed, and nothing of a history is hidden.
        assert_eq!(t.codes.earlier.as_ref().map(|e| e.code == t.codes.code), Some(!encoder), "epoch {epoch}");
    }
    assert_eq!(t.taken, [4, 2]);
}

#[test]
fn logits_that_are_made_again_change_no_bit() {
    // Three blocks an each lane but the last.
    let shape = Shape { items: 9000, hidden: 5, latent: 3 };
    let pairs = pairs(30, shape.items);
    let users: Vec<u32> = (0..30).collect();
    let run = |softmax: Softmax, threads: usize| {
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 4, pool: &pool, budget: &budget, watch: &Quiet };
        let p = Params { softmax: Some(softmax), ..params() };
        let mut t = Training::new(shape, &p, &pairs, 30, None, 4).unwrap();
        let losses: Vec<f64> = (0..3).map(|i| t.step(&users, &[], i, &ctx).unwrap()).collect();
        (losses, t.params)
    };
    let whole = run(Softmax::Whole, 1);
    assert!(whole == run(Softmax::Blocked, 1) && whole == run(Softmax::Blocked, 3));
}

/// Without moments and with a huge ε a step is the gradient itself.
const PLAIN: AdamSpec = AdamSpec { learning_rate: 1e6, beta1: 0.0, beta2: 0.0, epsilon: 1e6, weight_decay: 0.0 };

#[test]
fn the_gradient_of_a_sample_is_that_of_its_estimate_and_changes_nothing_else() {
    let shape = Shape { items: 40, ..SHAPE };
    let mut pairs = pairs(30, shape.items);
    pairs.offsets.truncate(3);
    pairs.columns.truncate(pairs.offsets[2]);
    let p = Params { anneal: 0.0, softmax: Some(Softmax::Sampled), sampled: 3, ..params() };
    let (_, mut at) = one_shaped(shape, &p, &[], &pairs, PLAIN, 1);
    let mut rng = Rng::new(1);
    at.iter_mut().for_each(|w| *w += 0.3 * rng.normal() as f32);
    let (_, after) = one_shaped(shape, &p, &at, &pairs, PLAIN, 2);
    let gradient: Vec<f32> = at.iter().zip(&after).map(|(a, b)| a - b).collect();
    // The seed fixes the draw, so that the estimate is a function of the weights.
    let loss = |x: &[f32]| one_shaped(shape, &p, x, &pairs, PLAIN, 1).0 / 2.0;
    crate::nn::check::gradient_check(&at, &gradient, loss, 1e-2, "sampled softmax");
    let sizes = shape.sizes().unwrap();
    let moved = |layer: &[f32], width: usize| layer.chunks(width).filter(|g| g.iter().any(|g| *g != 0.0)).count();
    let (own, layers) = ((0..40).filter(|i| pairs.columns.contains(i)).count(), shape.split(&sizes, &gradient));
    assert_eq!((moved(layers.output, shape.hidden), moved(layers.output_bias, 1)), (own + 3, own + 3));
    assert!(own + 3 < 40 && moved(layers.input, shape.hidden) <= own);
}

#[test]
fn a_sample_of_all_is_the_whole_softmax() {
    let shape = Shape { items: 300, ..SHAPE };
    let pairs = pairs(20, shape.items);
    let run = |softmax: Softmax| {
        let p = Params { softmax: Some(softmax), sampled: 300, ..params() };
        step(shape, &p, &pairs, 1)
    };
    assert!(run(Softmax::Sampled) == run(Softmax::Whole));
}

/// Parameters after a step from the start.
fn step(shape: Shape, p: &Params, pairs: &Pairs, threads: usize) -> Vec<f32> {
    let (_, start) = one_shaped(shape, p, &[], pairs, AdamSpec::default(), threads);
    one_shaped(shape, p, &start, pairs, AdamSpec::default(), threads).1
}

#[test]
fn threads_change_no_bit_of_a_sampled_step() {
    let shape = Shape { items: 9000, ..SHAPE };
    let pairs = pairs(30, shape.items);
    let p = Params { softmax: Some(Softmax::Sampled), sampled: 500, ..params() };
    assert!(step(shape, &p, &pairs, 1) == step(shape, &p, &pairs, 3));
}

#[test]
fn threads_change_no_bit() {
    let pairs = pairs(100, SHAPE.items);
    let adam = AdamSpec::default();
    let (_, at) = one(&[], &pairs, adam, 1);
    assert_eq!(one(&at, &pairs, adam, 1), one(&at, &pairs, adam, 2));
    assert_eq!(one(&at, &pairs, adam, 1), one(&at, &pairs, adam, 3));
}
