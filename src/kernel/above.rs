//! Which of many numbers reach a bar, and where the bar may begin: what a list of the best is narrowed down by, a register at a time.

use super::simd::{Simd, kernel};

kernel! {
    /// Adds to `found` the places i where `x[i]` ≥ `bars[i mod bars.len()]`, in order: `x` is rows of one number a bar. A NaN reaches none.
    /// Panics where `x` is no whole rows.
    above, above_at(x: &[f32], bars: &[f32], found: &mut Vec<u32>)
        => !bars.is_empty() && x.len().is_multiple_of(bars.len()) && u32::try_from(x.len()).is_ok(), above_portable, above_simd
}

fn above_portable(x: &[f32], bars: &[f32], found: &mut Vec<u32>) {
    for (i, (x, bar)) in x.iter().zip(bars.iter().cycle()).enumerate() {
        if x >= bar {
            found.push(i as u32);
        }
    }
}

#[inline(always)]
unsafe fn above_simd<S: Simd>(x: &[f32], bars: &[f32], found: &mut Vec<u32>) {
    let n = bars.len();
    for (r, row) in x.chunks_exact(n).enumerate() {
        let mut i = 0;
        while i + S::W <= n {
            // SAFETY: a whole register lies below the length of a row and of the bars; the caller vouches for the instructions.
            let mut mask = unsafe { S::at_least(S::load(row.as_ptr().add(i)), S::load(bars.as_ptr().add(i))) };
            while mask != 0 {
                found.push((r * n + i) as u32 + mask.trailing_zeros());
                mask &= mask - 1;
            }
            i += S::W;
        }
        found.extend((i..n).filter(|&i| row[i] >= bars[i]).map(|i| (r * n + i) as u32));
    }
}

kernel! {
    /// Puts every number of `x`, rows of `width`, among the largest of its column: `best` is rows of `width`, too, each column descending,
    /// and keeps as many as it has rows. Neither holds a NaN. Panics where one is no whole rows.
    highest, highest_at(x: &[f32], width: usize, best: &mut [f32])
        => width > 0 && x.len().is_multiple_of(width) && best.len().is_multiple_of(width), highest_portable, highest_simd
}

fn highest_portable(x: &[f32], width: usize, best: &mut [f32]) {
    columns(x, width, best, 0)
}

/// The columns from `from` on.
fn columns(x: &[f32], width: usize, best: &mut [f32], from: usize) {
    for row in x.chunks_exact(width) {
        for (i, &x) in row.iter().enumerate().skip(from) {
            let mut v = x;
            for b in best.iter_mut().skip(i).step_by(width) {
                (*b, v) = (b.max(v), b.min(v));
            }
        }
    }
}

#[inline(always)]
unsafe fn highest_simd<S: Simd>(x: &[f32], width: usize, best: &mut [f32]) {
    // No rows are whole rows of any width, also of one that no loop comes to the end of.
    if x.is_empty() || best.is_empty() {
        return;
    }
    let mut i = 0;
    while i + S::W <= width {
        for row in x.chunks_exact(width) {
            // SAFETY: a whole register lies below the length of each row of both; the caller vouches for the instructions.
            unsafe {
                let mut v = S::load(row.as_ptr().add(i));
                for b in best.chunks_exact_mut(width) {
                    let (b, old) = (b.as_mut_ptr().add(i), S::load(b.as_ptr().add(i)));
                    S::store(b, S::max(v, old));
                    v = S::min(v, old);
                }
            }
        }
        i += S::W;
    }
    columns(x, width, best, i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::check::{LENGTHS, each_level, normals};

    #[test]
    fn every_level_finds_the_same_places() {
        each_level(|level| {
            for n in LENGTHS.into_iter().filter(|n| *n > 0) {
                let (mut x, mut bars) = (normals(1, 3 * n), normals(2, n));
                x[n / 2] = f32::NAN;
                x[n] = bars[0];
                bars[n - 1] = f32::NEG_INFINITY;
                let (mut a, mut b) = (vec![u32::MAX], vec![u32::MAX]);
                above_at(level, &x, &bars, &mut a);
                above_portable(&x, &bars, &mut b);
                assert_eq!(a, b, "{n}");
                assert!(a.contains(&(n as u32)) && (n == 1 || !a.contains(&(n as u32 / 2))));
            }
        });
    }

    #[test]
    fn the_largest_of_each_column_are_kept_in_order() {
        each_level(|level| {
            for (n, rows, keep) in [(1, 5, 2), (19, 40, 7), (64, 30, 1), (70, 3, 5)] {
                let x = normals(3, n * rows);
                let mut best = vec![f32::NEG_INFINITY; n * keep];
                highest_at(level, &x[..n], n, &mut best);
                highest_at(level, &x[n..], n, &mut best);
                for i in 0..n {
                    let mut column: Vec<f32> = x.iter().skip(i).step_by(n).copied().collect();
                    column.sort_by(|a, b| b.total_cmp(a));
                    column.resize(keep, f32::NEG_INFINITY);
                    assert_eq!(best.iter().skip(i).step_by(n).copied().collect::<Vec<_>>(), column, "{n} {rows} {keep} {i}");
                }
            }
        });
    }

    #[test]
    #[should_panic(expected = "is_multiple_of")]
    fn half_a_row_is_refused() {
        above(&[1.0; 3], &[1.0; 2], &mut Vec::new());
    }
}
