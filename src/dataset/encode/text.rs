//! Free text as inputs: words and runs of characters, hashed, weighted by how few rows have them (tf-idf), as sparse numbers.
//!
//! A number is (1 + ln tf) · (1 + ln((1 + rows) / (1 + rows that have it))), and words and runs are each scaled to the same length
//! (Salton & Buckley 1988; the hashing of Weinberger et al. 2009, without signs).

use super::grams::{Grams, without_blanks};
use crate::base::Result;
use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::dataset::{Column, MISSING_CODE, Values};
use serde::{Deserialize, Serialize};

/// A fitted column of texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Text {
    stored: Stored,
    /// For each bucket its input; [`NONE`] where training had nothing in it.
    inputs: Vec<u32>,
    /// For each bucket its idf.
    idf: Vec<f32>,
    width: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    /// The logarithm of the number of buckets.
    bits: u32,
    /// The longest run of characters.
    longest: usize,
    /// Whether training had missing texts.
    missing: bool,
    /// The idf of each bucket in [`STEP`]s, a character each from [`FIRST`] on; a blank for a bucket that training had nothing in.
    idf: String,
}

/// A bucket without an input.
const NONE: u32 = u32::MAX;
/// The character of the least idf: from here to the last none needs to be escaped in JSON.
const FIRST: u8 = b'#';
/// The last that is used.
const LAST: u8 = b'[';
/// What one character more means. A billion rows have an idf of 21 at most.
const STEP: f32 = 0.4;
/// The length that words are scaled to, and runs. As large as some numbers of a row, or an optimiser's steps would be small beside it.
const LENGTH: f32 = 3.0;
/// With more distinct texts than this, runs are of three characters only: they take a quarter of the memory, and there is enough to learn
/// from.
const MANY: usize = 200_000;

/// With so many distinct texts, only what stands in [`FOUND`] of the rows is an input: the rest is a third of the weights and teaches
/// nothing. (Of 3,503 products: the AUC is .8411 with it, .8407 where two rows suffice.)
const SOME: usize = 1000;
/// See [`SOME`].
const FOUND: u32 = 3;

/// The fewest distinct values of a column of texts.
const DISTINCT: usize = 20;
/// Rows and values that are looked at to tell texts from categories.
const SAMPLE: usize = 20_000;

/// Whether a column holds free text rather than names of categories: most of its rows have a value that fewer than `min_count` rows have,
/// and its values have two words on average. Two characters of a script without blanks count as a word.
pub fn is_text(column: &Column, rows: &[u32], min_count: usize) -> bool {
    let Values::Category { codes, levels } = &column.values else { return false };
    let mut counts = vec![0u32; levels.len()];
    let known = rows.iter().looking().map(|r| codes[r.index()]).filter(|c| *c != MISSING_CODE);
    let total = known.map(|c| counts[c.index()] += 1).count();
    let rare: usize = counts.iter().map(|n| n.index()).filter(|n| *n < min_count).sum();
    let used: Vec<&String> = levels.iter().zip(&counts).looking().filter(|(_, n)| **n > 0).map(|(t, _)| t).collect();
    if used.len() < DISTINCT || rare * 2 < total {
        return false;
    }
    let step = used.len().div_ceil(SAMPLE);
    let (words, texts) = used.iter().step_by(step).fold((0, 0), |(w, n), t| (w + words(t), n + 1));
    words >= 2 * texts
}

/// Words of two letters or more: codes and numbers are none.
fn words(text: &str) -> usize {
    let (mut count, mut letters, mut characters) = (0, 0, 0);
    for c in text.chars().take(200).chain([' ']) {
        if without_blanks(c) {
            characters += 1;
        } else if c.is_alphabetic() {
            letters += 1;
            count += usize::from(letters == 2);
        } else if c.is_numeric() {
            letters = 2;
        } else {
            letters = 0;
        }
    }
    count + characters / 2
}

