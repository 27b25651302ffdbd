//! What else is known of an event: the store, the channel, the discount. Each such column becomes a few levels, so that an event carries a
//! small code of each.

use crate::base::number::AsIndex;
use crate::base::{Code, Context, Error, Result, memory};
use crate::dataset::{Frame, MISSING_CODE, Values};
use serde::{Deserialize, Serialize};

/// Columns of the events that are used at most.
pub const MOST: usize = 4;
/// Levels of a column of texts that have a code of their own: the most frequent ones.
const LEVELS: usize = 1000;
/// Levels that numbers are put into, each of as many events.
const STEPS: usize = 10;
/// What is not one of the levels.
const OTHER: u16 = 1;

/// The codes of one event, one a column: 0 where nothing is known, 1 for a level that is none of those that training counted, then the
/// levels.
pub type Codes = [u16; MOST];

/// How the values of one column become codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Coding {
    /// Texts, sorted.
    Levels(Vec<String>),
    /// Numbers: where each level but the first begins, and a number amid each.
    Steps { begins: Vec<f64>, amid: Vec<f64> },
}

/// How the columns of the events that `context` names become codes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EventContext(Vec<Coding>);

/// What the codes of one set of levels are in another.
#[derive(Debug, Clone, PartialEq)]
pub struct Recoding(Vec<Vec<u16>>);

impl EventContext {
    /// The levels of the columns called `names`: of a column of texts its most frequent ones, up to 1000; of numbers ten of about as many
    /// events each, and fewer where numbers recur.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`]; [`Code::WrongType`] for columns of neither; [`Code::InvalidParameter`] for more than four; [`Code::OutOfMemory`];
    /// [`Code::Cancelled`].
    pub fn of(frame: &Frame, names: &[String], ctx: &Context) -> Result<Self> {
        if names.len() > MOST {
            return Err(too_many(names.len()));
        }
        let coding = |name: &String| {
            ctx.check()?;
            match &frame.column(name)?.values {
                Values::Category { codes, levels } => Ok(levels_of(codes, levels)),
                Values::Double(v) => steps_of(v.iter().copied(), ctx),
                Values::Real(v) => steps_of(v.iter().map(|&x| f64::from(x)), ctx),
                _ => Err(Error::new(Code::WrongType, format!("column \"{name}\" is neither text nor number"))),
            }
        };
        names.iter().map(coding).collect::<Result<_>>().map(Self)
    }

    /// How many columns.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many codes column `c` has.
    pub fn codes(&self, c: usize) -> usize {
        2 + match &self.0[c] {
            Coding::Levels(levels) => levels.len(),
            Coding::Steps { amid, .. } => amid.len(),
        }
    }

    /// Whether the events do not differ in column `c`: it tells nothing.
    pub fn says_nothing(&self, c: usize) -> bool {
        self.codes(c) < 4
    }

    /// The codes of `row`; `names` are those that the levels are of.
    ///
    /// # Errors
    /// As [`EventContext::of`].
    pub fn coder<'a>(&'a self, frame: &'a Frame, names: &[String]) -> Result<impl Fn(usize) -> Codes + 'a> {
        enum Column<'a> {
            Texts(&'a [u32], Vec<u16>),
            Numbers(&'a Values, usize),
        }
        let column = |(c, name): (usize, &String)| {
            Ok(match &frame.column(name)?.values {
                Values::Category { codes, levels } => Column::Texts(codes, levels.iter().map(|l| self.text(c, l)).collect()),
                values => Column::Numbers(values, c),
            })
        };
        let columns: Vec<Column> = names.iter().enumerate().map(column).collect::<Result<_>>()?;
        Ok(move |row: usize| {
            let mut codes = Codes::default();
            for (code, column) in codes.iter_mut().zip(&columns) {
                *code = match column {
                    Column::Texts(of, table) => Some(of[row]).filter(|o| *o != MISSING_CODE).map_or(0, |o| table[o.index()]),
                    Column::Numbers(Values::Double(v), c) => self.number(*c, v[row]),
                    Column::Numbers(Values::Real(v), c) => self.number(*c, f64::from(v[row])),
                    Column::Numbers(..) => 0,
                };
            }
            codes
        })
    }

    /// The code of a text in column `c`; of one that is read as number nothing is known.
    pub fn text(&self, c: usize, text: &str) -> u16 {
        match self.0.get(c) {
            Some(Coding::Levels(levels)) => levels.binary_search_by(|l| l.as_str().cmp(text)).map_or(OTHER, |at| at as u16 + 2),
            _ => 0,
        }
    }

    /// The code of a number in column `c`; of NaN, and in a column of texts, nothing is known.
    pub fn number(&self, c: usize, x: f64) -> u16 {
        match self.0.get(c) {
            Some(Coding::Steps { begins, .. }) if !x.is_nan() => begins.partition_point(|b| *b <= x) as u16 + 2,
            _ => 0,
        }
    }

    /// What these codes are in `to`, column by column.
    pub fn recode(&self, to: &Self) -> Recoding {
        let one = |(c, coding): (usize, &Coding)| -> Vec<u16> {
            let known: Vec<u16> = match coding {
                Coding::Levels(levels) => levels.iter().map(|l| to.text(c, l)).collect(),
                Coding::Steps { amid, .. } => amid.iter().map(|&x| to.number(c, x)).collect(),
            };
            let other = to.text(c, "").min(OTHER);
            [0, other].into_iter().chain(known).collect()
        };
        Recoding(self.0.iter().enumerate().map(one).collect())
    }

    /// Checks what was stored.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn check(&self) -> Result<()> {
        let sound = |coding: &Coding| match coding {
            Coding::Levels(levels) => levels.len() <= LEVELS && levels.is_sorted(),
            Coding::Steps { begins, amid } => amid.len() <= STEPS && amid.len() <= begins.len() + 1 && begins.is_sorted(),
        };
        if self.0.len() <= MOST && self.0.iter().all(sound) {
            return Ok(());
        }
        Err(Error::new(Code::Corrupt, "the stored state of the model is damaged").detail("The levels of the events' context are none."))
    }
}

