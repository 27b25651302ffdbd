//! Tensors one after another as a score reads them, so that opening them copies nothing: the content of a file that many map.
//!
//! ```text
//! 64 bytes: MAGIC, LAYOUT, the length of all, of the index, a hash of the index, when it was sealed
//! the index: JSON, of whom it is and where each tensor stands
//! the tensors, each at a multiple of 64 bytes, in the order of bytes that this machine has
//! ```
//!
//! What is opened is trusted as to its numbers, which were checked before they were written, but not as to where they stand: names, types,
//! shapes and places are checked against the length of what is there.

use crate::base::shared::Held;
use crate::base::{Numbers, Tensor, hash};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// The first bytes.
const MAGIC: &[u8; 8] = b"affinity";
/// How tensors are called and laid out: one more whenever a kind lays out its weights in another way.
const LAYOUT: u64 = 1;
/// Bytes before the index.
const HEAD: usize = 64;
/// What each tensor begins at a multiple of: a line of the caches.
const LINE: usize = 64;
/// Of the hash of the index.
const SEED: u64 = 0xaff1;

/// Of whom the tensors are. What is opened must be of the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The digest of the version.
    pub digest: String,
    /// Its kind.
    pub kind: String,
    /// The digest of its state, which is read from its row and which the digest of the version covers together with the tensors.
    pub state: String,
}

/// What was found.
#[derive(Debug)]
pub enum Opened {
    /// The tensors, parts of what was opened.
    Tensors(Vec<Tensor>),
    /// Made by a later release of the library, which lays them out in another way.
    Later,
    /// Not what was written, or of another.
    Other,
}

#[derive(Serialize, Deserialize)]
struct Index {
    subject: Subject,
    tensors: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    from: usize,
}

fn next(at: usize) -> usize {
    at.next_multiple_of(LINE)
}

/// Writes `tensors` of `subject`; `sealed` is asked for again when they are opened. The length is the second.
///
/// # Errors
/// Those of `to`.
pub fn write(subject: &Subject, tensors: &[Tensor], sealed: i64, to: &mut dyn Write) -> io::Result<()> {
    let index = |begin: usize| {
        let mut from = begin;
        let entry = |t: &Tensor| {
            let entry = Entry { name: t.name.clone(), dtype: t.numbers.dtype().into(), shape: t.shape.clone(), from };
            from = next(from + t.numbers.bytes().len());
            entry
        };
        let index = Index { subject: subject.clone(), tensors: tensors.iter().map(entry).collect() };
        Ok::<_, io::Error>((serde_json::to_string(&index)?, from))
    };
    // The places stand in the index, and its length decides the places: spaces fill it up to what the largest ones may take.
    let begin = next(HEAD + index(usize::MAX >> 8)?.0.len());
    let (mut text, length) = index(begin)?;
    text.extend(std::iter::repeat_n(' ', begin - HEAD - text.len()));
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(MAGIC);
    let words = [LAYOUT, length as u64, text.len() as u64, hash::bytes(SEED, text.as_bytes()), sealed.cast_unsigned()];
    head[8..48].as_chunks_mut::<8>().0.iter_mut().zip(words).for_each(|(to, word)| *to = word.to_le_bytes());
    to.write_all(&head)?;
    to.write_all(text.as_bytes())?;
    for t in tensors {
        let bytes = t.numbers.bytes();
        to.write_all(bytes)?;
        to.write_all(&[0; LINE][..next(bytes.len()) - bytes.len()])?;
    }
    Ok(())
}

/// The bytes that [`write`] writes, about: without the index.
pub fn size(tensors: &[Tensor]) -> usize {
    tensors.iter().map(|t| next(t.numbers.bytes().len())).sum()
}

/// The tensors of `subject` in `held`, which was sealed then.
pub fn open(held: &Held, subject: &Subject, sealed: i64) -> Opened {
    let all = (**held).as_ref();
    let Some((head, rest)) = all.split_first_chunk::<HEAD>() else { return Opened::Other };
    let words: Vec<u64> = head.as_chunks::<8>().0.iter().map(|w| u64::from_le_bytes(*w)).collect();
    if head[..8] != *MAGIC || words[1] < LAYOUT {
        return Opened::Other;
    }
    if words[1] > LAYOUT {
        return Opened::Later;
    }
    let text = usize::try_from(words[3]).ok().and_then(|n| rest.get(..n));
    let whole = words[2] == all.len() as u64 && words[5] == sealed.cast_unsigned();
    let Some(text) = text.filter(|t| whole && words[4] == hash::bytes(SEED, t)) else { return Opened::Other };
    let Some(index) = serde_json::from_slice::<Index>(text).ok().filter(|i| i.subject == *subject) else { return Opened::Other };
    let tensor = |e: Entry| {
        let bytes = e.shape.iter().try_fold(Numbers::width(&e.dtype).ok()?, |n, d| n.checked_mul(*d))?;
        let numbers = Numbers::part(&e.dtype, held.clone(), e.from..e.from.checked_add(bytes)?)?;
        Some(Tensor { name: e.name, shape: e.shape, numbers })
    };
    index.tensors.into_iter().map(tensor).collect::<Option<_>>().map_or(Opened::Other, Opened::Tensors)
}

