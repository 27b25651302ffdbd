//! Free text as a few dense numbers, for models that give rows back: each hashed word and run of characters is added to one of them or
//! taken from it (a count sketch: Charikar, Chen & Farach-Colton 2002; signed hashing, Weinberger et al. 2009). Texts that share words lie
//! near each other, as they would by all their words; no text comes back from it.

use super::grams::Grams;
use super::text::Text;
use crate::base::Result;
use crate::base::number::{AsIndex, AsReal};
use crate::base::rng::mix;
use crate::dataset::MISSING_CODE;
use serde::{Deserialize, Serialize};

/// A fitted column of texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Sketch {
    stored: Stored,
    /// For each input of the text its place.
    places: Vec<u32>,
    /// The same: what its number is multiplied with.
    factors: Vec<f32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    text: Text,
    /// What a missing text counts as: the mean of the training rows.
    middle: Vec<f32>,
    /// What brings the places' variances to [`VARIANCE`] in all.
    scale: f32,
}

/// Numbers that a text becomes.
const PLACES: usize = 64;
/// The sum of their variances: that of a category whose places weigh twice a number.
const VARIANCE: f64 = 4.0;
/// Distinct texts that mean and variance are taken from at most.
const SAMPLE: usize = 20_000;

impl Sketch {
    /// The texts of a column, from `sample`, rows of a whole column of `levels`, hashed into `bits` bits. None when no two of them differ
    /// in a word.
    ///
    /// # Errors
    /// Those of `check`, which is asked between texts.
    pub fn fit(
        codes: &[u32],
        levels: &[String],
        sample: impl Iterator<Item = usize> + Clone,
        bits: u32,
        check: impl Fn() -> Result<()>,
    ) -> Result<Option<Self>> {
        let Some(text) = Text::fit(codes, levels, sample.clone(), false, bits, &check)? else { return Ok(None) };
        let sketch = Self::new(Stored { text, middle: vec![0.0; PLACES], scale: 1.0 });
        let known: Vec<u32> = sample.map(|r| codes[r]).filter(|c| *c != MISSING_CODE).collect();
        let (mut sums, mut squares, mut n) = ([0.0f64; PLACES], [0.0f64; PLACES], 0u32);
        let mut out = [0.0; PLACES];
        for (i, code) in known.iter().step_by(known.len().div_ceil(SAMPLE).max(1)).enumerate() {
            if i % 256 == 0 {
                check()?
            }
            sketch.write(Some(&levels[code.index()]), &mut out);
            n += 1;
            for ((s, q), x) in sums.iter_mut().zip(&mut squares).zip(out) {
                *s += f64::from(x);
                *q += f64::from(x) * f64::from(x);
            }
        }
        let n = f64::from(n.max(1));
        let variance: f64 = sums.iter().zip(&squares).map(|(s, q)| (q / n - (s / n) * (s / n)).max(0.0)).sum();
        if variance < 1e-6 {
            return Ok(None);
        }
        let scale = (VARIANCE / variance).sqrt();
        let middle = sums.iter().map(|s| (s / n * scale).single()).collect();
        Ok(Some(Self::new(Stored { middle, scale: scale.single(), ..sketch.stored })))
    }

    fn new(stored: Stored) -> Self {
        let hashes = || (0..stored.text.width() as u64).map(mix);
        let places = hashes().map(|h| (h % PLACES as u64) as u32).collect();
        let factors = hashes().map(|h| if h >> 63 == 0 { stored.scale } else { -stored.scale }).collect();
        Self { stored, places, factors }
    }

    /// Numbers that a text becomes.
    pub fn width(&self) -> usize {
        PLACES
    }

    /// Writes a text, or a missing one, into `out`.
    pub fn write(&self, text: Option<&str>, out: &mut [f32]) {
        let Some(text) = text else { return out.copy_from_slice(&self.stored.middle) };
        out.fill(0.0);
        self.stored.text.each(text, &mut Grams::default(), |input, x| {
            let i = input.index();
            out[self.places[i].index()] += self.factors[i] * x
        });
    }
}

impl TryFrom<Stored> for Sketch {
    type Error = String;
    fn try_from(s: Stored) -> std::result::Result<Self, String> {
        let finite = s.middle.iter().all(|x| x.is_finite()) && s.scale.is_finite() && s.scale > 0.0;
        if s.middle.len() == PLACES && finite { Ok(Self::new(s)) } else { Err("the sketch of a text column is damaged".into()) }
    }
}

impl From<Sketch> for Stored {
    fn from(s: Sketch) -> Self {
        s.stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(texts: &[String]) -> Option<Sketch> {
        let codes: Vec<u32> = (0..texts.len() as u32).collect();
        Sketch::fit(&codes, texts, 0..texts.len(), 14, || Ok(())).unwrap()
    }

    fn written(s: &Sketch, text: &str) -> Vec<f32> {
        let mut out = vec![9.0; s.width()];
        s.write(Some(text), &mut out);
        out
    }

    /// English and Chinese texts about wine and about trousers.
    fn texts() -> Vec<String> {
        (0..400)
            .map(|i| match i % 4 {
                0 => format!("dry red wine from hill {i}"),
                1 => format!("blue denim trousers size {i}"),
                2 => format!("法国干红葡萄酒{i}号"),
                _ => format!("蓝色牛仔裤{i}码"),
            })
            .collect()
    }

    #[test]
    fn texts_that_share_words_lie_near_each_other() {
        let s = fitted(&texts()).unwrap();
        let apart = |a: &str, b: &str| written(&s, a).iter().zip(written(&s, b)).map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>();
        for [near, far, other] in
            [["sweet red wine", "dry RED wine!", "black denim trousers"], ["意大利红葡萄酒", "法国干红葡萄酒", "黑色牛仔裤"]]
        {
            assert!(apart(near, far) < 0.6 * apart(near, other), "{near} {} {}", apart(near, far), apart(near, other));
        }
        // the variances of all places come to that of a category
        let all: Vec<Vec<f32>> = texts().iter().map(|t| written(&s, t)).collect();
        let variance: f64 = (0..s.width())
            .map(|p| {
                let mean = all.iter().map(|x| f64::from(x[p]) / 400.0).sum::<f64>();
                all.iter().map(|x| (f64::from(x[p]) - mean).powi(2) / 400.0).sum::<f64>()
            })
            .sum();
        assert!((variance - VARIANCE).abs() < 0.01, "{variance}");
        let mut missing = vec![0.0; s.width()];
        s.write(None, &mut missing);
        assert!((0..s.width()).all(|p| (missing[p] - all.iter().map(|x| x[p] / 400.0).sum::<f32>()).abs() < 1e-3));
    }

    #[test]
    fn texts_that_do_not_differ_are_no_sketch() {
        assert!(fitted(&["--".into(), "!".into()]).is_none());
        assert!(fitted(&["red wine".into(), "Red wine!".into()]).is_none());
    }

    #[test]
    fn stored_sketches_come_back_and_hostile_ones_do_not() {
        let s = fitted(&texts()).unwrap();
        let json = serde_json::to_value(&s).unwrap();
        let back: Sketch = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(back, s);
        assert_eq!(written(&back, "red 葡萄酒"), written(&s, "red 葡萄酒"));
        for (key, value) in [("scale", 0.0.into()), ("middle", vec![0.0; 3].into()), ("text", 1.into())] {
            let mut bad = json.clone();
            bad[key] = value;
            assert!(serde_json::from_value::<Sketch>(bad).is_err(), "{key}");
        }
    }
}