impl Recoding {
    /// The codes in the other levels; where these lack a column, nothing is known.
    pub fn of(&self, codes: Codes) -> Codes {
        let mut out = Codes::default();
        out.iter_mut().zip(codes).zip(&self.0).for_each(|((o, c), table)| *o = table.get(c.index()).copied().unwrap_or(0));
        out
    }
}

/// The error of too many columns.
pub fn too_many(count: usize) -> Error {
    Error::new(Code::InvalidParameter, "parameter \"context\" names too many columns")
        .detail(format!("It names {count}; {MOST} are used at most."))
        .hint("Name those that tell most: params => '{\"context\": [\"store\", \"channel\"]}'.")
}

fn levels_of(codes: &[u32], levels: &[String]) -> Coding {
    let mut counts = vec![0u64; levels.len()];
    codes.iter().filter(|c| **c != MISSING_CODE).for_each(|c| counts[c.index()] += 1);
    let mut by_count: Vec<usize> = (0..levels.len()).filter(|&l| counts[l] > 0).collect();
    by_count.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| levels[a].cmp(&levels[b])));
    let mut kept: Vec<String> = by_count.into_iter().take(LEVELS).map(|l| levels[l].clone()).collect();
    kept.sort();
    Coding::Levels(kept)
}

fn steps_of(numbers: impl ExactSizeIterator<Item = f64>, ctx: &Context) -> Result<Coding> {
    let rows = numbers.len();
    let _booked = ctx.budget.take(rows.saturating_mul(8), "the context of the events")?;
    let mut sorted: Vec<f64> = Vec::new();
    memory::reserve(&mut sorted, rows)?;
    sorted.extend(numbers.filter(|x| !x.is_nan()).map(|x| x + 0.0));
    sorted.sort_unstable_by(f64::total_cmp);
    let distinct: Vec<f64> = sorted.chunk_by(|a, b| a == b).take(STEPS + 1).map(|same| same[0]).collect();
    let begins: Vec<f64> = match sorted.first() {
        None => Vec::new(),
        // Few values: each is a level.
        Some(_) if distinct.len() <= STEPS => distinct.into_iter().skip(1).collect(),
        Some(&least) => {
            let mut cuts: Vec<f64> = (1..STEPS).map(|s| sorted[s * sorted.len() / STEPS]).filter(|c| *c > least).collect();
            cuts.dedup();
            cuts
        }
    };
    let amid = if sorted.is_empty() {
        Vec::new()
    } else {
        let bounds = |s: usize| {
            let from = if s == 0 { 0 } else { sorted.partition_point(|x| *x < begins[s - 1]) };
            (from, begins.get(s).map_or(sorted.len(), |b| sorted.partition_point(|x| x < b)))
        };
        (0..=begins.len()).map(bounds).map(|(from, to)| sorted[(from + to) / 2]).collect()
    };
    Ok(Coding::Steps { begins, amid })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::dataset::Column;

    fn fitted(columns: Vec<Column>) -> (Frame, Vec<String>, EventContext) {
        let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
        let frame = Frame::new(columns).unwrap();
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let of = EventContext::of(&frame, &names, &ctx).unwrap();
        (frame, names, of)
    }

    fn texts(name: &str, levels: &[&str], codes: Vec<u32>) -> Column {
        Column { name: name.into(), values: Values::Category { codes, levels: levels.iter().map(|l| (*l).to_owned()).collect() } }
    }

    #[test]
    fn values_become_codes_and_back_in_other_levels() {
        let store = texts("store", &["west", "east", "none"], vec![0, 1, 1, MISSING_CODE]);
        let discount = Column { name: "discount".into(), values: Values::Double(vec![0.0, 0.5, f64::NAN, -0.0]) };
        let (frame, names, c) = fitted(vec![store, discount]);
        let codes: Vec<Codes> = (0..4).map(c.coder(&frame, &names).unwrap()).collect();
        assert_eq!(codes, [[3, 2, 0, 0], [2, 3, 0, 0], [2, 0, 0, 0], [0, 2, 0, 0]]);
        assert_eq!((c.text(0, "north"), c.text(0, "east"), c.text(1, "x"), c.text(2, "x")), (OTHER, 2, 0, 0));
        assert_eq!((c.number(1, -9.0), c.number(1, 9.0), c.number(1, f64::NAN), c.number(0, 1.0)), (2, 3, 0, 0));
        assert_eq!((c.codes(0), c.codes(1), c.says_nothing(0)), (4, 4, false));
        // In a world that knows the west alone, the east is another store, and there is one discount.
        let (.., d) =
            fitted(vec![texts("store", &["west"], vec![0, 0]), Column { name: "discount".into(), values: Values::Real(vec![0.1; 2]) }]);
        assert!(d.says_nothing(0) && d.says_nothing(1));
        let to = c.recode(&d);
        assert_eq!(
            (to.of(codes[0]), to.of(codes[1]), to.of([1, 1, 7, 7]), to.of([0; MOST])),
            ([2, 2, 0, 0], [1, 2, 0, 0], [1, 0, 0, 0], [0; MOST])
        );
        assert_eq!(c.recode(&EventContext::default()).of(codes[0]), [0; MOST]);
        for whole in [c, d] {
            whole.check().unwrap();
            assert_eq!(serde_json::from_value::<EventContext>(serde_json::to_value(&whole).unwrap()).unwrap(), whole);
        }
    }

    #[test]
    fn many_numbers_are_ten_steps_and_many_texts_a_thousand_levels() {
        let numbers: Vec<f64> = (0..1000).map(|i| f64::from(i % 500)).collect();
        let (frame, names, c) = fitted(vec![Column { name: "n".into(), values: Values::Double(numbers) }]);
        assert_eq!(c.codes(0), 2 + STEPS);
        let coder = c.coder(&frame, &names).unwrap();
        for step in 0..10u16 {
            assert_eq!((0..1000).filter(|&r| coder(r)[0] == step + 2).count(), 100, "{step}");
        }
        // Where most are 0, the rest share what steps are left.
        let (.., c) =
            fitted(vec![Column { name: "n".into(), values: Values::Double((0..100).map(|i| f64::from((i - 69).max(0))).collect()) }]);
        assert_eq!((c.codes(0), c.number(0, 0.0), c.number(0, 1.0)), (6, 2, 3));
        let names: Vec<String> = (0..1500).map(|i| format!("{i:04}")).collect();
        let levels: Vec<&str> = names.iter().map(String::as_str).collect();
        let codes = (0..1500).chain(500..1500).collect();
        let (.., c) = fitted(vec![texts("t", &levels, codes)]);
        assert_eq!((c.codes(0), c.text(0, "0499"), c.text(0, "0500")), (1002, OTHER, 2));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let frame = Frame::new(vec![Column { name: "at".into(), values: Values::Time(vec![1]) }]).unwrap();
        let of =
            |names: &[&str]| EventContext::of(&frame, &names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>(), &ctx).unwrap_err().code;
        assert_eq!((of(&["at"]), of(&["to"]), of(&["at"; 5])), (Code::WrongType, Code::UndefinedColumn, Code::InvalidParameter));
        for bad in [
            r#"[{"levels": ["b", "a"]}]"#,
            r#"[{"steps": {"begins": [], "amid": [1, 2]}}]"#,
            r#"[{"steps": {"begins": [2, 1], "amid": []}}]"#,
        ] {
            assert_eq!(serde_json::from_str::<EventContext>(bad).unwrap().check().unwrap_err().code, Code::Corrupt, "{bad}");
        }
    }
}
