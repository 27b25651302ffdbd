//! The distinct texts of a column while it is read.

use crate::base::memory::reserve;
use crate::base::number::AsIndex;
use crate::base::{Code, Error, Result};
use crate::dataset::MISSING_CODE;
use std::collections::HashMap;

/// The distinct texts of a column, in order of first appearance.
#[derive(Default)]
pub(crate) struct Levels {
    texts: Vec<String>,
    index: HashMap<String, u32>,
    /// Bytes that the texts take.
    held: usize,
    /// Bytes that memory is booked for.
    booked: usize,
}

impl Levels {
    /// The bytes to book for the texts that were met since the last call.
    pub(crate) fn fresh(&mut self) -> usize {
        let more = self.held.saturating_sub(self.booked);
        self.booked += more;
        more
    }

    /// The texts.
    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The same, for keeps.
    pub(crate) fn into_texts(self) -> Vec<String> {
        self.texts
    }

    /// The code of a text, which is new or not.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]
    pub(crate) fn code(&mut self, text: &str) -> Result<u32> {
        if let Some(code) = self.index.get(text) {
            return Ok(*code);
        }
        let code = u32::try_from(self.texts.len()).unwrap_or(MISSING_CODE);
        reserve(&mut self.texts, 1)?;
        self.index.try_reserve(1).map_err(|_| Error::new(Code::OutOfMemory, "out of memory"))?;
        self.texts.push(text.to_owned());
        self.index.insert(text.to_owned(), code);
        self.held += room(text);
        Ok(code)
    }

    /// Forgets the texts that none of `codes` is of, and gives these the codes that they have then.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]
    pub(crate) fn keep_used(&mut self, codes: &mut [u32]) -> Result<()> {
        let mut now: Vec<u32> = Vec::new();
        reserve(&mut now, self.texts.len())?;
        now.resize(self.texts.len(), MISSING_CODE);
        for code in codes.iter() {
            if let Some(used) = now.get_mut(code.index()) {
                *used = 0;
            }
        }
        (0..).zip(now.iter_mut().filter(|c| **c == 0)).for_each(|(new, code)| *code = new);
        let becomes = |code: u32| now.get(code.index()).copied().unwrap_or(MISSING_CODE);
        codes.iter_mut().for_each(|code| *code = becomes(*code));
        let held = &mut self.held;
        self.index.retain(|text, code| {
            *code = becomes(*code);
            let used = *code != MISSING_CODE;
            *held -= if used { 0 } else { room(text) };
            used
        });
        let mut place = 0..;
        self.texts.retain(|_| place.next().is_some_and(|old| becomes(old) != MISSING_CODE));
        Ok(())
    }
}

/// The bytes of a text that is held: twice the text with what the allocator adds, twice a String, the code, the index's slack.
const fn room(text: &str) -> usize {
    2 * text.len() + 128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_no_row_has_any_more_are_forgotten() {
        let mut levels = Levels::default();
        let mut codes: Vec<u32> = ["a", "b", "c", "b"].iter().map(|t| levels.code(t).unwrap()).collect();
        assert_eq!(levels.fresh(), 3 * room("a"));
        codes = vec![codes[3], MISSING_CODE, codes[2]];
        levels.keep_used(&mut codes).unwrap();
        assert_eq!((codes, levels.texts()), (vec![0, MISSING_CODE, 1], &["b".to_owned(), "c".to_owned()][..]));
        // What is booked for the one that went does for the next.
        assert_eq!((levels.code("c").unwrap(), levels.code("d").unwrap(), levels.fresh()), (1, 2, 0));
        assert_eq!((levels.code("e").unwrap(), levels.fresh()), (3, room("e")));
    }
}
