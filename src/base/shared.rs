//! Numbers that are a vector of one's own, or lie in memory that others read too.

use bytemuck::Pod;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// What holds bytes and lets them go: a mapped file. As long as it lives they stay where they are, and stay the same.
pub type Held = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Numbers in a row; a clone is the same memory once more.
///
/// In a loop over rows take the slice once: each time it is looked up by way of what holds it.
#[derive(Clone)]
pub struct Shared<T>(Place<T>);

#[derive(Clone)]
enum Place<T> {
    Own(Arc<Vec<T>>),
    Part(Held, Range<usize>),
}

impl<T: Pod> Shared<T> {
    /// Those bytes of `held`; none where there are no such, or they are not whole numbers in their place.
    pub fn part(held: Held, bytes: Range<usize>) -> Option<Self> {
        bytemuck::try_cast_slice::<u8, T>((*held).as_ref().get(bytes.clone())?).ok()?;
        Some(Self(Place::Part(held, bytes)))
    }

    /// Whether they are a part of what somebody else made. It was checked by whoever wrote it, number by number, and need not be again:
    /// that would read all of a file of which a score needs a few pages. Nothing that keeps memory safe may stand on it.
    pub fn is_part(&self) -> bool {
        matches!(self.0, Place::Part(..))
    }

    /// The same bytes as other numbers, in the same memory; none where they do not fit.
    pub fn cast<U: Pod>(&self) -> Option<Shared<U>>
    where
        T: Send + Sync,
    {
        match &self.0 {
            Place::Own(v) => Shared::part(Arc::new(Bytes(v.clone())), 0..size_of_val(&v[..])),
            Place::Part(held, bytes) => Shared::part(held.clone(), bytes.clone()),
        }
    }

    /// A vector to change: one's own, and nobody else's.
    pub fn own(&mut self) -> &mut Vec<T> {
        if let Place::Part(..) = self.0 {
            self.0 = Place::Own(Arc::new(self.to_vec()));
        }
        match &mut self.0 {
            Place::Own(v) => Arc::make_mut(v),
            Place::Part(..) => unreachable!("made one's own above"),
        }
    }

    /// The bytes of the numbers, as this machine has them.
    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(self)
    }
}

/// A vector as what holds its bytes.
struct Bytes<T>(Arc<Vec<T>>);

impl<T: Pod> AsRef<[u8]> for Bytes<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl<T: Pod> Deref for Shared<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.0 {
            Place::Own(v) => v,
            Place::Part(held, bytes) => bytemuck::cast_slice(&(**held).as_ref()[bytes.clone()]),
        }
    }
}

impl<'a, T: Pod> IntoIterator for &'a Shared<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> From<Vec<T>> for Shared<T> {
    fn from(v: Vec<T>) -> Self {
        Self(Place::Own(Arc::new(v)))
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        all.into_iter().collect::<Vec<_>>().into()
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T: Pod + PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_whole_numbers_in_their_place() {
        let own = Shared::from(vec![0x0102_0304u32, 5, 6, 7]);
        assert_eq!(own.cast::<u8>().unwrap().len(), 16);
        let held: Held = Arc::new(Bytes(Arc::new(own.to_vec())));
        let part = Shared::<u32>::part(held.clone(), 4..12).unwrap();
        assert_eq!((&part[..], part.is_part()), (&[5, 6][..], true));
        assert_eq!(part.cast::<u8>().unwrap().len(), 8);
        for (from, to) in [(1, 9), (4, 10), (12, 20), (8, 4)] {
            assert!(Shared::<u32>::part(held.clone(), from..to).is_none(), "{from}..{to}");
        }
        let mut changed = part.clone();
        changed.own()[0] = 9;
        assert_eq!((&changed[..], &part[..], changed.is_part()), (&[9, 6][..], &[5, 6][..], false));
        let mut own = Shared::from(vec![1u8]);
        own.own().push(2);
        assert_eq!(own, [1u8, 2].into_iter().collect());
    }
}
