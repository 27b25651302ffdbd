//! The items that a step's rows are told apart from: one of each of so many runs of the catalogue, so that none comes twice and all of them
//! is the whole catalogue, and the loss over what came next and these (a sampled softmax; Klenitskiy & Vasilev 2023 for what it does for
//! sequence networks).

use crate::base::{Result, Rng, zeros};
use crate::kernel::dense::{Product, Start};
use crate::kernel::{axpy, dot, exp_shifted, max};
use crate::linalg::multiply;
use crate::model::sequence::catalogue::Catalogue;

/// Items drawn for a step, with their rows.
#[derive(Debug)]
pub struct Negatives {
    width: usize,
    /// Ascending.
    pub items: Vec<u32>,
    rows: Vec<f32>,
    /// The same turned: width × items.
    turned: Vec<f32>,
    bias: Vec<f32>,
}

/// Rows that foretell, and what came next.
#[derive(Debug, Clone, Copy)]
pub struct Foretold<'a> {
    /// Rows × width: what foretells.
    pub states: &'a [f32],
    /// The item that came next of each.
    pub next: &'a [u32],
    /// Rows × width: that item's row.
    pub rows: &'a [f32],
    /// Its bias.
    pub bias: &'a [f32],
}

/// What a shard of rows says of the drawn items, and the room for it.
#[derive(Debug)]
pub struct OfDrawn {
    logits: Vec<f32>,
    /// Items × width: the gradient by their rows.
    pub by_rows: Vec<f32>,
    /// That by their biases.
    pub by_bias: Vec<f32>,
}

impl OfDrawn {
    /// Room for so many rows, so many items drawn.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(rows: usize, drawn: usize, width: usize) -> Result<Self> {
        Ok(Self { logits: zeros(rows * drawn)?, by_rows: zeros(drawn * width)?, by_bias: zeros(drawn)? })
    }
}