impl Text {
    /// The texts of a column, from `sample`, rows of a whole column of `levels`; `missing` says whether some rows have none. None when
    /// no text has a letter or digit.
    ///
    /// # Errors
    /// Those of `check`, which is asked between texts.
    pub fn fit(
        codes: &[u32],
        levels: &[String],
        sample: impl Iterator<Item = usize>,
        missing: bool,
        bits: u32,
        check: impl Fn() -> Result<()>,
    ) -> Result<Option<Self>> {
        let mut counts = vec![0u32; levels.len()];
        sample.looking().map(|r| codes[r]).filter(|c| *c != MISSING_CODE).for_each(|c| counts[c.index()] += 1);
        let longest = if levels.len() > MANY { 3 } else { 5 };
        let mut found = vec![0u32; 1 << bits];
        let mut grams = Grams::default();
        let mut total = 0;
        for (i, (text, n)) in levels.iter().zip(&counts).filter(|(_, n)| **n > 0).enumerate() {
            if i % 256 == 0 {
                check()?;
            }
            total += n;
            grams.read(text, bits, longest);
            let Grams { words, runs, .. } = &mut grams;
            words.append(runs);
            words.sort_unstable();
            words.dedup();
            words.iter().for_each(|b| found[b.index()] += n);
        }
        let letter = |n: u32| {
            let idf = (f64::from(1 + total) / f64::from(1 + n)).ln().single();
            char::from((f32::from(FIRST) + (idf / STEP).round()).min(f32::from(LAST)) as u8)
        };
        let least = if counts.iter().filter(|n| **n > 0).count() < SOME { 1 } else { FOUND };
        let idf = found.iter().map(|n| if *n < least { ' ' } else { letter(*n) }).collect();
        let t = Self::new(Stored { bits, longest, missing, idf });
        Ok((t.width > 0).then_some(t))
    }

    fn new(stored: Stored) -> Self {
        let mut width = 0;
        let inputs = stored.idf.bytes().map(|b| {
            if b == b' ' {
                return NONE;
            }
            width += 1;
            width - 1
        });
        let inputs: Vec<u32> = inputs.collect();
        let idf = stored.idf.bytes().map(|b| 1.0 + STEP * f32::from(b.saturating_sub(FIRST))).collect();
        Self { stored, inputs, idf, width: width.index() }
    }

    /// Sparse inputs.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether training had missing texts.
    pub fn missing(&self) -> bool {
        self.stored.missing
    }

    /// The inputs that `text` sets and their numbers, by way of `grams`; each input once, words before runs.
    pub fn each(&self, text: &str, grams: &mut Grams, mut f: impl FnMut(u32, f32)) {
        grams.read(text, self.stored.bits, self.stored.longest);
        for buckets in [&mut grams.words, &mut grams.runs] {
            buckets.sort_unstable();
            let numbers = || {
                buckets.chunk_by(|a, b| a == b).filter_map(|same| {
                    let at = same[0].index();
                    let tf = if same.len() == 1 { 1.0 } else { 1.0 + (same.len().single()).ln() };
                    (self.inputs[at] != NONE).then(|| (self.inputs[at], tf * self.idf[at]))
                })
            };
            let square: f32 = numbers().map(|(_, x)| x * x).sum();
            let scale = LENGTH / square.sqrt().max(f32::MIN_POSITIVE);
            numbers().for_each(|(i, x)| f(i, x * scale));
        }
    }
}

impl TryFrom<Stored> for Text {
    type Error = String;
    fn try_from(s: Stored) -> std::result::Result<Self, String> {
        let letters = s.idf.bytes().all(|b| b == b' ' || (FIRST..=LAST).contains(&b));
        if (8..=16).contains(&s.bits) && (3..=5).contains(&s.longest) && s.idf.len() == 1 << s.bits && letters {
            Ok(Self::new(s))
        } else {
            Err("the weights of a text column are damaged".into())
        }
    }
}

