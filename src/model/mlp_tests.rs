//! Tests of the MLP.

use super::*;
use crate::base::{Watch, packed};

fn with<R>(seed: u64, threads: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed, pool: &pool, budget: &budget, watch: &Quiet })
}

/// Rows whose label hangs on the product of two columns, which no linear model can learn.
fn crossed(n: usize, seed: u64) -> (Array2<f32>, Vec<f32>) {
    let mut rng = Rng::new(seed);
    let x = Array2::from_shape_fn((n, 4), |_| rng.normal() as f32);
    let y = x.rows().into_iter().map(|r| f32::from(r[0] * r[1] + 0.1 * r[2] > 0.0)).collect();
    (x, y)
}

fn accuracy(m: &Mlp, x: &Array2<f32>, y: &[f32]) -> f64 {
    let z = m.logits(x.view(), &Pool::single()).unwrap();
    z.iter().zip(y).filter(|(z, y)| (**z > 0.0) == (**y > 0.5)).count() as f64 / y.len() as f64
}

#[test]
fn learns_what_no_linear_model_can() {
    let ((x, y), (v, w)) = (crossed(4000, 1), crossed(1000, 2));
    let spec = MlpSpec { batch: 64, learning_rate: 5e-3, ..MlpSpec::new(4, 1, Loss::Bce) };
    let fit = |spec: &MlpSpec| {
        with(3, 2, |ctx| Mlp::fit(x.view(), Targets::Binary(&y), None, Some((v.view(), Targets::Binary(&w))), spec, ctx)).unwrap()
    };
    let (m, epochs, best) = fit(&spec);
    assert!(accuracy(&m, &v, &w) > 0.95, "{}", accuracy(&m, &v, &w));
    assert!(best >= 1 && best <= epochs.len() && epochs[best - 1].valid_loss.unwrap() < 0.2);
    let (linear, ..) = fit(&MlpSpec { hidden: vec![], ..spec.clone() });
    assert!(accuracy(&linear, &v, &w) < 0.7);
    let (dropped, ..) = fit(&MlpSpec { dropout: 0.2, ..spec });
    assert!(accuracy(&dropped, &v, &w) > 0.9);
}

#[test]
fn threads_change_no_bit_and_the_seed_does() {
    let (x, y) = crossed(1500, 1);
    let spec = MlpSpec { batch: 400, dropout: 0.1, epochs: 3, ..MlpSpec::new(4, 1, Loss::Bce) };
    let fit = |seed, threads| with(seed, threads, |ctx| Mlp::fit(x.view(), Targets::Binary(&y), None, None, &spec, ctx)).unwrap().0.params;
    let one = fit(1, 1);
    assert_eq!(one, fit(1, 2));
    assert_eq!(one, fit(1, 3));
    assert_ne!(one, fit(2, 1));
}

#[test]
fn classes_and_values_are_learned() {
    let mut rng = Rng::new(5);
    let x = Array2::from_shape_fn((3000, 2), |_| rng.normal() as f32);
    let class: Vec<u32> = x.rows().into_iter().map(|r| u32::from(r[0] > 0.3) + u32::from(r[1] > 0.0)).collect();
    let value: Vec<f32> = x.rows().into_iter().map(|r| 3.0 * r[0] - r[1] + 2.0).collect();
    let spec = MlpSpec { learning_rate: 1e-2, epochs: 10, ..MlpSpec::new(2, 3, Loss::SoftmaxCe) };
    let (m, ..) = with(1, 1, |ctx| Mlp::fit(x.view(), Targets::Class(&class, 3), None, None, &spec, ctx)).unwrap();
    let z = m.logits(x.view(), &Pool::new(2).unwrap()).unwrap();
    let best = |r: ndarray::ArrayView1<'_, f32>| (0..3).max_by(|a, b| r[*a].total_cmp(&r[*b])).unwrap() as u32;
    let right = z.rows().into_iter().zip(&class).filter(|(r, c)| best(*r) == **c).count();
    assert!(right > 2850, "{right}");

    let spec = MlpSpec { hidden: vec![], batch: 32, learning_rate: 2e-2, epochs: 20, ..MlpSpec::new(2, 1, Loss::Mse) };
    let (m, ..) = with(1, 1, |ctx| Mlp::fit(x.view(), Targets::Value(&value), None, None, &spec, ctx)).unwrap();
    let t = m.to_tensors("");
    assert_eq!(t[0].shape, [2, 1]);
    let Numbers::F32(w) = &t[0].numbers else { panic!() };
    assert!((w[0] - 3.0).abs() < 1e-2 && (w[1] + 1.0).abs() < 1e-2, "{w:?}");
}

