//! One column as a generator learns it.

use super::layout::UNKNOWN;
use super::marginal::Marginal;
use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Error, Result, Rng, hash};
use crate::dataset::encode::keep_most;
use crate::dataset::{Cell, Column, Family, MISSING_CODE, MISSING_TIME, Values};
use serde::{Deserialize, Serialize};

/// A fitted column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The same in all rows: kept, not learned.
    Constant(Option<Plain>),
    /// A number, or a time in microseconds.
    Number {
        /// Its distribution.
        marginal: Marginal,
        /// Whether the column holds 32-bit floats: each is read as the shortest decimal that names it, not as its 53-bit neighbour.
        single: bool,
        /// The share of rows without one; above 0 whether it is missing is a category of two levels.
        missing: f64,
    },
    /// A truth value: false, true, then missing where training had missing ones.
    Bool {
        /// The share of the rows of each level.
        shares: Vec<f64>,
    },
    /// A text: its frequent values, then one level for all others, then missing; the latter two where training had any.
    Text(Texts),
}

/// A value that can be stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plain {
    /// A number.
    Number(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// Microseconds since 2000-01-01 (UTC).
    Time(i64),
}

/// The values of a text column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredTexts", into = "StoredTexts")]
pub struct Texts {
    stored: StoredTexts,
    places: hash::Map<String, u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct StoredTexts {
    /// Values with a level of their own, the most frequent first; then the rare ones.
    values: Vec<String>,
    /// How many have a level.
    frequent: usize,
    /// The share of the rows of each value.
    shares: Vec<f64>,
    /// The share of rows without one.
    missing: f64,
}

/// A level that a condition asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// The column's place.
    pub column: usize,
    /// The level.
    pub level: u32,
    /// A text that shares the level with others: what generated rows then get.
    pub text: Option<String>,
}

/// A value as the networks take it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written {
    /// Of a number; the whole range where it is missing.
    pub rank: Option<[f32; 2]>,
    /// Of a category, or whether a number is missing; none for a text that training never met.
    pub level: Option<u32>,
}

/// Rare texts that are kept at most.
const RARE: usize = 10_000;

impl Part {
    /// The column as its `rows` are. `limits` are the rows that a text needs for a level of its own, and the most levels.
    ///
    /// # Errors
    /// [`Code::WrongType`] for an array.
    pub fn fit(column: &Column, rows: &[u32], limits: (usize, usize)) -> Result<Self> {
        let cells = || rows.iter().looking().map(|r| column.values.cell(r.index()));
        let missing = cells().filter(|c| *c == Cell::Missing).count();
        let share = |n: usize| n.real() / rows.len().max(1).real();
        if missing == rows.len() {
            return Ok(Self::Constant(None));
        }
        Ok(match &column.values {
            v @ (Values::Real(_) | Values::Double(_) | Values::Time(_)) => {
                let single = matches!(v, Values::Real(_));
                let mut x: Vec<f64> = cells()
                    .filter_map(|c| match c {
                        Cell::Number(x) => Some(plain(x, single)),
                        Cell::Time(t) => Some(t.real()),
                        _ => None,
                    })
                    .collect();
                match Marginal::fit(&mut x) {
                    Some(m) if missing == 0 && m.ends().0 == m.ends().1 => {
                        let x = m.ends().0;
                        Self::Constant(Some(if matches!(v, Values::Time(_)) { Plain::Time(x as i64) } else { Plain::Number(x) }))
                    }
                    Some(marginal) => Self::Number { marginal, single, missing: share(missing) },
                    None => Self::Constant(None),
                }
            }
            Values::Bool(_) => {
                let yes = cells().filter(|c| *c == Cell::Bool(true)).count();
                let no = rows.len() - missing - yes;
                match (no, yes, missing) {
                    (0, _, 0) => Self::Constant(Some(Plain::Bool(true))),
                    (_, 0, 0) => Self::Constant(Some(Plain::Bool(false))),
                    (_, _, 0) => Self::Bool { shares: vec![share(no), share(yes)] },
                    _ => Self::Bool { shares: vec![share(no), share(yes), share(missing)] },
                }
            }
            Values::Category { codes, levels } => {
                let mut counts = vec![0; levels.len()];
                rows.iter().looking().map(|r| codes[r.index()]).filter(|c| *c != MISSING_CODE).for_each(|c| counts[c.index()] += 1);
                let mut counts: Vec<(&String, usize)> = levels.iter().zip(counts).looking().filter(|(_, n)| *n > 0).collect();
                if let ([(only, _)], 0) = (&counts[..], missing) {
                    return Ok(Self::Constant(Some(Plain::Text((*only).clone()))));
                }
                keep_most(&mut counts, limits.1.saturating_add(RARE));
                let frequent = counts.iter().take(limits.1).take_while(|(_, n)| *n >= limits.0).count();
                counts.truncate(frequent + RARE);
                let stored = StoredTexts {
                    values: counts.iter().map(|(t, _)| (*t).clone()).collect(),
                    frequent,
                    shares: counts.iter().map(|(_, n)| share(*n)).collect(),
                    missing: share(missing),
                };
                Self::Text(Texts::new(stored))
            }
            Values::Vector { .. } | Values::Labels { .. } => {
                return Err(Error::new(Code::WrongType, format!("column \"{}\" cannot be generated", column.name))
                    .detail(format!("It holds {}.", Family::of(&column.values).plural()))
                    .hint(format!("Leave it out: params => '{{\"exclude\": [\"{}\"]}}'.", column.name)));
            }
        })
    }

