//! Which items a step's softmax is over where the catalogue is too large for all: every item of its users, and a draw from the rest.
//!
//! The rest is cut into runs of nearly the same length, and one item of each run stands for all of it: the sum of e^logit over what is
//! drawn, each times the length of its run, is an unbiased estimate of the sum over all (importance sampling as in Bengio & Senécal 2008,
//! "Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic Language Model", with the batch's own items always in,
//! and stratified).

use crate::base::number::AsReal;
use crate::base::{Result, Rng, memory::reserve};
use crate::model::mult_vae::batch::Batch;

/// The items of a step.
#[derive(Debug, Default)]
pub struct Sample {
    /// Ascending.
    pub items: Vec<u32>,
    /// For each the logarithm of how many it stands for: 0 for those of the batch.
    pub shifts: Vec<f32>,
}

impl Sample {
    /// How many items a step has at most: of `items` in all, `entries` of them in the batch, `drawn` of the rest.
    pub fn most(items: usize, entries: usize, drawn: usize) -> usize {
        items.min(entries.saturating_add(drawn))
    }

    /// Bytes for `most` items.
    pub fn bytes(most: usize) -> usize {
        most.saturating_mul(8)
    }

    /// Those of `batch`, and `drawn` of the other items, as `rng` draws them; all where there are no more.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn draw(&mut self, batch: &Batch, items: usize, drawn: usize, rng: &mut Rng) -> Result<()> {
        self.items.clear();
        self.shifts.clear();
        let others = (0..items).filter(|i| batch.of(*i).is_empty()).count();
        let runs = drawn.min(others);
        let most = items - others + runs;
        reserve(&mut self.items, most)?;
        reserve(&mut self.shifts, most)?;
        // The run at hand: which it is, the place among the others where the next one begins, the place that was drawn, and its shift.
        let (mut run, mut end, mut chosen, mut shift) = (0, 0, 0, 0.0);
        let mut place = 0;
        for item in 0..items {
            if !batch.of(item).is_empty() {
                self.items.push(item as u32);
                self.shifts.push(0.0);
                continue;
            }
            if place == end && run < runs {
                let start = end;
                run += 1;
                end = (run as u128 * others as u128 / runs as u128) as usize;
                chosen = start + rng.below(end - start);
                shift = ((end - start).single()).ln();
            }
            if place == chosen && place < end {
                self.items.push(item as u32);
                self.shifts.push(shift);
            }
            place += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mult_vae::tests::pairs;

    fn batch(items: usize) -> Batch {
        let mut batch = Batch::default();
        batch.take(&pairs(30, items), &[3, 4], 0.5, 1).unwrap();
        batch
    }

    #[test]
    fn the_batch_is_always_in_and_the_rest_is_drawn_without_bias() {
        const ITEMS: usize = 200;
        let batch = batch(ITEMS);
        let own = (0..ITEMS).filter(|i| !batch.of(*i).is_empty()).count();
        let (mut sample, mut rng, mut stands) = (Sample::default(), Rng::new(1), vec![0.0; ITEMS]);
        const DRAWS: usize = 4000;
        for _ in 0..DRAWS {
            sample.draw(&batch, ITEMS, 16, &mut rng).unwrap();
            assert_eq!((sample.items.len(), sample.shifts.len()), (own + 16, own + 16));
            assert!(sample.items.windows(2).all(|w| w[0] < w[1]));
            for (item, shift) in sample.items.iter().zip(&sample.shifts) {
                stands[*item as usize] += f64::from(shift.exp()) / DRAWS as f64;
            }
        }
        for (item, stands) in stands.into_iter().enumerate() {
            // An item outside stands for itself on average: a run of seven gives a standard error of .04.
            let near = if batch.of(item).is_empty() { 0.2 } else { 1e-12 };
            assert!((stands - 1.0).abs() < near, "item {item}: {stands}");
        }
    }

    #[test]
    fn a_draw_of_all_is_all() {
        let batch = batch(50);
        for drawn in [50, 1 << 40] {
            let mut sample = Sample::default();
            sample.draw(&batch, 50, drawn, &mut Rng::new(1)).unwrap();
            assert_eq!(sample.items, (0..50).collect::<Vec<u32>>());
            assert!(sample.shifts.iter().all(|s| *s == 0.0));
        }
        let mut none = Sample::default();
        none.draw(&batch, 50, 0, &mut Rng::new(1)).unwrap();
        assert!(!none.items.is_empty() && none.items.iter().all(|i| !batch.of(*i as usize).is_empty()));
    }
}