#[test]
fn weights_count() {
    // The same rows with both labels: only the weights decide.
    let x = Array2::from_elem((1000, 1), 1.0);
    let y: Vec<f32> = (0..1000).map(|i| (i % 2) as f32).collect();
    let w: Vec<f32> = (0..1000).map(|i| if i % 2 == 1 { 3.0 } else { 1.0 }).collect();
    let spec = MlpSpec { hidden: vec![], learning_rate: 1e-2, epochs: 100, ..MlpSpec::new(1, 1, Loss::Bce) };
    let (m, ..) = with(1, 1, |ctx| Mlp::fit(x.view(), Targets::Binary(&y), Some(&w), None, &spec, ctx)).unwrap();
    let z = m.logits_row(&[1.0], &mut Scratch::default())[0];
    assert!((z - 3.0f32.ln()).abs() < 0.05, "{z}");
    let bad = with(1, 1, |ctx| Mlp::fit(x.view(), Targets::Binary(&y), Some(&[0.0; 1000]), None, &spec, ctx)).unwrap_err();
    assert_eq!(bad.code, Code::Data);
}

#[test]
fn one_row_and_many_rows_agree_and_tensors_come_back() {
    let (x, y) = crossed(300, 1);
    let spec = MlpSpec { epochs: 1, ..MlpSpec::new(4, 1, Loss::Bce) };
    let (m, ..) = with(1, 1, |ctx| Mlp::fit(x.view(), Targets::Binary(&y), None, None, &spec, ctx)).unwrap();
    let many = m.logits(x.view(), &Pool::new(2).unwrap()).unwrap();
    let columns_first = x.t().as_standard_layout().into_owned();
    assert_eq!(m.logits(columns_first.t(), &Pool::single()).unwrap(), many);
    let mut s = Scratch::default();
    for (row, z) in x.rows().into_iter().zip(&many) {
        assert!((m.logits_row(row.as_slice().unwrap(), &mut s)[0] - z).abs() < 1e-5);
    }
    let mut t = m.to_tensors("holdout.");
    assert_eq!(t[0].name, "holdout.layer1.weight");
    assert_eq!(Mlp::from_tensors("holdout.", &spec, &t).unwrap(), m);
    let laid = packed::in_memory(&[m.laid_out("holdout.")]).unwrap();
    assert_eq!(Mlp::from_tensors("holdout.", &spec, &laid).unwrap(), m);
    assert_eq!(Mlp::from_tensors("", &spec, &t).unwrap_err().code, Code::Corrupt);
    assert_eq!(Mlp::from_tensors("holdout.", &MlpSpec { hidden: vec![64], ..spec.clone() }, &t).unwrap_err().code, Code::Corrupt);
    let Numbers::F32(w) = &mut t[0].numbers else { panic!() };
    w.own()[0] = f32::NAN;
    assert_eq!(Mlp::from_tensors("holdout.", &spec, &t).unwrap_err().code, Code::Corrupt);
}

#[test]
fn a_network_that_is_too_large_is_refused_before_it_is_allocated() {
    let (x, y) = crossed(10, 1);
    let (pool, budget) = (Pool::single(), Budget::new(4 << 30));
    let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
    for hidden in [vec![1_000_000_000], vec![usize::MAX / 2], vec![1 << 40, 1 << 40]] {
        let spec = MlpSpec { hidden, ..MlpSpec::new(4, 1, Loss::Bce) };
        assert_eq!(Mlp::fit(x.view(), Targets::Binary(&y), None, None, &spec, &ctx).unwrap_err().code, Code::OutOfMemory);
    }
    let spec = MlpSpec { hidden: vec![100], ..MlpSpec::new(4, 1, Loss::Bce) };
    Mlp::fit(x.view(), Targets::Binary(&y), None, None, &spec, &ctx).unwrap();
    assert!(budget.peak() > 10_000 && budget.peak() < 10_000_000);
}

#[test]
fn bad_settings_and_no_rows_are_errors() {
    let (x, y) = crossed(10, 1);
    let good = MlpSpec::new(4, 1, Loss::Bce);
    let code = |spec: MlpSpec, rows: usize| {
        let x = x.slice(ndarray::s![..rows, ..]);
        with(1, 1, |ctx| Mlp::fit(x, Targets::Binary(&y[..rows]), None, None, &spec, ctx)).unwrap_err().code
    };
    assert_eq!(code(good.clone(), 0), Code::Data);
    assert_eq!(code(MlpSpec { dropout: 1.0, ..good.clone() }, 10), Code::InvalidParameter);
    assert_eq!(code(MlpSpec { learning_rate: f32::NAN, ..good.clone() }, 10), Code::InvalidParameter);
    assert_eq!(code(MlpSpec { batch: 0, ..good.clone() }, 10), Code::InvalidParameter);
    assert_eq!(code(MlpSpec { hidden: vec![3, 0], ..good.clone() }, 10), Code::InvalidParameter);
    assert_eq!(code(MlpSpec { learning_rate: 1e30, ..good }, 10), Code::Data);
}

#[test]
fn a_cancel_stops_it() {
    struct Now;
    impl Watch for Now {
        fn cancelled(&self) -> bool {
            true
        }
        fn epoch(&self, _: &Epoch) {}
    }
    let (x, y) = crossed(10, 1);
    let (pool, budget) = (Pool::single(), Budget::unlimited());
    let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Now };
    let e = Mlp::fit(x.view(), Targets::Binary(&y), None, None, &MlpSpec::new(4, 1, Loss::Bce), &ctx).unwrap_err();
    assert_eq!(e.code, Code::Cancelled);
}
