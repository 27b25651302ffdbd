//! Large products over threads: C is cut into runs of rows, each of which one thread computes alone.

use crate::base::Pool;
use crate::kernel::dense::Product;
use crate::kernel::product_blocked;

/// Rows of C that a thread takes at a time: fixed, so that the result does not depend on the number of threads.
const ROWS: usize = 128;

/// Computes `p` into `c` over the threads of `pool`; (i, j) of B is at `i · b_row + j · b_column`. Panics where an element would lie
/// outside.
pub fn multiply_split(pool: &Pool, p: &Product<'_>, b_column: usize, c: &mut [f32]) {
    let mut parts: Vec<&mut [f32]> = c.chunks_mut(ROWS * p.c_row.max(1)).take(p.m.div_ceil(ROWS)).collect();
    pool.each_mut(&mut parts, |i, c| {
        let m = (p.m - i * ROWS).min(ROWS);
        product_blocked(&Product { m, a: &p.a[i * ROWS * p.a_row..], ..*p }, b_column, c);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::kernel::dense::Start;
    use crate::kernel::product;

    #[test]
    fn threads_change_no_bit_and_the_product_is_right() {
        let mut rng = Rng::new(3);
        let mut normals = |n: usize| (0..n).map(|_| rng.normal() as f32).collect::<Vec<_>>();
        for (m, n, k) in [(1, 3, 2), (300, 40, 70), (129, 7, 500)] {
            let (a, b, r) = (normals(m * k), normals(k * n), normals(n));
            for p in [Product { start: Start::Row(&r), ..Product::new(m, n, k, &a, &b) }, Product::transposed(m, n, k, &a, &b)] {
                let (mut one, mut three, mut small) = (vec![0.0; m * n], vec![0.0; m * n], vec![0.0; m * n]);
                multiply_split(&Pool::single(), &p, 1, &mut one);
                multiply_split(&Pool::new(3).unwrap(), &p, 1, &mut three);
                product(&p, &mut small);
                assert_eq!(one, three);
                assert!(one.iter().zip(&small).all(|(x, y)| (x - y).abs() < 1e-3));
            }
        }
    }
}
