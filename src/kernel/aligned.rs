//! Numbers that begin at a cache line, so that no register of them straddles two: a row through a network takes a third less time.

use crate::base::{Result, memory};
use std::ops::Deref;

/// The numbers of one cache line, as many as the widest register holds.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

const LINE: usize = 16;

/// A list of numbers that does not grow; the first stands at the beginning of a cache line, also in a clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Aligned {
    lines: Vec<Line>,
    length: usize,
}

impl Aligned {
    /// A copy of `numbers`.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn of(numbers: &[f32]) -> Result<Self> {
        let mut lines = Vec::new();
        memory::reserve(&mut lines, numbers.len().div_ceil(LINE))?;
        for part in numbers.chunks(LINE) {
            let mut line = Line([0.0; LINE]);
            line.0[..part.len()].copy_from_slice(part);
            lines.push(line);
        }
        Ok(Self { lines, length: numbers.len() })
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: lines are arrays of numbers without gaps between or inside, and `length` is no more than all of them hold.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }
}

/// Its bytes, as what is shared holds them.
impl AsRef<[u8]> for Aligned {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_given_and_begin_at_a_line() {
        for n in [0, 1, 15, 16, 17, 1000] {
            let numbers: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let a = Aligned::of(&numbers).unwrap();
            for a in [&a, &a.clone()] {
                assert_eq!(&a[..], &numbers[..]);
                assert_eq!(a.as_ptr() as usize % 64, 0);
            }
        }
    }
}
