//! The products of a dense layer, for matrices that the caches hold: one row times a matrix, and a batch times a matrix.
//!
//! No packing and no threads: at 20-64-32-1 and batch 32 a call takes a microsecond, less than a general GEMM needs to begin.
//! `linalg` sends large matrices to a blocked GEMM instead.

use super::simd::{Simd, kernel};

/// What a product's result begins with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start<'a> {
    /// 0: the result is the product.
    Zero,
    /// What the result holds: the product is added.
    Keep,
    /// A row of `n` numbers, the same for every row of the result: a layer's bias.
    Row(&'a [f32]),
}

/// C = start + A·B, then ReLU if asked. A is `m` × `k` with any strides, B is `k` × `n` and C `m` × `n`, both with contiguous rows.
#[derive(Debug, Clone, Copy)]
pub struct Product<'a> {
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A, rows of B.
    pub k: usize,
    /// The elements of A: (i, j) is at `i · a_row + j · a_column`.
    pub a: &'a [f32],
    /// From one row of A to the next.
    pub a_row: usize,
    /// From one column of A to the next.
    pub a_column: usize,
    /// The elements of B.
    pub b: &'a [f32],
    /// From one row of B to the next.
    pub b_row: usize,
    /// From one row of C to the next.
    pub c_row: usize,
    /// What C begins with.
    pub start: Start<'a>,
    /// Whether negative results become 0.
    pub relu: bool,
}

impl<'a> Product<'a> {
    /// A·B for row-major matrices without gaps.
    pub fn new(m: usize, n: usize, k: usize, a: &'a [f32], b: &'a [f32]) -> Self {
        Self { m, n, k, a, a_row: k, a_column: 1, b, b_row: n, c_row: n, start: Start::Zero, relu: false }
    }

    /// Aᵀ·B for row-major A (`k` × `m`) and B (`k` × `n`) without gaps: the gradient of a layer's weights.
    pub fn transposed(m: usize, n: usize, k: usize, a: &'a [f32], b: &'a [f32]) -> Self {
        Self { a_row: 1, a_column: m, ..Self::new(m, n, k, a, b) }
    }

    /// Whether every element lies inside its slice, those of B `b_column` apart in a row.
    pub(super) fn fits(&self, b_column: usize, c: &[f32]) -> bool {
        let end = |rows: usize, row: usize, columns: usize, column: usize| match (rows, columns) {
            (0, _) | (_, 0) => Some(0),
            _ => (rows - 1).checked_mul(row)?.checked_add((columns - 1).checked_mul(column)?)?.checked_add(1),
        };
        let inside = |end: Option<usize>, len: usize| end.is_some_and(|e| e <= len);
        inside(end(self.m, self.a_row, self.k, self.a_column), self.a.len())
            && inside(end(self.k, self.b_row, self.n, b_column), self.b.len())
            && inside(end(self.m, self.c_row, self.n, 1), c.len())
            && if let Start::Row(r) = self.start { r.len() == self.n } else { true }
    }
}