impl From<Text> for Stored {
    fn from(t: Text) -> Self {
        t.stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(texts: &[&str]) -> Column {
        let levels: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
        Column { name: "t".into(), values: Values::Category { codes: (0..texts.len() as u32).collect(), levels } }
    }

    fn fitted(texts: &[&str]) -> Text {
        let Values::Category { codes, levels } = column(texts).values else { panic!() };
        Text::fit(&codes, &levels, 0..texts.len(), false, 12, || Ok(())).unwrap().unwrap()
    }

    fn numbers(t: &Text, text: &str) -> Vec<(u32, f32)> {
        let mut out = Vec::new();
        t.each(text, &mut Grams::default(), |i, x| out.push((i, x)));
        out
    }

    #[test]
    fn rare_words_count_more_and_every_text_has_one_length() {
        let t = fitted(&["red wine", "white wine", "red cheese", "old wine", "wine vinegar"]);
        let alone = |word: &str| {
            let mut g = Grams::default();
            g.read(word, 12, 5);
            t.idf[g.words[0] as usize]
        };
        assert!(alone("wine") < alone("red") && alone("red") < alone("vinegar"), "{} {} {}", alone("wine"), alone("red"), alone("vinegar"));
        for text in ["red wine", "wine", "WINE vinegar unseen"] {
            let n = numbers(&t, text);
            let square: f32 = n.iter().map(|(_, x)| x * x).sum();
            assert!((square - 2.0 * LENGTH * LENGTH).abs() < 1e-3, "{text} {square}");
            assert!(n.iter().all(|(i, _)| (*i as usize) < t.width()));
        }
        assert_eq!(numbers(&t, "qqqq"), []);
        assert_eq!(numbers(&t, ""), []);
    }

    #[test]
    fn stored_texts_come_back_and_hostile_ones_do_not() {
        let t = fitted(&["red wine", "白酒 500ml", "cheese"]);
        let json = serde_json::to_string(&t).unwrap();
        let back: Text = serde_json::from_str(&json).unwrap();
        assert_eq!(back, t);
        assert_eq!(numbers(&back, "red 白酒"), numbers(&t, "red 白酒"));
        for (from, to) in
            [("\"bits\":12", "\"bits\":40"), ("\"bits\":12", "\"bits\":13"), ("\"longest\":5", "\"longest\":900"), ("     ", "\u{7f}    ")]
        {
            assert!(json.contains(from));
            assert!(serde_json::from_str::<Text>(&json.replacen(from, to, 1)).is_err(), "{to}");
        }
    }

    #[test]
    fn free_text_is_told_from_categories() {
        let rows: Vec<u32> = (0..200).collect();
        let make = |f: &dyn Fn(usize) -> String| {
            let t: Vec<String> = (0..200).map(f).collect();
            column(&t.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert!(is_text(&make(&|i| format!("dry red wine number {i}")), &rows, 10));
        assert!(is_text(&make(&|i| format!("红色连衣裙{i}")), &rows, 10));
        // codes, dates, keys
        assert!(!is_text(&make(&|i| format!("SKU-{i}")), &rows, 10));
        assert!(!is_text(&make(&|i| format!("2024-01-01 {i}:00")), &rows, 10));
        assert!(!is_text(&make(&|i| format!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd38{i:04}")), &rows, 10));
        // few values, each of many rows
        let levels = (0..30).map(|i| format!("frozen pizza {i}")).collect();
        let c = Column { name: "c".into(), values: Values::Category { codes: (0..600).map(|i| i % 30).collect(), levels } };
        assert!(!is_text(&c, &(0..600).collect::<Vec<_>>(), 10));
        assert!(!is_text(&Column { name: "n".into(), values: Values::Real(vec![1.0; 200]) }, &rows, 10));
    }

    #[test]
    fn texts_of_nothing_are_no_inputs() {
        let Values::Category { codes, levels } = column(&["--", "!", ""]).values else { panic!() };
        assert!(Text::fit(&codes, &levels, 0..3, false, 12, || Ok(())).unwrap().is_none());
    }
}
