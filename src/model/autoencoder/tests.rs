use super::*;
use crate::base::{Budget, Numbers, Pool, Quiet, Tensor};
use crate::dataset::encode::NONE;
use crate::model::autoencoder::Scratch;
use crate::nn::check::gradient_check;

fn with<R>(threads: usize, seed: u64, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed, pool: &pool, budget: &budget, watch: &Quiet })
}

fn fields() -> Vec<Field> {
    vec![
        Field::Numbers(0..1),
        Field::Category { at: 0, levels: 3, places: 4 },
        Field::Numbers(1..3),
        Field::Category { at: 1, levels: 4, places: 12 },
    ]
}

/// Rows in which the second category follows from the first, and the second column of numbers from the first.
fn rows(n: usize) -> Coded {
    let mut r = Rng::new(5);
    let mut c = Coded::default();
    for _ in 0..n {
        let (x, k) = (r.normal() as f32, r.below(4) as u32);
        c.numbers.extend([x, x + 0.1 * r.normal() as f32, -x]);
        let hole = r.uniform() < 0.05;
        let second = if k == 3 { [4 + r.below(8) as u32, 5] } else { [k, NONE] };
        c.places.extend([if hole { [NONE; 2] } else { [k, NONE] }, second]);
        c.missing.extend([0, u8::from(hole), 0, 0]);
    }
    c
}

fn params(variational: f32, noise: f32) -> Params {
    Params {
        width: 3,
        hidden: vec![24, 12],
        noise,
        variational,
        balance: 0.7,
        epochs: Some(30),
        batch: 200,
        learning_rate: 1e-2,
        weight_decay: 0.01,
    }
}

fn fit(own: &Params, threads: usize, seed: u64) -> (Autoencoder, Vec<Epoch>) {
    let coded = rows(1000);
    let of = Rows { coded: &coded, count: 800 };
    let holdout = rows(1000);
    let valid = Rows { coded: &holdout, count: 300 };
    let (a, curve, _) = with(threads, seed, |ctx| Autoencoder::fit(&fields(), of, Some(valid), &[0.0; 3], own, ctx)).unwrap();
    (a, curve)
}

#[test]
fn the_gradient_of_the_whole_network_is_that_of_its_loss() {
    let coded = rows(5);
    let of = Rows { coded: &coded, count: 5 };
    for (variational, noise) in [(0.0, 0.0), (0.0, 0.4), (0.3, 0.2)] {
        let own = Params { hidden: vec![5], width: 2, ..params(variational, noise) };
        let shape = Shape::new(&fields(), &own.hidden, own.width, variational > 0.0).unwrap();
        let mut start = zeros(shape.parameters()).unwrap();
        shape.init(&mut start, &mut Rng::new(1));
        let at = |params: &[f32]| {
            let mut t = Training {
                shape: &shape,
                own: &own,
                rows: of,
                valid: None,
                weight: &[0.5, 1.0, 2.0],
                blank: &[0.1; 3],
                params: params.to_vec(),
                gradient: zeros(params.len()).unwrap(),
                adam: Adam::new(AdamSpec::default(), params.len()).unwrap(),
                steps: 1,
                shards: vec![Shard::new(&shape, 5, true).unwrap()],
            };
            let loss = with(1, 3, |ctx| t.batch(&[0, 1, 2, 3, 4], 7, ctx)).unwrap();
            (loss, t.gradient)
        };
        let gradient = at(&start).1;
        gradient_check(&start, &gradient, |p| at(p).0, 1e-3, &format!("{variational} {noise}"));
    }
}