kernel! {
    /// Computes `p` into `c`. Panics where an element would lie outside its slice.
    product, product_at(p: &Product<'_>, c: &mut [f32]) => p.fits(1, c), product_portable, product_simd
}

fn product_portable(p: &Product<'_>, c: &mut [f32]) {
    // Without columns there is nothing to write, and rows may begin anywhere.
    if p.n == 0 {
        return;
    }
    for i in 0..p.m {
        let row = &mut c[i * p.c_row..][..p.n];
        match p.start {
            Start::Zero => row.fill(0.0),
            Start::Keep => {}
            Start::Row(r) => row.copy_from_slice(r),
        }
        for j in 0..p.k {
            let x = p.a[i * p.a_row + j * p.a_column];
            for (c, b) in row.iter_mut().zip(&p.b[j * p.b_row..][..p.n]) {
                *c += x * b;
            }
        }
        if p.relu {
            row.iter_mut().for_each(|c| *c = if *c > 0.0 { *c } else { 0.0 })
        }
    }
}

#[inline(always)]
unsafe fn product_simd<S: Simd>(p: &Product<'_>, c: &mut [f32]) {
    // Without rows any number of columns fits, also one that no loop comes to the end of.
    if p.m == 0 {
        return;
    }
    // A single column would use one lane of each register: take it as a row instead, where the strides allow.
    let turned;
    let p = if p.n == 1 && p.a_row == 1 && p.c_row == 1 && p.m > 1 && !matches!(p.start, Start::Row(_)) {
        turned = Product { m: 1, n: p.m, a: p.b, a_row: 0, a_column: p.b_row, b: p.a, b_row: p.a_column, c_row: p.m, ..*p };
        &turned
    } else {
        p
    };
    let mut j = 0;
    while j < p.n {
        let registers = (p.n - j).div_ceil(S::W);
        // SAFETY: the columns from `j` on, at most as many as there are; the caller vouches for the rest.
        let done = unsafe {
            if S::REGISTERS == 32 {
                // Five go as three and two: a panel of one register needs an element of A spread out for each product, one of two for every
                // second.
                match registers {
                    1 => panel::<S, 1>(p, c.as_mut_ptr(), j),
                    2 => panel::<S, 2>(p, c.as_mut_ptr(), j),
                    3 | 5 => panel::<S, 3>(p, c.as_mut_ptr(), j),
                    _ => panel::<S, 4>(p, c.as_mut_ptr(), j),
                }
            } else {
                match registers {
                    1 => panel::<S, 1>(p, c.as_mut_ptr(), j),
                    _ => panel::<S, 2>(p, c.as_mut_ptr(), j),
                }
            }
        };
        j += done;
    }
}

/// All rows of `N` registers of columns from `j` on. Returns the number of columns.
#[inline(always)]
unsafe fn panel<S: Simd, const N: usize>(p: &Product<'_>, c: *mut f32, j: usize) -> usize {
    let last = (p.n - j - (N - 1) * S::W).min(S::W);
    // SAFETY: rows below `m` and columns below `n` only; the caller checked that these lie inside the slices.
    unsafe {
        if last == S::W {
            rows::<S, N, false>(p, c, j, last);
        } else {
            rows::<S, N, true>(p, c, j, last);
        }
    }
    (N - 1) * S::W + last
}

#[inline(always)]
unsafe fn rows<S: Simd, const N: usize, const PART: bool>(p: &Product<'_>, c: *mut f32, j: usize, last: usize) {
    let mut i = 0;
    macro_rules! tiles {
        ($m:literal) => {
            while p.m - i >= $m {
                // SAFETY: rows `i` to `i + m` exist; the caller vouches for the rest.
                unsafe { tile::<S, $m, N, PART>(p, c, i, j, last) };
                i += $m;
            }
        };
    }
    // As many accumulators as the registers hold beside N of B and one of A.
    if S::REGISTERS == 32 {
        match N {
            1 | 2 => tiles!(12),
            3 => tiles!(8),
            _ => tiles!(6),
        }
    } else {
        match N {
            1 => tiles!(12),
            _ => tiles!(6),
        }
    }
    tiles!(4);
    tiles!(2);
    tiles!(1);
}

/// `M` rows from `i` on times `N` registers of columns from `j` on, of which the last has `last` columns.
#[inline(always)]
unsafe fn tile<S: Simd, const M: usize, const N: usize, const PART: bool>(p: &Product<'_>, c: *mut f32, i: usize, j: usize, last: usize) {
    // SAFETY: the caller of `product_simd` checked that every element of A, B and C lies inside its slice; rows `i` to `i + M` are below m,
    // columns `j` to `j + (N − 1) · W + last` below n, so what is read and written are elements. Those of A and B are read only for k > 0.
    unsafe {
        let load =
            |q: *const f32, r: usize| if PART && r == N - 1 { S::load_part(q.add(r * S::W), last) } else { S::load(q.add(r * S::W)) };
        let c = c.add(i * p.c_row + j);
        let mut sum = [[S::splat(0.0); N]; M];
        match p.start {
            Start::Zero => {}
            Start::Keep => {
                for (y, sum) in sum.iter_mut().enumerate() {
                    for (r, s) in sum.iter_mut().enumerate() {
                        *s = load(c.add(y * p.c_row), r);
                    }
                }
            }
            Start::Row(b) => {
                for (r, _) in [(); N].iter().enumerate() {
                    let v = load(b.as_ptr().add(j), r);
                    sum.iter_mut().for_each(|s| s[r] = v);
                }
            }
        }
        // Without a factor (k = 0) A and B may be empty and their strides anything: the pointers are then never read, and must not be
        // offset as if they were.
        let (mut a, mut b) = (p.a.as_ptr().wrapping_add(i.wrapping_mul(p.a_row)), p.b.as_ptr().wrapping_add(j));
        for _ in 0..p.k {
            let mut v = [S::splat(0.0); N];
            for (r, v) in v.iter_mut().enumerate() {
                *v = load(b, r);
            }
            for (y, sum) in sum.iter_mut().enumerate() {
                let x = S::splat(*a.add(y * p.a_row));
                for (s, v) in sum.iter_mut().zip(v) {
                    *s = S::fma(x, v, *s);
                }
            }
            a = a.wrapping_add(p.a_column);
            b = b.wrapping_add(p.b_row);
        }
        for (y, sum) in sum.iter().enumerate() {
            for (r, s) in sum.iter().enumerate() {
                let v = if p.relu { S::where_positive(*s, *s) } else { *s };
                let q = c.add(y * p.c_row + r * S::W);
                if PART && r == N - 1 {
                    S::store_part(q, last, v);
                } else {
                    S::store(q, v);
                }
            }
        }
    }
}

kernel! {
    /// out ← bias + x·W, then ReLU if asked; W is row-major, one row of `out.len()` for each element of `x`. Panics on other lengths.
    dense_row, dense_row_at(x: &[f32], w: &[f32], bias: &[f32], out: &mut [f32], relu: bool)
        => row_fits(x.len(), w.len(), bias.len(), out.len()), dense_row_portable, dense_row_simd
}

/// Whether lists of these lengths are a row, its matrix, the bias and the result; a product too large for a number fits no matrix.
fn row_fits(x: usize, w: usize, bias: usize, out: usize) -> bool {
    x.checked_mul(out) == Some(w) && bias == out
}

fn dense_row_portable(x: &[f32], w: &[f32], bias: &[f32], out: &mut [f32], relu: bool) {
    product_portable(&Product { start: Start::Row(bias), relu, ..Product::new(1, out.len(), x.len(), x, w) }, out)
}

#[inline(always)]
unsafe fn dense_row_simd<S: Simd>(x: &[f32], w: &[f32], bias: &[f32], out: &mut [f32], relu: bool) {
    let n = out.len();
    // SAFETY: columns below `n`, rows below the length of `x`; the lengths were checked by the caller.
    unsafe {
        if n == 1 {
            let y = bias[0] + super::vector::dot_simd::<S>(x, w);
            out[0] = if relu && y.is_sign_negative() { 0.0 } else { y };
            return;
        }
        let mut j = 0;
        // Registers of the row times chains: eight sums wherever the row is wide enough, four below.
        while j < n {
            match (n - j) / S::W {
                0 => strip::<S, 1, 4, true>(x, w, bias, out, relu, j),
                1 => strip::<S, 1, 4, false>(x, w, bias, out, relu, j),
                2 | 3 => strip::<S, 2, 4, false>(x, w, bias, out, relu, j),
                4..8 => strip::<S, 4, 2, false>(x, w, bias, out, relu, j),
                _ => strip::<S, 8, 1, false>(x, w, bias, out, relu, j),
            }
            j += match (n - j) / S::W {
                0 => n - j,
                1 => S::W,
                2 | 3 => 2 * S::W,
                4..8 => 4 * S::W,
                _ => 8 * S::W,
            };
        }
    }
}

/// `N` registers of a row's result from column `j` on, each of them the sum of `CHAINS`; with `PART` the one register holds what is left of
/// the row.
///
/// An FMA takes four cycles and two can start in each, so eight sums keep the units busy. Sixteen leave none of AVX2's sixteen registers
/// for the element of `x`: two of them went to memory and back for each. (A row of 20-64-32-1 took .160 µs with them on AVX2 and takes
/// .120; a part of that came from reading columns of one type in one loop.)
#[inline(always)]
unsafe fn strip<S: Simd, const N: usize, const CHAINS: usize, const PART: bool>(
    x: &[f32],
    w: &[f32],
    bias: &[f32],
    out: &mut [f32],
    relu: bool,
    j: usize,
) {
    let n = out.len();
    // SAFETY: `N` registers from column `j` on lie below `n`, or with `PART` the n − j columns that are left; `w` has a row of `n` for each
    // element of `x`, and `bias` has `n`.
    unsafe {
        let load = |q: *const f32, r: usize| if PART { S::load_part(q, n - j) } else { S::load(q.add(r * S::W)) };
        let mut sum = [[S::splat(0.0); N]; CHAINS];
        for (r, s) in sum[0].iter_mut().enumerate() {
            *s = load(bias.as_ptr().add(j), r);
        }
        // Where `x` is empty so is `w`, and `q` is never read.
        let q = w.as_ptr().wrapping_add(j);
        let mut i = 0;
        while i + CHAINS <= x.len() {
            for (c, sum) in sum.iter_mut().enumerate() {
                let v = S::splat(*x.as_ptr().add(i + c));
                for (r, s) in sum.iter_mut().enumerate() {
                    *s = S::fma(v, load(q.add((i + c) * n), r), *s);
                }
            }
            i += CHAINS;
        }
        while i < x.len() {
            let v = S::splat(*x.as_ptr().add(i));
            for (r, s) in sum[0].iter_mut().enumerate() {
                *s = S::fma(v, load(q.add(i * n), r), *s);
            }
            i += 1;
        }
        for (r, s) in sum[0].into_iter().enumerate() {
            let s = sum[1..].iter().fold(s, |s, other| S::add(s, other[r]));
            let v = if relu { S::where_positive(s, s) } else { s };
            let o = out.as_mut_ptr().add(j + r * S::W);
            if PART { S::store_part(o, n - j, v) } else { S::store(o, v) }
        }
    }
}

#[cfg(test)]
#[path = "dense_tests.rs"]
mod tests;