impl Negatives {
    /// Room for `count` items of rows of `width` numbers.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(count: usize, width: usize) -> Result<Self> {
        let (items, rows, turned) = (zeros(count)?, zeros(count * width)?, zeros(count * width)?);
        Ok(Self { width, items, rows, turned, bias: zeros(count)? })
    }

    /// Draws them from `catalogue`, whose rows and biases are given.
    pub fn draw(&mut self, catalogue: &Catalogue<'_>, rows: &[f32], bias: &[f32], rng: &mut Rng) {
        let (count, width, all) = (self.items.len(), self.width, catalogue.items());
        let mut start = 0;
        for (n, item) in self.items.iter_mut().enumerate() {
            let end = ((n + 1) as u128 * all as u128 / count as u128) as usize;
            *item = (start + rng.below((end - start).max(1))) as u32;
            start = end;
        }
        for (n, item) in self.items.iter().enumerate() {
            let row = &mut self.rows[n * width..][..width];
            catalogue.gather(rows, *item, row);
            row.iter().enumerate().for_each(|(j, x)| self.turned[j * count + n] = *x);
            catalogue.gather(bias, *item, &mut self.bias[n..=n]);
        }
    }

    /// The loss of the rows: Σ −ln softmax. `of` gets the gradients by the drawn items, `by_next` that by the logit of what came next, `delta`
    /// (rows × width) that by the states.
    pub fn loss(&self, f: Foretold<'_>, of: &mut OfDrawn, by_next: &mut [f32], delta: &mut [f32]) -> f64 {
        let (count, width, n) = (self.items.len(), self.width, f.next.len());
        let logits = &mut of.logits[..n * count];
        multiply(&Product { start: Start::Row(&self.bias), ..Product::new(n, count, width, f.states, &self.turned) }, logits);
        let mut loss = 0.0;
        of.by_bias.fill(0.0);
        let rows = f.states.chunks_exact(width).zip(f.rows.chunks_exact(width)).zip(f.bias);
        for ((line, next), (((state, row), bias), by_next)) in logits.chunks_exact_mut(count).zip(f.next).zip(rows.zip(by_next.iter_mut()))
        {
            if let Ok(same) = self.items.binary_search(next) {
                line[same] = f32::NEG_INFINITY;
            }
            let own = bias + dot(state, row);
            let most = max(line).max(own);
            let others = exp_shifted(line, most);
            let mine = (own - most).exp();
            let sum = others + mine;
            line.iter_mut().for_each(|x| *x /= sum);
            axpy(1.0, line, &mut of.by_bias);
            *by_next = mine / sum - 1.0;
            loss += f64::from(sum.ln() + most - own);
        }
        multiply(&Product::new(n, width, count, logits, &self.rows), delta);
        for (by, (row, delta)) in by_next.iter().zip(f.rows.chunks_exact(width).zip(delta.chunks_exact_mut(width))) {
            axpy(*by, row, delta);
        }
        multiply(&Product::transposed(count, width, n, logits, f.states), &mut of.by_rows);
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::gradient_check;
    use crate::nn::layer::tests::normals;

    #[test]
    fn what_is_drawn_is_of_all_the_catalogue_and_none_twice() {
        let catalogue = Catalogue::new(10, &[]);
        let (rows, bias) = (normals(30, 1), normals(10, 2));
        for (count, most) in [(10, 1), (4, 3), (1, 10)] {
            let mut seen = vec![0; 10];
            let mut n = Negatives::new(count, 3).unwrap();
            for seed in 0..200 {
                n.draw(&catalogue, &rows, &bias, &mut Rng::new(seed));
                assert!(n.items.is_sorted_by(|a, b| a < b));
                n.items.iter().for_each(|i| seen[*i as usize] += 1);
                assert_eq!(n.rows[..3], rows[n.items[0] as usize * 3..][..3]);
                assert_eq!(n.bias[count - 1], bias[n.items[count - 1] as usize]);
            }
            assert!(seen.iter().all(|s| *s > 200 / most / 3), "{seen:?}");
        }
    }

    #[test]
    fn the_loss_is_that_of_a_softmax_and_the_gradients_are_its() {
        let (count, width) = (5, 3);
        let catalogue = Catalogue::new(20, &[]);
        let (rows, bias, states, next) = (normals(60, 1), normals(20, 2), normals(4 * width, 3), [7, 0, 19, 12]);
        let mut n = Negatives::new(count, width).unwrap();
        n.draw(&catalogue, &rows, &bias, &mut Rng::new(9));
        // One of what came next is drawn, too: it counts once.
        let next = [next[0], next[1], next[2], n.items[3]];
        let of_next: Vec<f32> = next.iter().flat_map(|i| rows[*i as usize * width..][..width].to_vec()).collect();
        let next_bias: Vec<f32> = next.iter().map(|i| bias[*i as usize]).collect();
        let run = |n: &Negatives, states: &[f32], of_next: &[f32], next_bias: &[f32]| {
            let (mut of, mut by_next, mut delta) = (OfDrawn::new(4, count, width).unwrap(), vec![0.0; 4], vec![0.0; 4 * width]);
            let f = Foretold { states, next: &next, rows: of_next, bias: next_bias };
            let loss = n.loss(f, &mut of, &mut by_next, &mut delta);
            (loss, of, by_next, delta)
        };
        let (loss, of, by_next, delta) = run(&n, &states, &of_next, &next_bias);
        let mut expected = 0.0;
        for t in 0..4 {
            let logit =
                |row: &[f32], b: f32| f64::from(b) + (0..width).map(|j| f64::from(row[j]) * f64::from(states[t * width + j])).sum::<f64>();
            let own = logit(&of_next[t * width..], next_bias[t]);
            let others = n.items.iter().filter(|i| **i != next[t]).map(|i| logit(&rows[*i as usize * width..], bias[*i as usize]).exp());
            expected += (own.exp() + others.sum::<f64>()).ln() - own;
        }
        assert!((loss - expected).abs() < 1e-4, "{loss} {expected}");
        gradient_check(&states, &delta, |s| run(&n, s, &of_next, &next_bias).0, 2e-3, "states");
        gradient_check(&next_bias, &by_next, |b| run(&n, &states, &of_next, b).0, 2e-3, "what came next");
        let drawn = n.rows.clone();
        let with = |rows: &[f32], bias: &[f32]| {
            let turned = (0..width).flat_map(|j| (0..count).map(move |i| rows[i * width + j])).collect();
            Negatives { width, items: n.items.clone(), rows: rows.to_vec(), turned, bias: bias.to_vec() }
        };
        gradient_check(&drawn, &of.by_rows, |r| run(&with(r, &n.bias), &states, &of_next, &next_bias).0, 2e-3, "drawn");
        gradient_check(&n.bias, &of.by_bias, |b| run(&with(&drawn, b), &states, &of_next, &next_bias).0, 2e-3, "their biases");
    }
}
