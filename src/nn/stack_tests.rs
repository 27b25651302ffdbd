//! Tests of the stack of layers.

use super::*;
use crate::nn::check::gradient_check;

fn normals(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    (0..n).map(|_| rng.normal() as f32).collect()
}

/// The gradient of Σ c·output by every parameter, against differences.
fn check(widths: &[usize], hidden: Activation, rate: f32) {
    let s = Stack::new(widths, hidden, Activation::Identity).unwrap();
    let rows = 5;
    let (x, c) = (normals(rows * widths[0], 1), normals(rows * s.outputs(), 2));
    let mut params = vec![0.0; s.parameters()];
    s.init(&mut params, &mut Rng::new(3));
    let forward = |p: &[f32]| {
        let mut w = s.workspace(rows, true).unwrap();
        let mut drop = Dropout { rate, rng: Rng::new(9) };
        s.forward(p, &x, rows, &mut w, (rate > 0.0).then_some(&mut drop));
        w
    };
    let value = |p: &[f32]| forward(p).result().iter().zip(&c).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum();
    let mut work = forward(&params);
    work.result().copy_from_slice(&c);
    let (mut turned, mut gradient) = (vec![0.0; s.turned_size()], vec![f32::NAN; s.parameters()]);
    s.turn(&params, &mut turned);
    s.backward(&params, &turned, &x, rows, &mut work, &mut gradient);
    // ReLU has corners, which a small step seldom crosses; the others are smooth.
    let step = if hidden == Activation::Relu { 1e-3 } else { 1e-2 };
    gradient_check(&params, &gradient, value, step, &format!("{widths:?} {hidden:?} {rate}"));
}

#[test]
fn every_gradient_is_that_of_its_stack() {
    for hidden in [Activation::Relu, Activation::Sigmoid, Activation::Tanh] {
        check(&[3, 4, 2, 1], hidden, 0.0);
        check(&[3, 7, 5], hidden, 0.4);
        check(&[4, 2], hidden, 0.0);
    }
    // A middle layer of one, and one whose transposed weights are not copied.
    check(&[3, 1, 2], Activation::Tanh, 0.0);
    check(&[1, 130, 140, 1], Activation::Tanh, 0.0);
}

#[test]
fn a_row_alone_is_the_row_in_a_batch() {
    for widths in [&[20, 64, 32, 1][..], &[5, 3], &[7, 9, 4]] {
        let s = Stack::new(widths, Activation::Relu, Activation::Identity).unwrap();
        let mut params = vec![0.0; s.parameters()];
        s.init(&mut params, &mut Rng::new(3));
        let x = normals(6 * widths[0], 4);
        let mut w = s.workspace(6, false).unwrap();
        s.forward(&params, &x, 6, &mut w, None);
        let (mut a, mut b) = (vec![0.0; 64], vec![0.0; 64]);
        for (row, y) in x.chunks(widths[0]).zip(w.result().chunks(s.outputs())) {
            let out = if s.row(&params, row, &mut a, &mut b) { &a } else { &b };
            assert!(out.iter().zip(y).all(|(p, q)| (p - q).abs() < 1e-5));
        }
    }
}

