//! Tests of the GAN.

use super::critic::{Critic, Wasserstein};
use super::generator::{Generator, Gumbel};
use super::*;
use crate::base::{Budget, Context, Pool, Quiet};
use crate::dataset::mixed::MixedRows;
use crate::nn::check::gradient_check;

fn normals(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    (0..n).map(|_| rng.normal() as f32).collect()
}

/// The critic's loss in double precision, written down as the paper has it: every row by itself, the gradient by the row by the chain rule.
fn loss(critic: &Critic, params: &[f64], x: &[f32], codes: &[u32], mixed: &[f32], loss: Wasserstein) -> f64 {
    let (n, d) = (codes.len(), critic.inputs());
    let slope = |z: f64| if z > 0.0 { 1.0 } else { f64::from(crate::kernel::LEAK) };
    let evaluate = |row: &[f64], code: u32| {
        let (mut h, mut slopes) = (row.to_vec(), Vec::new());
        for (i, l) in critic.layers().iter().enumerate() {
            let sums: Vec<f64> = (0..l.outputs)
                .map(|j| {
                    let own = h.iter().enumerate().map(|(i, h)| h * params[l.weight.start + i * l.outputs + j]).sum::<f64>();
                    let condition = if i == 0 { params[critic.embedding().start + code as usize * l.outputs + j] } else { 0.0 };
                    own + params[l.bias.start + j] + condition
                })
                .collect();
            slopes.push(sums.iter().map(|z| slope(*z)).collect::<Vec<_>>());
            h = sums.iter().map(|z| z * slope(*z)).collect();
        }
        let last = &params[critic.last()];
        let score: f64 = h.iter().zip(last).map(|(h, w)| h * w).sum();
        let mut g = last.to_vec();
        for (l, s) in critic.layers().iter().zip(&slopes).rev() {
            let by_sum: Vec<f64> = g.iter().zip(s).map(|(g, s)| g * s).collect();
            g = (0..l.inputs).map(|i| (0..l.outputs).map(|j| by_sum[j] * params[l.weight.start + i * l.outputs + j]).sum()).collect();
        }
        (score, g.iter().map(|g| g * g).sum::<f64>().sqrt())
    };
    let row = |r: usize| x[r * d..][..d].iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    let mut sum = 0.0;
    for r in 0..n {
        let (real, generated, e) = (row(r), row(n + r), f64::from(mixed[r]));
        let between: Vec<f64> = real.iter().zip(&generated).map(|(a, b)| e * a + (1.0 - e) * b).collect();
        sum += evaluate(&generated, codes[r]).0 - evaluate(&real, codes[r]).0;
        sum += f64::from(loss.lambda) * (evaluate(&between, codes[r]).1 - 1.0).powi(2);
    }
    sum * f64::from(loss.scale)
}

#[test]
fn the_critics_gradient_holds_the_second_derivative_of_the_penalty() {
    for hidden in [&[7][..], &[6, 5], &[5, 4, 6]] {
        let (critic, n) = (Critic::new(4, hidden, 3).unwrap(), 5);
        let mut params = vec![0.0; critic.parameters()];
        critic.init(&mut params, &mut Rng::new(3));
        params.iter_mut().for_each(|w| *w *= 1.7);
        let mut work = critic.work(n).unwrap();
        work.x[..2 * n * 4].copy_from_slice(&normals(2 * n * 4, 4));
        let x = work.x.clone();
        let (codes, mixed, with) = ([0, 2, 1, 0, 2], [0.1, 0.9, 0.5, 0.3, 0.7], Wasserstein { lambda: 10.0, scale: 0.2 });
        let mut gradient = vec![0.0; critic.parameters()];
        let seen = critic.step(&params, &codes, &mixed, with, &mut work, &mut gradient[..critic.dense()]);
        critic.embed(&codes, &work, &mut gradient[critic.embedding()]);
        let mut at: Vec<f64> = params.iter().map(|w| f64::from(*w)).collect();
        let value = 0.2 * (seen.generated - seen.real + 10.0 * seen.penalty);
        assert!((value - loss(&critic, &at, &x, &codes, &mixed, with)).abs() < 1e-4);
        let mut largest = 0f64;
        for i in 0..at.len() {
            let (w, step) = (at[i], 1e-6);
            at[i] = w + step;
            let above = loss(&critic, &at, &x, &codes, &mixed, with);
            at[i] = w - step;
            let below = loss(&critic, &at, &x, &codes, &mixed, with);
            at[i] = w;
            let (numeric, given) = ((above - below) / (2.0 * step), f64::from(gradient[i]));
            assert!((numeric - given).abs() < 1e-4 * given.abs().max(1.0), "{hidden:?}: weight {i}: {numeric} {given}");
            largest = largest.max(numeric.abs());
        }
        assert!(largest > 1.0);
    }
}

