//! The products against the portable loops, at every tail, and at sizes of zero and beyond.

use super::*;
use crate::kernel::check::{each_level, near, normals};

const SIZES: [usize; 14] = [1, 2, 3, 5, 7, 8, 12, 13, 16, 17, 31, 33, 64, 81];

#[test]
fn every_product_agrees_with_the_portable_loop() {
    each_level(|level| {
        for m in SIZES {
            for n in SIZES {
                for k in [0, 1, 2, 3, 8, 20, 65] {
                    let (a, b, r, c) = (normals(1, m * k), normals(2, k * n), normals(3, n), normals(4, m * n));
                    let row = Start::Row(&r);
                    for p in [
                        Product::new(m, n, k, &a, &b),
                        Product { start: row, relu: true, ..Product::new(m, n, k, &a, &b) },
                        Product { start: Start::Keep, ..Product::transposed(m, n, k, &a, &b) },
                        Product { relu: true, ..Product::transposed(m, n, k, &a, &b) },
                    ] {
                        let (mut x, mut y) = (c.clone(), c.clone());
                        product_at(level, &p, &mut x);
                        product_portable(&p, &mut y);
                        near(&x, &y, 1e-4, &format!("{level:?} {m}x{n}x{k} {:?}", p.start));
                    }
                }
            }
        }
    });
}

#[test]
fn gaps_between_rows_are_left_alone() {
    each_level(|level| {
        let (a, b) = (normals(1, 7 * 9), normals(2, 5 * 40));
        let p = Product { a_row: 9, b_row: 40, c_row: 50, ..Product::new(7, 33, 5, &a, &b) };
        let (mut x, mut y) = (vec![7.0; 7 * 50], vec![7.0; 7 * 50]);
        product_at(level, &p, &mut x);
        product_portable(&p, &mut y);
        near(&x, &y, 1e-4, "gaps");
        assert!(x.chunks(50).all(|r| r[33..].iter().all(|v| *v == 7.0)));
    });
}

#[test]
fn a_row_agrees_with_the_portable_loop() {
    each_level(|level| {
        for n in SIZES {
            for k in [0, 1, 3, 4, 20, 64, 67] {
                let (x, w, b) = (normals(1, k), normals(2, k * n), normals(3, n));
                for relu in [false, true] {
                    let (mut p, mut q) = (vec![0.0; n], vec![0.0; n]);
                    dense_row_at(level, &x, &w, &b, &mut p, relu);
                    dense_row_portable(&x, &w, &b, &mut q, relu);
                    near(&p, &q, 1e-4, "row");
                }
            }
        }
    });
}

/// Nothing is read or written outside, and nothing is multiplied past the end of a number: run under Miri or a sanitiser, or by the
/// checks of the standard library in a debug build, these would have failed.
#[test]
fn sizes_of_zero_need_no_elements() {
    const FAR: usize = usize::MAX;
    each_level(|level| {
        for (m, n) in [(0, 0), (0, 33), (33, 0), (1, 1), (1, 40), (40, 1), (13, 81)] {
            let row = normals(3, n);
            for start in [Start::Zero, Start::Keep, Start::Row(&row)] {
                // Without a factor the product is what it starts with, wherever the strides point.
                let p = Product { start, a_row: FAR, a_column: FAR, b_row: FAR, ..Product::new(m, n, 0, &[], &[]) };
                let (mut x, mut y) = (vec![7.0; m * n], vec![7.0; m * n]);
                product_at(level, &p, &mut x);
                product_portable(&p, &mut y);
                assert_eq!(x, y, "{level:?} {m}x{n} {start:?}");
                let mut z = vec![7.0; m * n];
                crate::kernel::product_blocked(&p, FAR, &mut z);
                assert_eq!(x, z, "blocked {m}x{n} {start:?}");
            }
        }
        // Without rows or columns nothing is written, wherever they would lie.
        for (m, n) in [(0, 9), (9, 0), (FAR, 0), (0, FAR)] {
            let p = Product { a_row: FAR, c_row: FAR, ..Product::new(m, n, 0, &[], &[]) };
            product_at(level, &p, &mut []);
            crate::kernel::product_blocked(&p, 1, &mut []);
        }
        // A stride that leads to no second row or column may be anything.
        let p = Product { a_row: FAR, b_row: FAR, c_row: FAR, a_column: FAR, ..Product::new(1, 3, 1, &[2.0], &[1.0, 2.0, 3.0]) };
        let (mut x, mut y) = ([0.0; 3], [0.0; 3]);
        product_at(level, &p, &mut x);
        crate::kernel::product_blocked(&p, 1, &mut y);
        assert_eq!((x, y), ([2.0, 4.0, 6.0], [2.0, 4.0, 6.0]));
        for n in [0, 1, 9, 100] {
            let bias = normals(1, n);
            let mut out = vec![7.0; n];
            dense_row_at(level, &[], &[], &bias, &mut out, false);
            assert_eq!(out, bias);
            dense_row_at(level, &[1.0; 5], &vec![0.0; 5 * n], &bias, &mut out, false);
            assert_eq!(out, bias);
        }
    });
}

#[test]
fn sizes_whose_product_is_no_number_fit_nothing() {
    const HALF: usize = 1 << (usize::BITS / 2);
    // HALF² is 0 in numbers of this width.
    assert!(!row_fits(HALF, 0, HALF, HALF) && row_fits(0, 0, HALF, HALF) && !row_fits(3, 6, 2, 1));
    for (m, n, k) in [(HALF, 1, HALF), (HALF + 1, HALF + 1, HALF), (usize::MAX, 1, 2), (1, usize::MAX, 2), (2, 2, usize::MAX)] {
        assert!(!Product::new(m, n, k, &[0.0], &[0.0]).fits(1, &[0.0]), "{m}x{n}x{k}");
    }
}

#[test]
#[should_panic(expected = "p.fits(1, c)")]
fn what_lies_outside_is_refused() {
    product(&Product::new(2, 2, 2, &[1.0; 4], &[1.0; 4]), &mut [0.0; 3]);
}
