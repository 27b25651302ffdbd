//! Figures for two classes: how well scores rank the positives first, and how true probabilities are.

use super::given::probability;
use super::state::{Mean, State, Z95, damaged};
use crate::base::{Result, interrupts, memory};

/// The scores of the negatives and of the positives: all that an exact ranking figure needs, 8 bytes a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scores {
    negative: Vec<f64>,
    positive: Vec<f64>,
}

impl Scores {
    fn add(&mut self, score: f64, label: bool) -> Result<()> {
        let side = if label { &mut self.positive } else { &mut self.negative };
        if side.len() == side.capacity() {
            memory::reserve(side, side.len().max(64))?;
        }
        side.push(score);
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        for (mine, theirs) in [(&mut self.negative, &other.negative), (&mut self.positive, &other.positive)] {
            memory::reserve(mine, theirs.len())?;
            mine.extend_from_slice(theirs);
        }
        Ok(())
    }

    /// Both sides from high to low, and whether a NaN is among them.
    fn sorted(&self) -> Result<(Vec<f64>, Vec<f64>, bool)> {
        let mut step = 0;
        let mut order = |v: &Vec<f64>| {
            let mut v = memory::copy(v)?;
            v.sort_unstable_by(|a, b| {
                step += 1;
                interrupts::check_at(step);
                b.total_cmp(a)
            });
            Ok(v)
        };
        Ok((order(&self.negative)?, order(&self.positive)?, self.negative.iter().chain(&self.positive).any(|x| x.is_nan())))
    }

    /// Walks the distinct scores from high to low: `f(negatives, positives)` at each.
    fn walk(negative: &[f64], positive: &[f64], mut f: impl FnMut(f64, f64)) {
        let (mut i, mut j) = (0, 0);
        while i < negative.len() || j < positive.len() {
            interrupts::check_at(i + j);
            let at = match (negative.get(i), positive.get(j)) {
                (Some(n), Some(p)) => n.max(*p),
                (Some(x), None) | (None, Some(x)) => *x,
                (None, None) => return,
            };
            let (a, b) = (i, j);
            while negative.get(i).is_some_and(|x| *x == at) {
                i += 1
            }
            while positive.get(j).is_some_and(|x| *x == at) {
                j += 1
            }
            f((i - a) as f64, (j - b) as f64)
        }
    }

    fn rows(&self) -> u64 {
        (self.negative.len() + self.positive.len()) as u64
    }

    fn memory(&self) -> usize {
        // What sorting copies counts, too.
        8 * (self.negative.capacity() + self.positive.capacity() + self.negative.len() + self.positive.len())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 * (1 + self.negative.len() + self.positive.len()));
        out.extend_from_slice(&(self.negative.len() as u64).to_le_bytes());
        self.negative.iter().chain(&self.positive).for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let (first, words) = words.split_first()?;
        let negatives = usize::try_from(u64::from_le_bytes(*first)).ok()?;
        if !rest.is_empty() || negatives > words.len() {
            return None;
        }
        let side = |words: &[[u8; 8]]| {
            let mut side = Vec::new();
            memory::reserve(&mut side, words.len()).ok()?;
            side.extend(words.iter().map(|w| f64::from_le_bytes(*w)));
            Some(side)
        };
        let (negative, positive) = words.split_at(negatives);
        Some(Self { negative: side(negative)?, positive: side(positive)? })
    }
}

/// Area under the ROC curve: the chance that a positive is scored above a negative, ties counting one half. Exact.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Auc(Scores);

impl Auc {
    /// Adds a row: any score that is higher for likelier positives.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn add(&mut self, score: f64, label: bool) -> Result<()> {
        self.0.add(score, label)
    }
}