#[test]
fn rows_come_back_and_one_row_as_in_a_batch() {
    for variational in [0.0, 0.01] {
        let own = params(variational, 0.1);
        let (a, curve) = fit(&own, 2, 1);
        assert_eq!(curve.len(), 30);
        assert!(curve[29].valid_loss.unwrap() < 0.4 * curve[0].valid_loss.unwrap(), "{curve:?}");
        let coded = rows(1000);
        let (mut s, mut code, mut out) = (Scratch::default(), vec![0.0; 3], Vec::new());
        let (mut apart, mut right) = (0.0, 0);
        let mut losses = 0.0;
        for r in 0..300 {
            let (numbers, places, missing) = (&coded.numbers[r * 3..][..3], &coded.places[r * 2..][..2], &coded.missing[r * 4..][..4]);
            a.encode(numbers, places, missing, &mut s, &mut code);
            a.decode(&code, &mut s, &mut out);
            apart += f64::from(out[a.part(0)][0] - numbers[0]).powi(2) / 300.0;
            let logits = &out[a.part(3)];
            right += usize::from(crate::dataset::encode::likeliest(logits) == (places[1][0] as usize).min(4));
            losses += (0..4).filter(|i| missing[*i] == 0).map(|i| a.error(i, numbers, places, &out)).sum::<f64>();
        }
        assert!(apart < 0.2 && right > 280, "{variational}: {apart} {right}");
        // the sum of the columns' errors is the loss that training watched
        let best = curve.iter().filter_map(|e| e.valid_loss).fold(f64::INFINITY, f64::min);
        assert!((losses / 300.0 - best).abs() < 1e-3 * best, "{} {best}", losses / 300.0);
    }
}

#[test]
fn threads_change_no_bit_and_seeds_do() {
    let own = Params { batch: 700, epochs: Some(3), ..params(0.1, 0.2) };
    let (a, b, c) = (fit(&own, 1, 4).0, fit(&own, 3, 4).0, fit(&own, 2, 5).0);
    assert_eq!(a, b);
    assert_ne!(a, c);
}

#[test]
fn hidden_columns_are_filled_in() {
    let (a, _) = fit(&params(0.0, 0.3), 2, 1);
    let (mut s, mut code, mut out) = (Scratch::default(), vec![0.0; 3], Vec::new());
    // the second category is missing, the first says what it is; so with the numbers
    for k in 0..3 {
        a.encode(&[0.0, 1.5, -1.5], &[[k, NONE], [NONE; 2]], &[1, 0, 0, 1], &mut s, &mut code);
        a.decode(&code, &mut s, &mut out);
        assert_eq!(crate::dataset::encode::likeliest(&out[a.part(3)]), k as usize);
        assert!(out[a.part(0)][0] > 0.5, "{out:?}");
    }
}

#[test]
fn stored_networks_come_back_and_hostile_ones_do_not() {
    let own = Params { epochs: Some(1), ..params(0.0, 0.0) };
    let (a, _) = fit(&own, 1, 1);
    let load = |t: &[Tensor], hidden: &[usize]| Autoencoder::from_tensors("x.", &fields(), hidden, 3, false, t);
    let tensors = a.to_tensors("x.");
    assert_eq!(load(&tensors, &[24, 12]).unwrap(), a);
    assert_eq!(load(&tensors, &[24, 13]).unwrap_err().code, Code::Corrupt);
    assert_eq!(load(&tensors, &[usize::MAX / 3, 12]).unwrap_err().code, Code::OutOfMemory);
    assert_eq!(load(&tensors[1..], &[24, 12]).unwrap_err().code, Code::Corrupt);
    let mut bad = tensors.clone();
    bad[2].numbers = Numbers::I64(vec![0; tensors[2].numbers.len()].into());
    assert_eq!(load(&bad, &[24, 12]).unwrap_err().code, Code::Corrupt);
}

#[test]
fn no_rows_and_no_memory_are_errors() {
    let coded = Coded::default();
    let none = Rows { coded: &coded, count: 0 };
    let own = params(0.0, 0.0);
    assert_eq!(with(1, 1, |ctx| Autoencoder::fit(&fields(), none, None, &[0.0; 3], &own, ctx)).unwrap_err().code, Code::Data);
    let (pool, budget, coded) = (Pool::single(), Budget::new(1000), rows(10));
    let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
    let of = Rows { coded: &coded, count: 10 };
    assert_eq!(Autoencoder::fit(&fields(), of, None, &[0.0; 3], &own, &ctx).unwrap_err().code, Code::OutOfMemory);
}
