//! Which of many numbers reach a bar: what a list of the best is narrowed down by, a register at a time.

use super::simd::{Simd, kernel};

kernel! {
    /// Adds to `found` the places i where x[i] ≥ bars[i mod bars.len()], in order: `x` is rows of one number a bar. A NaN reaches none.
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
    #[should_panic(expected = "is_multiple_of")]
    fn half_a_row_is_refused() {
        above(&[1.0; 3], &[1.0; 2], &mut Vec::new());
    }
}