#[test]
fn the_critics_gradient_by_the_row_is_the_scores() {
    let critic = Critic::new(5, &[6, 4], 0).unwrap();
    let mut params = vec![0.0; critic.parameters()];
    critic.init(&mut params, &mut Rng::new(1));
    let mut work = critic.work(3).unwrap();
    let x = normals(15, 2);
    work.x[..15].copy_from_slice(&x);
    let mut out = vec![0.0; 15];
    let sum = critic.descend(&params, &[0; 3], 1.0, &mut work, &mut out);
    let value = |x: &[f32]| {
        let mut work = critic.work(3).unwrap();
        work.x[..15].copy_from_slice(x);
        -critic.scores(&params, &[0; 3], 3, &mut work).iter().map(|s| f64::from(*s)).sum::<f64>()
    };
    assert!((sum + value(&x)).abs() < 1e-5);
    gradient_check(&x, &out, value, 1e-3, "critic by row");
}

#[test]
fn the_generators_gradient_goes_through_batch_norm_skips_and_choices() {
    let layout = Layout { numbers: 2, blocks: vec![3, 2], condition: 2 };
    let generator = Generator::new(&layout, 3, &[5, 4]).unwrap();
    let (n, codes, temperature) = (7, [0, 1, 1, 0, 1, 0, 0], 0.8);
    let mut params = vec![0.0; generator.parameters()];
    generator.init(&mut params, &mut Rng::new(5));
    params.iter_mut().zip(normals(generator.parameters(), 6)).for_each(|(w, z)| *w += 0.2 * z);
    let gumbel = Gumbel::new();
    let run = |params: &[f32]| {
        let mut work = generator.work(n).unwrap();
        generator.draw(n, &mut Rng::new(7), &mut work);
        generator.forward(params, &codes, None, &mut work);
        generator.choose(n, temperature, &gumbel, &mut Rng::new(8), &mut work);
        work
    };
    let by_out = normals(n * layout.width(), 9);
    let value = |params: &[f32]| run(params).out.iter().zip(&by_out).map(|(y, c)| f64::from(y * c)).sum::<f64>();
    let mut work = run(&params);
    let mut gradient = vec![0.0; generator.parameters()];
    generator.backward(&params, &codes, temperature, &by_out, &mut work, &mut gradient[..generator.dense()]);
    generator.embed(&codes, &work, &mut gradient);
    gradient_check(&params, &gradient, value, 2e-3, "generator");
    assert!(gradient.iter().filter(|g| g.abs() > 1e-2).count() > gradient.len() / 2);
}

/// One number of two modes, a category that tells which, and a condition that says how often each comes.
fn two_modes(rows: usize) -> MixedRows {
    let mut rng = Rng::new(11);
    let mut out = MixedRows::default();
    let mut values = Vec::new();
    for i in 0..rows {
        let condition = (i % 2) as u32;
        let mode = u32::from(rng.uniform() < [0.5, 0.1][condition as usize]);
        values.push(f64::from(mode) * 6.0 - 3.0 + rng.normal() * 0.5);
        out.levels.push(mode);
        out.conditions.push(condition);
    }
    // Scores as they are, since ranks would close the gap: ranks of a standard normal.
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    out.ranks = vec![[0.0; 2]; rows];
    for (place, r) in order.iter().enumerate() {
        out.ranks[*r] = [place as f32 / rows as f32, (place + 1) as f32 / rows as f32];
    }
    out
}

fn small() -> GanSpec {
    let layout = Layout { numbers: 1, blocks: vec![2], condition: 2 };
    GanSpec { hidden: vec![32, 32], noise: 8, batch: 200, steps: 600, learning_rate: 2e-3, ..GanSpec::new(layout) }
}

fn train(spec: &GanSpec, rows: &MixedRows, steps: usize, threads: usize, seed: u64) -> Result<Gan> {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    let ctx = Context { seed, pool: &pool, budget: &budget, watch: &Quiet };
    let mut training = Training::new(spec, rows, seed)?;
    for _ in 0..steps {
        training.step(&ctx)?;
    }
    training.snapshot(seed)
}