impl State for Auc {
    const NAME: &'static str = "auc";
    const HIGHER_IS_BETTER: bool = true;

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.0.merge(&other.0)
    }

    fn value(&self) -> Option<f64> {
        self.figure().ok().flatten()
    }

    fn figure(&self) -> Result<Option<f64>> {
        let (negative, positive, nan) = self.0.sorted()?;
        if negative.is_empty() || positive.is_empty() {
            return Ok(None);
        }
        if nan {
            return Ok(Some(f64::NAN));
        }
        let (mut above, mut wins) = (0.0, 0.0);
        Scores::walk(&negative, &positive, |n, p| {
            wins += n * (above + 0.5 * p);
            above += p;
        });
        Ok(Some(wins / (negative.len() as f64 * positive.len() as f64)))
    }

    /// Hanley and McNeil (1982); none below two rows of each class.
    fn interval(&self) -> Option<(f64, f64)> {
        let a = self.value().filter(|a| a.is_finite())?;
        let (n, p) = (self.0.negative.len() as f64, self.0.positive.len() as f64);
        let (q1, q2) = (a / (2.0 - a), 2.0 * a * a / (1.0 + a));
        if n < 2.0 || p < 2.0 {
            return None;
        }
        let half = Z95 * ((a * (1.0 - a) + (p - 1.0) * (q1 - a * a) + (n - 1.0) * (q2 - a * a)).max(0.0) / (n * p)).sqrt();
        Some(((a - half).max(0.0), (a + half).min(1.0)))
    }

    fn rows(&self) -> u64 {
        self.0.rows()
    }

    fn memory(&self) -> usize {
        self.0.memory()
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Scores::from_bytes(bytes).map(Self).ok_or_else(|| damaged(Self::NAME))
    }
}

/// Average precision: Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from high to low, without interpolation. Exact.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AveragePrecision(Scores);

impl AveragePrecision {
    /// Adds a row: any score that is higher for likelier positives.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn add(&mut self, score: f64, label: bool) -> Result<()> {
        self.0.add(score, label)
    }
}

impl State for AveragePrecision {
    const NAME: &'static str = "average_precision";
    const HIGHER_IS_BETTER: bool = true;

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.0.merge(&other.0)
    }

    fn value(&self) -> Option<f64> {
        self.figure().ok().flatten()
    }

    fn figure(&self) -> Result<Option<f64>> {
        let (negative, positive, nan) = self.0.sorted()?;
        if positive.is_empty() {
            return Ok(None);
        }
        if nan {
            return Ok(Some(f64::NAN));
        }
        let (mut all, mut hits, mut sum) = (0.0, 0.0, 0.0);
        Scores::walk(&negative, &positive, |n, p| {
            hits += p;
            all += n + p;
            sum += p * hits / all;
        });
        Ok(Some(sum / positive.len() as f64))
    }

    fn rows(&self) -> u64 {
        self.0.rows()
    }

    fn memory(&self) -> usize {
        self.0.memory()
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Scores::from_bytes(bytes).map(Self).ok_or_else(|| damaged(Self::NAME))
    }
}

/// Mean of −ln p(what happened), p kept within one rounding of 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LogLoss(Mean);

impl LogLoss {
    /// Adds a row of two classes: the probability of the positive one.
    ///
    /// # Errors
    /// [`crate::base::Code::InvalidParameter`] when `p` is not between 0 and 1.
    pub fn add(&mut self, p: f64, label: bool) -> Result<()> {
        let p = probability(p, Self::NAME)?;
        self.0.add(-(if label { p } else { 1.0 - p }).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln());
        Ok(())
    }
}

impl State for LogLoss {
    const NAME: &'static str = "log_loss";
    const HIGHER_IS_BETTER: bool = false;

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.0.merge(&other.0);
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        self.0.value()
    }

    fn interval(&self) -> Option<(f64, f64)> {
        self.0.interval().map(|(l, h)| (l.max(0.0), h))
    }

    fn rows(&self) -> u64 {
        self.0.count()
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Mean::from_bytes(bytes).map(Self).ok_or_else(|| damaged(Self::NAME))
    }
}

/// Mean of (p − what happened)² (Brier 1950).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Brier(Mean);

impl Brier {
    /// Adds a row: the probability of the positive class.
    ///
    /// # Errors
    /// [`crate::base::Code::InvalidParameter`] when `p` is not between 0 and 1.
    pub fn add(&mut self, p: f64, label: bool) -> Result<()> {
        let d = probability(p, Self::NAME)? - f64::from(u8::from(label));
        self.0.add(d * d);
        Ok(())
    }
}

