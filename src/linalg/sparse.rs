//! A sparse row times a dense matrix.

use crate::kernel::{axpy, axpy4};

/// `out` += Σ value · row of `matrix`, over the (row, value) of `entries`; a row of the matrix is as long as `out`. Panics on a row
/// outside.
///
/// Entries go four at a time, so that the memory serves four rows at once; the order of the sum hangs on the entries alone.
pub fn add_rows(entries: impl Iterator<Item = (usize, f32)>, matrix: &[f32], out: &mut [f32]) {
    let n = out.len();
    let row = |r: usize| &matrix[r * n..][..n];
    let mut four = [(0, 0.0); 4];
    let mut held = 0;
    for e in entries {
        four[held] = e;
        held += 1;
        if held == 4 {
            axpy4(four.map(|e| e.1), four.map(|e| row(e.0)), out);
            held = 0;
        }
    }
    four[..held].iter().for_each(|e| axpy(e.1, row(e.0), out));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_added_whatever_their_number() {
        let matrix: Vec<f32> = (0..40).map(|x| x as f32).collect();
        for n in 0..9 {
            let entries: Vec<(usize, f32)> = (0..n).map(|i| ((i * 7) % 8, 0.5 + i as f32)).collect();
            let mut out = [1.0; 5];
            add_rows(entries.iter().copied(), &matrix, &mut out);
            for (j, o) in out.iter().enumerate() {
                let expected: f32 = 1.0 + entries.iter().map(|(r, v)| v * matrix[r * 5 + j]).sum::<f32>();
                assert!((o - expected).abs() < 1e-3);
            }
        }
    }
}