    /// Whether it is learned as a number.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Number { .. })
    }

    /// Levels, where it has any.
    pub fn levels(&self) -> Option<usize> {
        match self {
            Self::Number { missing, .. } if *missing > 0.0 => Some(2),
            Self::Bool { shares } => Some(shares.len()),
            Self::Text(t) => Some(t.levels()),
            Self::Constant(_) | Self::Number { .. } => None,
        }
    }

    /// Levels as a condition; 0 where it cannot be one.
    pub fn conditions(&self) -> usize {
        match self {
            Self::Bool { .. } | Self::Text(_) => self.levels().unwrap_or(0),
            Self::Constant(_) | Self::Number { .. } => 0,
        }
    }

    /// The share of the training rows of each level of a text or truth value.
    pub fn shares(&self) -> Vec<f64> {
        match self {
            Self::Bool { shares } => shares.clone(),
            Self::Text(t) => t.level_shares(),
            Self::Constant(_) | Self::Number { .. } => Vec::new(),
        }
    }

    /// The values that a condition may ask for, the most frequent first.
    pub fn values(&self) -> Vec<String> {
        match self {
            Self::Text(t) => t.stored.values.clone(),
            Self::Bool { .. } => vec!["false".into(), "true".into()],
            Self::Constant(Some(Plain::Text(t))) => vec![t.clone()],
            Self::Constant(Some(Plain::Bool(b))) => vec![b.to_string()],
            Self::Constant(_) | Self::Number { .. } => Vec::new(),
        }
    }

    /// Whether values of `family` can be written.
    pub fn takes(&self, family: Family) -> bool {
        match self {
            Self::Constant(None) => true,
            Self::Constant(Some(Plain::Number(_))) => family == Family::Number,
            Self::Constant(Some(Plain::Time(_))) => family == Family::Time,
            Self::Number { missing, .. } => matches!(family, Family::Number | Family::Time) && (0.0..=1.0).contains(missing),
            Self::Constant(Some(Plain::Bool(_))) => family == Family::Bool,
            Self::Bool { shares } => family == Family::Bool && matches!(shares.len(), 2 | 3) && shares.iter().all(|s| s.is_finite()),
            Self::Constant(Some(Plain::Text(_))) | Self::Text(_) => family == Family::Text,
        }
    }

    /// A value as the networks take it; none for one of another family.
    pub fn write(&self, cell: &Cell<'_>) -> Option<Written> {
        let level = |l: Option<u32>| Some(Written { rank: None, level: l });
        // A number that is none is missing.
        let cell = if matches!(cell, Cell::Number(x) if !x.is_finite()) { &Cell::Missing } else { cell };
        match (self, cell) {
            (Self::Constant(None), _)
            | (Self::Constant(_), Cell::Missing)
            | (Self::Constant(Some(Plain::Number(_))), Cell::Number(_))
            | (Self::Constant(Some(Plain::Bool(_))), Cell::Bool(_))
            | (Self::Constant(Some(Plain::Text(_))), Cell::Text(_))
            | (Self::Constant(Some(Plain::Time(_))), Cell::Time(_)) => level(None),
            (Self::Number { missing, .. }, Cell::Missing) => Some(Written { rank: Some([0.0, 1.0]), level: (*missing > 0.0).then_some(1) }),
            (Self::Number { marginal, single, .. }, Cell::Number(x)) => {
                Some(Written { rank: Some(marginal.rank(plain(*x, *single))), level: Some(0) })
            }
            (Self::Number { marginal, .. }, Cell::Time(t)) => Some(Written { rank: Some(marginal.rank(t.real())), level: Some(0) }),
            (Self::Bool { .. }, Cell::Bool(b)) => level(Some(u32::from(*b))),
            (Self::Bool { shares }, Cell::Missing) => level((shares.len() == 3).then_some(2)),
            (Self::Text(t), Cell::Text(text)) => level(t.level(text)),
            (Self::Text(t), Cell::Missing) => level((t.stored.missing > 0.0).then(|| t.levels() as u32 - 1)),
            _ => None,
        }
    }

    /// The values of `n` generated rows, row r of which has the normal score `score(r)` and the level `level(r)`.
    pub fn read(&self, n: usize, score: impl Fn(usize) -> f32, level: impl Fn(usize) -> u32, family: Family, rng: &mut Rng) -> Values {
        let rows = (0..n).looking();
        match (self, family) {
            (Self::Constant(Some(Plain::Number(x))), _) => Values::Double(vec![*x; n]),
            (Self::Constant(Some(Plain::Time(t))), _) => Values::Time(vec![*t; n]),
            (Self::Constant(Some(Plain::Bool(b))), _) => Values::Bool(vec![u8::from(*b); n]),
            (Self::Constant(Some(Plain::Text(t))), _) => Values::Category { codes: vec![0; n], levels: vec![t.clone()] },
            (Self::Constant(None), Family::Text) => Values::Category { codes: vec![MISSING_CODE; n], levels: Vec::new() },
            (Self::Constant(None), Family::Bool) => Values::Bool(vec![2; n]),
            (Self::Constant(None), Family::Time) => Values::Time(vec![MISSING_TIME; n]),
            (Self::Constant(None), _) => Values::Double(vec![f64::NAN; n]),
            (Self::Number { marginal, missing, .. }, _) => {
                let absent = |r: usize| *missing > 0.0 && level(r) == 1;
                let value = |r: usize| marginal.value(super::layout::rank(score(r)));
                match family {
                    Family::Time => Values::Time(rows.map(|r| if absent(r) { MISSING_TIME } else { value(r) as i64 }).collect()),
                    _ => Values::Double(rows.map(|r| if absent(r) { f64::NAN } else { value(r) }).collect()),
                }
            }
            (Self::Bool { .. }, _) => Values::Bool(rows.map(|r| level(r).min(2) as u8).collect()),
            (Self::Text(t), _) => {
                Values::Category { codes: rows.map(|r| t.code(level(r), rng)).collect(), levels: t.stored.values.clone() }
            }
        }
    }

    /// The level of a value that a condition asks for, of column `at`; none where training never met it.
    pub fn asked(&self, at: usize, value: &serde_json::Value) -> Option<Level> {
        let own = |level| Some(Level { column: at, level, text: None });
        match (self, value) {
            (Self::Text(t), serde_json::Value::String(text)) => {
                let place = *t.places.get(text)?;
                let shared = place.index() >= t.stored.frequent;
                Some(Level { column: at, level: t.level(text)?, text: shared.then(|| text.clone()) })
            }
            (Self::Text(t), serde_json::Value::Null) if t.stored.missing > 0.0 => own(t.levels() as u32 - 1),
            (Self::Bool { .. }, serde_json::Value::Bool(b)) => own(u32::from(*b)),
            (Self::Bool { shares }, serde_json::Value::Null) if shares.len() == 3 => own(2),
            (Self::Constant(Some(Plain::Text(t))), serde_json::Value::String(text)) if t == text => own(0),
            (Self::Constant(Some(Plain::Bool(b))), serde_json::Value::Bool(x)) if b == x => own(0),
            _ => None,
        }
    }
}