/// Tensors as [`open`] gives them, without a file: so that what is laid out can be tried.
pub fn in_memory(tensors: &[Tensor]) -> Option<Vec<Tensor>> {
    struct Lines(Vec<[u64; 8]>);
    impl AsRef<[u8]> for Lines {
        fn as_ref(&self) -> &[u8] {
            bytemuck::cast_slice(&self.0)
        }
    }
    let subject = Subject { digest: String::new(), kind: String::new(), state: String::new() };
    let mut bytes = Vec::new();
    write(&subject, tensors, 0, &mut bytes).ok()?;
    let mut lines = vec![[0; 8]; bytes.len() / LINE];
    bytemuck::cast_slice_mut::<[u64; 8], u8>(&mut lines).copy_from_slice(&bytes);
    let held: Held = std::sync::Arc::new(Lines(lines));
    match open(&held, &subject, 0) {
        Opened::Tensors(tensors) => Some(tensors),
        Opened::Later | Opened::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;
    use std::sync::Arc;

    fn subject(digest: &str) -> Subject {
        Subject { digest: digest.into(), kind: "als".into(), state: "s".into() }
    }

    fn tensors() -> Vec<Tensor> {
        let of = |name: &str, numbers: Numbers| Tensor { name: name.into(), shape: vec![numbers.len()], numbers };
        vec![
            Tensor::f32("a", [2, 3], (0u8..6).map(f32::from).collect::<Vec<_>>()),
            of("none", Numbers::I8(Vec::new().into())),
            of("h", Numbers::F16(vec![f16::from_f32(0.5); 33].into())),
            of("i", Numbers::I64(vec![-1, i64::MAX].into())),
            of("u", Numbers::U8(vec![7; 65].into())),
        ]
    }

    fn written() -> Vec<u8> {
        let mut out = Vec::new();
        write(&subject("d"), &tensors(), 5, &mut out).unwrap();
        out
    }

    fn opened(bytes: Vec<u8>, digest: &str, sealed: i64) -> Opened {
        let held: Held = Arc::new(bytes);
        open(&held, &subject(digest), sealed)
    }

    #[test]
    fn tensors_come_back_where_they_lie() {
        let back = in_memory(&tensors()).unwrap();
        assert_eq!(back, tensors());
        let begins = back.iter().filter(|t| !t.numbers.is_empty()).map(|t| t.numbers.bytes().as_ptr() as usize % 8);
        assert!(begins.eq([0; 4]), "not where each number may lie");
        assert!(size(&tensors()) < written().len() && written().len().is_multiple_of(LINE));
    }

    #[test]
    fn what_is_not_as_it_was_written_is_not_opened() {
        let good = written();
        let other = |bytes: &[u8]| matches!(opened(bytes.to_vec(), "d", 5), Opened::Other);
        assert!(matches!(opened(good.clone(), "e", 5), Opened::Other) && matches!(opened(good.clone(), "d", 6), Opened::Other));
        for length in [0, 1, HEAD - 1, HEAD, good.len() - 1] {
            assert!(other(&good[..length]), "{length}");
        }
        let begin = next(HEAD + 1);
        for at in (0..HEAD - 16).chain(HEAD..begin) {
            let mut bad = good.clone();
            bad[at] ^= 0x80;
            // A layout that is unknown is a later one.
            assert!(other(&bad) || (8..16).contains(&at), "{at}");
        }
        let mut later = good;
        later[8] += 1;
        assert!(matches!(opened(later, "d", 5), Opened::Later));
    }

    #[test]
    fn an_index_that_leads_outside_is_not_followed() {
        for (from, to) in
            [("\"from\":", "\"from\":9"), ("[2,3]", "[2,9999]"), ("[2,3]", "[0,3]"), ("\"f32\"", "\"f99\""), ("[33]", "[9933]")]
        {
            let good = written();
            let end = HEAD + u64::from_le_bytes(*good[24..].first_chunk().unwrap()) as usize;
            let text = String::from_utf8(good[HEAD..end].to_vec()).unwrap();
            let changed = text.replacen(from, to, 1);
            let changed = format!("{:<1$}", changed.trim_end(), text.len());
            let mut bad = good;
            bad.splice(HEAD..end, changed.bytes());
            let words = [bad.len() as u64, changed.len() as u64, hash::bytes(SEED, changed.as_bytes())];
            bad[16..40].as_chunks_mut::<8>().0.iter_mut().zip(words).for_each(|(to, word)| *to = word.to_le_bytes());
            let found = opened(bad, "d", 5);
            // A smaller shape is no harm: the model says that it is wrong.
            assert!(matches!(found, Opened::Other) || to == "[0,3]", "{to}: {found:?}");
        }
    }
}