#[test]
fn threads_change_no_bit_and_the_seed_does() {
    let rows = two_modes(500);
    // Two shards, and three.
    for batch in [200, 300] {
        let spec = GanSpec { batch, ..small() };
        let one = train(&spec, &rows, 4, 1, 1).unwrap();
        assert_eq!(one, train(&spec, &rows, 4, 2, 1).unwrap());
        assert_eq!(one, train(&spec, &rows, 4, 3, 1).unwrap());
        assert_ne!(one, train(&spec, &rows, 4, 1, 2).unwrap());
    }
}

#[test]
fn both_modes_are_covered_as_often_as_each_condition_has_them() {
    let spec = small();
    let gan = train(&spec, &two_modes(2000), spec.steps, 2, 3).unwrap();
    for (condition, share) in [(0, 0.5), (1, 0.1)] {
        let (numbers, levels) = gan.generate(&[condition; 4000], &mut Rng::new(1)).unwrap();
        let upper = f64::from(levels.iter().sum::<u32>()) / 4000.0;
        assert!((upper - share).abs() < 0.06, "{condition}: {upper}");
        // 30 % of all rows are of the upper mode: their scores are above .52.
        let agree = numbers.iter().zip(&levels).filter(|(x, l)| (**x > 0.524) == (**l == 1)).count();
        assert!(agree > 3700, "{condition}: {agree}");
        // Within the lower mode rows are spread, not one and the same.
        let low: Vec<f32> = numbers.iter().zip(&levels).filter(|(_, l)| **l == 0).map(|(x, _)| *x).collect();
        let below = low.iter().filter(|x| **x < -0.37).count() as f64 / low.len() as f64;
        assert!((below - 0.5).abs() < 0.12, "{condition}: {below}");
    }
}

#[test]
fn the_critic_prefers_what_it_was_shown() {
    let (spec, rows) = (small(), two_modes(2000));
    let gan = train(&spec, &rows, 300, 2, 4).unwrap();
    let score = |x: &[f32]| gan.criticise(x, &vec![0; x.len() / 3]).unwrap();
    let (features, real) = score(&[-0.5, 1.0, 0.0, 1.5, 0.0, 1.0]);
    let (_, wrong) = score(&[1.5, 1.0, 0.0, -0.5, 0.0, 1.0]);
    assert!(real[0] > wrong[0] && real[1] > wrong[1], "{real:?} {wrong:?}");
    assert_eq!(features.len(), 64);
    // A row alone is the row in a batch, over several blocks.
    let many = [[-0.5, 1.0, 0.0]; 700].concat();
    let all = score(&many);
    assert!(all.1.len() == 700 && all.0.len() == 700 * 32 && all.1.iter().all(|s| (s - real[0]).abs() < 1e-5));
}

#[test]
fn weights_come_back_and_hostile_ones_do_not() {
    for condition in [2, 0] {
        let mut spec = small();
        spec.layout.condition = condition;
        let gan = train(&spec, &two_modes(300), 2, 1, 5).unwrap();
        let tensors = gan.to_tensors();
        assert_eq!(Gan::from_tensors(&spec, &tensors).unwrap(), gan);
        for i in 0..tensors.len() {
            let mut bad = tensors.clone();
            bad[i].shape.push(1);
            assert_eq!(Gan::from_tensors(&spec, &bad).unwrap_err().code, Code::Corrupt);
            bad.remove(i);
            assert_eq!(Gan::from_tensors(&spec, &bad).unwrap_err().code, Code::Corrupt);
            let mut bad = tensors.clone();
            let Numbers::F32(values) = &mut bad[i].numbers else { panic!() };
            values.own()[0] = f32::NAN;
            assert_eq!(Gan::from_tensors(&spec, &bad).unwrap_err().code, Code::Corrupt);
        }
        let vast = GanSpec { hidden: vec![usize::MAX / 2, 3], ..spec.clone() };
        assert_eq!(Gan::from_tensors(&vast, &tensors).unwrap_err().code, Code::OutOfMemory);
    }
}

#[test]
fn a_rate_that_is_too_high_is_an_error_and_not_noise() {
    let spec = GanSpec { learning_rate: 30.0, ..small() };
    let e = train(&spec, &two_modes(300), 200, 1, 6).unwrap_err();
    assert_eq!((e.code, e.message.as_str()), (Code::Data, "training diverged"));
    assert!(train(&small(), &MixedRows::default(), 1, 1, 1).is_err());
    // One row is few, but no fault of the engine.
    let spec = small();
    let gan = train(&spec, &two_modes(1), 3, 1, 7).unwrap();
    assert!(gan.generate(&[0; 5], &mut Rng::new(1)).unwrap().0.iter().all(|x| x.is_finite()));
}