/// A number as a column of its type shows it.
fn plain(x: f64, single: bool) -> f64 {
    if single { x.single().to_string().parse().unwrap_or(x) } else { x }
}

impl Texts {
    fn new(stored: StoredTexts) -> Self {
        let places = stored.values.iter().enumerate().map(|(i, t)| (t.clone(), i as u32)).collect();
        Self { stored, places }
    }

    fn shared(&self) -> bool {
        self.stored.frequent < self.stored.values.len()
    }

    fn levels(&self) -> usize {
        self.stored.frequent + usize::from(self.shared()) + usize::from(self.stored.missing > 0.0)
    }

    fn level_shares(&self) -> Vec<f64> {
        let (own, rare) = self.stored.shares.split_at(self.stored.frequent);
        let mut out = own.to_vec();
        out.extend(self.shared().then(|| rare.iter().sum::<f64>()));
        out.extend((self.stored.missing > 0.0).then_some(self.stored.missing));
        out
    }

    /// The level of a text; one that training never met goes with the rare ones, where there are any.
    fn level(&self, text: &str) -> Option<u32> {
        let frequent = self.stored.frequent as u32;
        match self.places.get(text) {
            Some(i) => Some((*i).min(frequent)),
            None => self.shared().then_some(frequent),
        }
    }

    /// A value of a level: its own, one of the rare ones by their shares, or none.
    fn code(&self, level: u32, rng: &mut Rng) -> u32 {
        let (s, frequent) = (&self.stored, self.stored.frequent);
        if level.index() < frequent {
            return level;
        }
        if !self.shared() || level.index() > frequent {
            return MISSING_CODE;
        }
        let rare = &s.shares[frequent..];
        let mut left = rng.uniform() * rare.iter().sum::<f64>();
        let found = rare.iter().position(|x| {
            left -= x;
            left < 0.0
        });
        (frequent + found.unwrap_or(rare.len() - 1)) as u32
    }
}

impl TryFrom<StoredTexts> for Texts {
    type Error = &'static str;
    fn try_from(s: StoredTexts) -> std::result::Result<Self, &'static str> {
        let shares = s.shares.iter().chain([&s.missing]).all(|x| (0.0..=1.0).contains(x));
        let t = Self::new(s);
        let good = shares
            && t.stored.shares.len() == t.stored.values.len()
            && t.places.len() == t.stored.values.len()
            && t.stored.frequent <= t.stored.values.len()
            && t.levels() > 0
            && t.levels() < UNKNOWN.index();
        if good { Ok(t) } else { Err("the values of a text column are damaged") }
    }
}

impl From<Texts> for StoredTexts {
    fn from(t: Texts) -> Self {
        t.stored
    }
}
