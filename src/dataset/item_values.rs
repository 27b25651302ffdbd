//! Which of the values of [`crate::dataset::item_columns`] items have.

use crate::base::number::AsIndex;
use crate::base::{Code, Error, Numbers, Result, Shared, Tensor, memory, tensor};

/// The values of items.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ItemValues {
    /// Where each item's values end.
    ends: Shared<usize>,
    /// Item after item, each ascending.
    values: Shared<u32>,
}

impl ItemValues {
    /// Of items whose values end there, each item's ascending.
    pub fn new(ends: Vec<usize>, values: Vec<u32>) -> Self {
        Self { ends: ends.into(), values: values.into() }
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The values of `item`, ascending; none of one beyond the last.
    pub fn of(&self, item: usize) -> &[u32] {
        let start = if item == 0 { 0 } else { self.ends.get(item - 1).copied().unwrap_or(0) };
        self.ends.get(item).and_then(|end| self.values.get(start..*end)).unwrap_or(&[])
    }

    /// Those of the items of `keep`, in its order, after those that are here already.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn extend(&mut self, from: &Self, keep: impl Iterator<Item = usize>) -> Result<()> {
        for item in keep {
            let values = from.of(item);
            memory::reserve_slowly(self.values.own(), values.len())?;
            self.values.own().extend_from_slice(values);
            let end = self.values.len();
            self.ends.own().push(end);
        }
        Ok(())
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.ends.len() * 8 + self.values.len() * 4
    }

    /// As tensors called `{name}.end` and `{name}.of`: numbers of four bytes, the least first.
    pub fn to_tensors(&self, name: &str) -> Vec<Tensor> {
        let of: Vec<u8> = self.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let end = Numbers::I64(tensor::stored_places(&self.ends));
        let one = |part: &str, numbers: Numbers| Tensor { name: format!("{name}.{part}"), shape: vec![numbers.len()], numbers };
        vec![one("end", end), one("of", Numbers::U8(of.into()))]
    }

    /// Back from [`ItemValues::to_tensors`]: of `items`, whose values are below `most`. The tensors may be hostile.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(name: &str, items: usize, most: usize, tensors: &[Tensor]) -> Result<Self> {
        let damaged = || Error::new(Code::Corrupt, "stored weights are damaged").detail("The values of the items are none.");
        let Numbers::I64(ends) = tensor::find(tensors, &format!("{name}.end"), &[items])? else { return Err(damaged()) };
        let of = format!("{name}.of");
        let Some(Numbers::U8(bytes)) = tensors.iter().find(|t| t.name == of).map(|t| &t.numbers) else { return Err(damaged()) };
        let values: Shared<u32> = match bytes.cast().filter(|_| cfg!(target_endian = "little")) {
            Some(values) => values,
            None => bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        };
        if bytes.is_part()
            && let Some(ends) = tensor::laid_places(ends)
        {
            return Ok(Self { ends, values });
        }
        let mut checked = Vec::new();
        memory::reserve(&mut checked, items)?;
        let mut start = 0;
        for &end in ends.iter() {
            let end = usize::try_from(end).map_err(|_| damaged())?;
            let own = values.get(start..end).ok_or_else(damaged)?;
            if own.iter().any(|v| v.index() >= most) || !own.is_sorted_by(|a, b| a < b) {
                return Err(damaged());
            }
            checked.push(end);
            start = end;
        }
        Ok(Self { ends: checked.into(), values })
    }
}