impl State for Brier {
    const NAME: &'static str = "brier";
    const HIGHER_IS_BETTER: bool = false;

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.0.merge(&other.0);
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        self.0.value()
    }

    fn interval(&self) -> Option<(f64, f64)> {
        self.0.interval().map(|(l, h)| (l.max(0.0), h.min(1.0)))
    }

    fn rows(&self) -> u64 {
        self.0.count()
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Mean::from_bytes(bytes).map(Self).ok_or_else(|| damaged(Self::NAME))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Code;

    /// Scores with ties and labels; the figures are scikit-learn's for them.
    const ROWS: [(f64, bool); 10] = [
        (0.1, false),
        (0.4, false),
        (0.35, true),
        (0.8, true),
        (0.4, true),
        (0.4, false),
        (0.9, true),
        (0.2, false),
        (0.8, false),
        (0.05, true),
    ];

    #[test]
    fn figures_are_those_of_the_reference() {
        let (mut auc, mut ap, mut loss, mut brier) = (Auc::default(), AveragePrecision::default(), LogLoss::default(), Brier::default());
        for part in ROWS.chunks(3) {
            let (mut a, mut b, mut c, mut d) = (Auc::default(), AveragePrecision::default(), LogLoss::default(), Brier::default());
            for (s, l) in part {
                a.add(*s, *l).unwrap();
                b.add(*s, *l).unwrap();
                c.add(*s, *l).unwrap();
                d.add(*s, *l).unwrap();
            }
            auc.merge(&Auc::from_bytes(&a.to_bytes()).unwrap()).unwrap();
            ap.merge(&AveragePrecision::from_bytes(&b.to_bytes()).unwrap()).unwrap();
            loss.merge(&LogLoss::from_bytes(&c.to_bytes()).unwrap()).unwrap();
            brier.merge(&Brier::from_bytes(&d.to_bytes()).unwrap()).unwrap();
        }
        let near = |x: Option<f64>, y: f64| assert!((x.unwrap() - y).abs() < 1e-12, "{x:?} {y}");
        near(auc.value(), REFERENCE[0]);
        near(ap.value(), REFERENCE[1]);
        near(loss.value(), REFERENCE[2]);
        near(brier.value(), REFERENCE[3]);
        let (l, h) = auc.interval().unwrap();
        assert!(l < REFERENCE[0] && h > REFERENCE[0] && l >= 0.0 && h <= 1.0);
        assert_eq!((auc.rows(), ap.rows(), loss.rows()), (10, 10, 10));
    }

    const REFERENCE: [f64; 4] = [0.58, 0.647_619_047_619_047_5, 0.824_994_242_383_697_7, 0.2745];

    #[test]
    fn what_has_no_figure_has_none() {
        let mut a = Auc::default();
        assert_eq!(a.value(), None);
        a.add(1.0, true).unwrap();
        assert_eq!(a.value(), None);
        a.add(f64::INFINITY, false).unwrap();
        assert_eq!(a.value(), Some(0.0));
        a.add(f64::NAN, false).unwrap();
        assert!(a.value().unwrap().is_nan());
        let mut p = AveragePrecision::default();
        p.add(0.5, false).unwrap();
        assert_eq!(p.value(), None);
        let e = LogLoss::default().add(1.2, true).unwrap_err();
        assert_eq!((e.code, e.message.as_str()), (Code::InvalidParameter, "log_loss needs probabilities"));
        let mut l = LogLoss::default();
        l.add(0.0, true).unwrap();
        assert!(l.value().unwrap().is_finite());
    }

    #[test]
    fn hostile_bytes_are_refused() {
        for bytes in [&[][..], &[1; 7], &[255; 16], &[2, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]] {
            assert_eq!(Auc::from_bytes(bytes).unwrap_err().code, Code::InvalidText);
            assert_eq!(LogLoss::from_bytes(bytes).unwrap_err().code, Code::InvalidText);
        }
    }
}
