//! The encoders of a row that is nothing but numbers on linear scales, side by side, so that the processor takes several at once.

use super::part::Part;
use super::scale::Scale;
use crate::base::number::AsReal;
use crate::kernel::{Scales, scaled};

/// What [`Scale::Linear`] holds, a list for each field: encodes a row as the parts themselves do, to the bit.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    low: Vec<f64>,
    high: Vec<f64>,
    shift: Vec<f64>,
    factor: Vec<f64>,
    fill: Vec<f32>,
}

impl Numbers {
    /// The lists of `parts`; none where one is no number, has another scale or an indicator of missing values.
    pub fn of(parts: &[Part]) -> Option<Self> {
        let mut all = Self { low: Vec::new(), high: Vec::new(), shift: Vec::new(), factor: Vec::new(), fill: Vec::new() };
        for part in parts {
            let Part::Number { scale: Scale::Linear { low, high, shift, factor }, fill, missing: false, levels, .. } = part else {
                return None;
            };
            if !levels.is_empty() {
                return None;
            }
            all.low.push(*low);
            all.high.push(*high);
            all.shift.push(*shift);
            all.factor.push(*factor);
            all.fill.push(fill.single());
        }
        Some(all)
    }

    /// Encodes one row; what is not finite is missing. Row and `out` have one number a part; panics otherwise.
    #[inline]
    pub fn write(&self, row: &[f64], out: &mut [f32]) {
        let Self { low, high, shift, factor, fill } = self;
        scaled(row, &Scales { low, high, shift, factor, fill }, out);
    }
}
