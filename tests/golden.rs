//! Optimisers and losses against figures from PyTorch 2.15 in 64 bits, and the models without a hidden layer against linfa.

#![allow(clippy::unwrap_used)]

use linfa::traits::Fit;
use ndarray::{Array1, Array2};
use pg_affinity::base::{Budget, Context, Numbers, Pool, Quiet, Rng};
use pg_affinity::model::mlp::{Mlp, MlpSpec};
use pg_affinity::nn::{Adam, AdamSpec, Loss, Targets};

fn near(a: &[f32], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        assert!((f64::from(*x) - y).abs() < tolerance, "{a:?} against {b:?}");
    }
}

#[test]
fn adam_and_adamw_step_as_torch_does() {
    let steps = [[0.1, -0.2, 0.0], [0.3, 0.4, -1.0], [-0.5, 0.1, 2.0], [0.2, -0.3, 0.7]];
    for (weight_decay, expected) in [(0.0, [0.981817739, -1.997479899, 0.500104684]), (0.1, [0.977870442, -1.989510386, 0.49809595])] {
        let mut adam = Adam::new(AdamSpec { learning_rate: 0.01, weight_decay, ..AdamSpec::default() }, 3).unwrap();
        let mut w = [1.0, -2.0, 0.5];
        for g in steps {
            // A sum over four rows, halved twice on the way.
            adam.step(&mut w, &g.map(|g: f32| g * 4.0), 0.25, &Pool::single());
        }
        near(&w, &expected, 1e-6);
    }
}

#[test]
fn losses_and_their_gradients_are_those_of_torch() {
    let mut z = [0.3, -1.2, 2.5, 0.0];
    let loss = Loss::Bce.gradient(&mut z, 1, Targets::Binary(&[1.0, 0.0, 1.0, 0.3]), None, &[0, 1, 2, 3]);
    near(&[loss as f32], &[1.5896746266590531], 1e-6);
    near(&z, &[-0.425557483, 0.231475217, -0.07585818, 0.2], 1e-6);

    let mut z = [0.3, -1.2, 2.5, 0.0, 1.0, -0.5];
    let loss = Loss::SoftmaxCe.gradient(&mut z, 3, Targets::Class(&[2, 0], 3), None, &[0, 1]);
    near(&[loss as f32], &[1.5914653669084307], 1e-6);
    near(&z, &[0.097578648, 0.021772739, -0.119351387, -0.768776102, 0.628531719, 0.140244383], 1e-6);

    let mut z = [0.3, -1.2, 2.5];
    let loss = Loss::Mse.gradient(&mut z, 1, Targets::Value(&[1.0, 0.0, -1.0]), None, &[0, 1, 2]);
    near(&[loss as f32], &[14.18], 1e-5);
    near(&z, &[-1.4, -2.4, 7.0], 1e-5);
}

/// Weights and bias of our model without a hidden layer, after full-batch steps that have long converged.
fn linear(x: &Array2<f32>, y: Targets<'_>, loss: Loss) -> Vec<f32> {
    let spec = MlpSpec { hidden: vec![], epochs: 4000, batch: x.nrows(), learning_rate: 5e-3, ..MlpSpec::new(x.ncols(), 1, loss) };
    let (pool, budget) = (Pool::single(), Budget::unlimited());
    let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
    let (model, ..) = Mlp::fit(x.view(), y, None, None, &spec, &ctx).unwrap();
    let numbers = |n: &Numbers| if let Numbers::F32(v) = n { v.to_vec() } else { Vec::new() };
    model.to_tensors("").iter().flat_map(|t| numbers(&t.numbers)).collect()
}

fn normals(rows: usize, columns: usize) -> (Array2<f32>, Rng) {
    let mut rng = Rng::new(11);
    (Array2::from_shape_fn((rows, columns), |_| rng.normal() as f32), rng)
}

#[test]
fn logistic_regression_is_that_of_linfa() {
    let (x, mut rng) = normals(600, 3);
    let y: Array1<f32> =
        x.rows().into_iter().map(|r| f32::from(rng.uniform() < 1.0 / (1.0 + f64::exp(f64::from(0.5 - r[0] + 2.0 * r[1]))))).collect();
    let ours = linear(&x, Targets::Binary(y.as_slice().unwrap()), Loss::Bce);
    let data = linfa::Dataset::new(x.mapv(f64::from), y.mapv(|y| y > 0.5));
    let theirs = linfa_logistic::LogisticRegression::new().alpha(0.0).max_iterations(1000).gradient_tolerance(1e-8).fit(&data).unwrap();
    let sign = if theirs.labels().pos.class { 1.0 } else { -1.0 };
    let expected: Vec<f64> = theirs.params().iter().chain([&theirs.intercept()]).map(|w| w * sign).collect();
    near(&ours, &expected, 2e-3);
}

#[test]
fn linear_regression_is_that_of_linfa() {
    let (x, mut rng) = normals(300, 3);
    let y: Array1<f32> = x.rows().into_iter().map(|r| r[0] - 2.0 * r[1] + 0.3 + rng.normal() as f32).collect();
    let ours = linear(&x, Targets::Value(y.as_slice().unwrap()), Loss::Mse);
    let data = linfa::Dataset::new(x.mapv(f64::from), y.mapv(f64::from));
    let theirs = linfa_linear::LinearRegression::new().fit(&data).unwrap();
    let expected: Vec<f64> = theirs.params().iter().chain([&theirs.intercept()]).copied().collect();
    near(&ours, &expected, 2e-3);
}