#[test]
fn sparse_inputs_are_dense_ones_that_are_mostly_zero() {
    struct Rows;
    impl Sparse for Rows {
        fn of(&self, row: usize) -> impl Iterator<Item = (usize, f32)> {
            [(row % 6, 0.5 + row as f32), (6 + row % 3, -1.5)].into_iter().take(row.min(2))
        }
    }
    for widths in [&[3, 7, 2][..], &[0, 5, 4, 1], &[2, 3]] {
        let dense = Stack::new(&[&[widths[0] + 9], &widths[1..]].concat(), Activation::Relu, Activation::Identity).unwrap();
        let both = Stack::new(widths, Activation::Relu, Activation::Identity).unwrap().with_sparse(9, 0).unwrap();
        assert_eq!(both.parameters(), dense.parameters());
        let (rows, d, h) = (6, widths[0], widths[1]);
        let x = normals(rows * d, 1);
        let mut all = vec![0.0; rows * (d + 9)];
        for r in 0..rows {
            all[r * (d + 9)..][..d].copy_from_slice(&x[r * d..][..d]);
            Rows.of(r).for_each(|(i, v)| all[r * (d + 9) + d + i] = v);
        }
        let mut params = vec![0.0; both.parameters()];
        both.init(&mut params, &mut Rng::new(3));
        // In the dense one, the weights of the nine stand right behind the others of the first layer.
        let moved = |p: &[f32]| [&p[..d * h], &p[both.sparse_weight()], &p[d * h..both.sparse_weight().start]].concat();
        let same = moved(&params);
        let (mut v, mut w) = (both.workspace(rows, false).unwrap(), dense.workspace(rows, false).unwrap());
        both.forward_sparse(&params, (&x, &Rows), rows, &mut v, None);
        dense.forward(&same, &all, rows, &mut w, None);
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(close(v.result(), w.result()));
        let (mut a, mut b) = (vec![0.0; 64], vec![0.0; 64]);
        for r in 0..rows {
            let entries: Vec<_> = Rows.of(r).collect();
            let out = if both.row_sparse(&params, &x[r * d..][..d], &entries, &mut a, &mut b) { &a } else { &b };
            assert!(close(&out[..both.outputs()], &v.result()[r * both.outputs()..]));
        }
        let turn = |s: &Stack, p: &[f32]| {
            let mut t = vec![0.0; s.turned_size()];
            s.turn(p, &mut t);
            t
        };
        let (mut g, mut f) = (vec![f32::NAN; params.len()], vec![f32::NAN; params.len()]);
        both.backward_sparse(&params, &turn(&both, &params), (&x, &Rows), rows, &mut v, &mut g);
        dense.backward(&same, &turn(&dense, &same), &all, rows, &mut w, &mut f);
        assert!(close(&moved(&g), &f), "{widths:?}");
    }
}

#[test]
fn sparse_inputs_become_factors() {
    struct Rows;
    impl Sparse for Rows {
        fn of(&self, row: usize) -> impl Iterator<Item = (usize, f32)> {
            [(row % 6, 0.5 + row as f32), (6 + row % 3, -1.5)].into_iter().take(row.min(2))
        }
    }
    let (rows, factors) = (6, 2);
    for widths in [&[3 + factors, 7, 2][..], &[factors, 5, 4, 1]] {
        let s = Stack::new(widths, Activation::Tanh, Activation::Identity).unwrap().with_sparse(9, factors).unwrap();
        let d = s.inputs();
        assert_eq!(d, widths[0] - factors);
        let (x, c) = (normals(rows * d, 1), normals(rows * s.outputs(), 2));
        let mut params = normals(s.parameters(), 4);
        s.init(&mut params, &mut Rng::new(3));
        let forward = |p: &[f32]| {
            let mut w = s.workspace(rows, false).unwrap();
            s.forward_sparse(p, (&x, &Rows), rows, &mut w, None);
            w
        };
        let value = |p: &[f32]| forward(p).result().iter().zip(&c).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum();
        let mut work = forward(&params);
        let scores = work.result().to_vec();
        work.result().copy_from_slice(&c);
        let (mut turned, mut gradient) = (vec![0.0; s.turned_size()], vec![f32::NAN; s.parameters()]);
        s.turn(&params, &mut turned);
        s.backward_sparse(&params, &turned, (&x, &Rows), rows, &mut work, &mut gradient);
        gradient_check(&params, &gradient, value, 1e-2, &format!("{widths:?}"));
        let (mut a, mut b) = (vec![0.0; s.width()], vec![0.0; s.width()]);
        for (r, y) in scores.chunks(s.outputs()).enumerate() {
            let entries: Vec<_> = Rows.of(r).collect();
            let out = if s.row_sparse(&params, &x[r * d..][..d], &entries, &mut a, &mut b) { &a } else { &b };
            assert!(out.iter().zip(y).all(|(p, q)| (p - q).abs() < 1e-5));
        }
    }
}

#[test]
fn an_impossible_size_is_an_error() {
    let e = Stack::new(&[usize::MAX / 2, 3, 1], Activation::Relu, Activation::Identity).unwrap_err();
    assert_eq!(e.code, Code::OutOfMemory);
}
