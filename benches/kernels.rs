//! Criterion benches of the kernels, and of what stands on them: one row through a network, an epoch of mini-batches, a folded-in history.

#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use half::f16;
use ndarray::ArrayView2;
use pg_affinity::base::{Budget, Context, Pool, Quiet, Rng};
use pg_affinity::kernel::dense::Product;
use pg_affinity::kernel::{self, AdamStep};
use pg_affinity::model::mlp::{Mlp, MlpSpec, Scratch};
use pg_affinity::nn::{Loss, Targets};
use std::hint::black_box;

fn normals(n: usize) -> Vec<f32> {
    let mut rng = Rng::new(1);
    (0..n).map(|_| rng.normal() as f32).collect()
}

fn vectors(c: &mut Criterion) {
    let mut g = c.benchmark_group(format!("vectors, {}", kernel::instruction_set()));
    let (x, mut y) = (normals(600), normals(600));
    let half: Vec<f16> = x.iter().map(|x| f16::from_f32(*x)).collect();
    g.throughput(Throughput::Elements(600));
    g.bench_function("dot 600", |b| b.iter(|| kernel::dot(black_box(&x), black_box(&y))));
    g.bench_function("dot_f16 600", |b| b.iter(|| kernel::dot_f16(black_box(&x), black_box(&half))));
    g.bench_function("axpy 600", |b| b.iter(|| kernel::axpy(0.1, black_box(&x), &mut y)));
    g.bench_function("tanh 600", |b| b.iter_batched_ref(|| x.clone(), |x| kernel::tanh(x), BatchSize::SmallInput));
    g.bench_function("softmax 600", |b| b.iter_batched_ref(|| x.clone(), |x| kernel::softmax(x), BatchSize::SmallInput));
    let scores = normals(100_000);
    g.throughput(Throughput::Elements(100_000));
    g.bench_function("top 20 of 100000", |b| b.iter(|| kernel::top_k(black_box(&scores), 20, None)));
    let n = 3457;
    let (grad, mut m, mut v, mut w) = (normals(n), vec![0.0; n], vec![0.0; n], normals(n));
    let step = AdamStep { beta1: 0.9, beta2: 0.999, rate: 1e-3, root: 1.0, epsilon: 1e-8, keep: 1.0, scale: 0.03 };
    g.throughput(Throughput::Elements(n as u64));
    g.bench_function("adam 3457", |b| b.iter(|| kernel::adam(step, black_box(&grad), &mut m, &mut v, &mut w)));
}

fn products(c: &mut Criterion) {
    let mut g = c.benchmark_group("products");
    // The products of 20-64-32-1 at batch 32, and those of a Mult-VAE's last layer at batch 500.
    for (m, n, k) in [(32, 64, 20), (32, 32, 64), (500, 232, 600)] {
        let (a, b, mut out) = (normals(m * k), normals(k * n), vec![0.0; m * n]);
        // Elements are multiply-adds.
        g.throughput(Throughput::Elements((m * n * k) as u64));
        let p = Product::new(m, n, k, &a, &b);
        g.bench_function(format!("small {m}x{n}x{k}"), |x| x.iter(|| kernel::product(black_box(&p), &mut out)));
        g.bench_function(format!("blocked {m}x{n}x{k}"), |x| x.iter(|| kernel::product_blocked(black_box(&p), 1, &mut out)));
    }
}

fn networks(c: &mut Criterion) {
    let mut g = c.benchmark_group("mlp 20-64-32-1");
    let rows = 8192;
    let x = normals(rows * 20);
    let y: Vec<f32> = x.chunks(20).map(|r| f32::from(r[0] * r[1] > 0.0)).collect();
    let view = ArrayView2::from_shape((rows, 20), &x).unwrap();
    let (pool, budget) = (Pool::single(), Budget::unlimited());
    let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
    let fit = |batch| {
        let spec = MlpSpec { batch, epochs: 1, ..MlpSpec::new(20, 1, Loss::Bce) };
        Mlp::fit(view, Targets::Binary(&y), None, None, &spec, &ctx).unwrap().0
    };
    g.throughput(Throughput::Elements(rows as u64));
    for batch in [32, 1024] {
        g.bench_function(format!("an epoch of 8192 rows in batches of {batch}"), |b| b.iter(|| fit(batch)));
    }
    let model = fit(256);
    g.bench_function("logits of 8192 rows", |b| b.iter(|| model.logits(view, &pool).unwrap()));
    let mut scratch = Scratch::default();
    g.throughput(Throughput::Elements(1));
    g.bench_function("logits of a row", |b| b.iter(|| model.logits_row(black_box(&x[..20]), &mut scratch)[0]));
}

criterion_group!(benches, vectors, products, networks);
criterion_main!(benches);
