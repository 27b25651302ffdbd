//! What is known of items beside their events: the group of each by attribute (category, maker, price level).

use crate::base::number::AsIndex;
use crate::base::{Code, Context, Error, Result, zeros};
use crate::dataset::frame::{Frame, MISSING_CODE, Values};
use crate::dataset::vocabulary::Vocabulary;
use std::collections::BTreeMap;

/// Attributes that are used at most: the first ones that can be.
const MOST: usize = 6;
/// Groups of an attribute at most.
const GROUPS: usize = 4000;
/// Groups that numbers with many values are put into, each of as many items.
const LEVELS: usize = 10;

/// One attribute of the items.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its column's name.
    pub name: String,
    /// How many groups: 2 to 4000.
    pub groups: usize,
    /// One an item: its group, or [`MISSING_CODE`].
    pub of: Vec<u32>,
}

/// What [`attributes`] made of a relation of items.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Described {
    /// The attributes that can be used, as many as are.
    pub attributes: Vec<Attribute>,
    /// Columns that say nothing of a group, and those beyond the first six that do.
    pub left_out: Vec<String>,
    /// Rows of an item that had one already; the first one counts.
    pub repeated: u64,
}

/// The attributes that `frame` gives the items. Its first column holds ids in text form; rows of other items are of no use and do no harm.
/// Texts and truth values are groups; so are whole numbers of few values (ids of a maker); other numbers become ten levels of as many items
/// each. Texts that hardly two items share (titles) group nothing. `known`: the item of each id of the first column, where more than its
/// text tells it.
///
/// # Errors
/// [`Code::Data`] when no row is of one of the items, or no column groups them.
pub fn attributes(frame: &Frame, items: &Vocabulary, known: Option<&[Option<u32>]>, ctx: &Context) -> Result<Described> {
    let _booked = ctx.budget.take(items.len().saturating_mul(4 * MOST), "the attributes of the items")?;
    let Rows { of: row_of, repeated } = rows(frame, items, known, ctx)?;
    let mut described = Described { repeated, ..Described::default() };
    let found = row_of.iter().filter(|r| **r != MISSING_CODE).count();
    for column in frame.columns().iter().skip(1) {
        ctx.check()?;
        match groups(&column.values, &row_of, found) {
            Some((groups, of)) if described.attributes.len() < MOST => {
                described.attributes.push(Attribute { name: column.name.clone(), groups, of });
            }
            _ => described.left_out.push(column.name.clone()),
        }
    }
    if described.attributes.is_empty() {
        return Err(Error::new(Code::Data, "no column of items groups them")
            .detail(format!("Columns are: {}.", described.left_out.join(", ")))
            .hint("Give a category, a maker, a price or the like: texts that items share, numbers or booleans."));
    }
    Ok(described)
}

/// Where the items of some events are described.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// One an item: its row, or [`MISSING_CODE`].
    pub of: Vec<u32>,
    /// Rows of an item that had one already; the first one counts.
    pub repeated: u64,
}

/// The rows of the items in `frame`, whose first column holds ids in text form; `known` as in [`attributes`].
///
/// # Errors
/// [`Code::Data`] when no row is of one of the items.
pub fn rows(frame: &Frame, items: &Vocabulary, known: Option<&[Option<u32>]>, ctx: &Context) -> Result<Rows> {
    let ids = frame.columns().first().ok_or_else(|| Error::internal("no column of ids"))?;
    let Values::Category { codes, levels } = &ids.values else { return Err(Error::internal("ids are no texts")) };
    let _booked = ctx.budget.take((items.len() + levels.len()).saturating_mul(8), "the rows of the items")?;
    let by_text = || levels.iter().map(|l| items.kind().parse(l).and_then(|id| items.find(&id))).collect();
    let known: Vec<Option<u32>> = known.map_or_else(by_text, <[_]>::to_vec);
    let mut repeated = 0;
    let mut row_of: Vec<u32> = zeros(items.len())?;
    row_of.fill(MISSING_CODE);
    for (row, &code) in codes.iter().enumerate() {
        if row % 65_536 == 0 {
            ctx.check()?;
        }
        let Some(item) = known.get(code.index()).copied().flatten() else { continue };
        match &mut row_of[item.index()] {
            first if *first == MISSING_CODE => *first = row as u32,
            _ => repeated += 1,
        }
    }
    if row_of.iter().all(|r| *r == MISSING_CODE) {
        return Err(Error::new(Code::Data, "the relation of items describes no item of the events")
            .detail(format!("Its ids are like \"{}\", those of the events like \"{}\".", example(levels), items.id(0)))
            .hint("The column that is item_col in the events holds the ids in items, too: make a view that names it so."));
    }
    Ok(Rows { of: row_of, repeated })
}

fn example(levels: &[String]) -> &str {
    levels.first().map_or("", String::as_str)
}

/// The groups of one column's values, those that occur numbered in order of their value; none where they group nothing. `found` items have
/// a row.
fn groups(values: &Values, row_of: &[u32], found: usize) -> Option<(usize, Vec<u32>)> {
    let of_row = |f: &dyn Fn(usize) -> Option<u64>| -> Vec<Option<u64>> {
        row_of.iter().map(|&r| if r == MISSING_CODE { None } else { f(r.index()) }).collect()
    };
    let keys = match values {
        Values::Category { codes, .. } => of_row(&|r| Some(codes[r]).filter(|c| *c != MISSING_CODE).map(u64::from)),
        Values::Bool(v) => of_row(&|r| Some(v[r]).filter(|b| *b < 2).map(u64::from)),
        Values::Real(v) => numbers(&of_row(&|r| Some(f64::from(v[r])).filter(|x| x.is_finite()).map(ordered)), found),
        Values::Double(v) => numbers(&of_row(&|r| Some(v[r]).filter(|x| x.is_finite()).map(ordered)), found),
        Values::Time(_) | Values::Vector { .. } | Values::Labels { .. } => return None,
    };
    let mut number: BTreeMap<u64, u32> = keys.iter().flatten().map(|k| (*k, 0)).collect();
    if number.len() < 2 || number.len() > GROUPS.min(found / 2) {
        return None;
    }
    number.values_mut().zip(0..).for_each(|(n, i)| *n = i);
    Some((number.len(), keys.iter().map(|k| k.map_or(MISSING_CODE, |k| number[&k])).collect()))
}

/// Bits that sort as the numbers do.
fn ordered(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The number of [`ordered`] bits.
fn number(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// Whole numbers of few values as they are; others by how many items have less.
fn numbers(keys: &[Option<u64>], found: usize) -> Vec<Option<u64>> {
    let mut sorted: Vec<u64> = keys.iter().flatten().copied().collect();
    sorted.sort_unstable();
    let distinct = sorted.chunk_by(|a, b| a == b).count();
    if distinct <= found / 4 && sorted.iter().all(|&k| number(k).fract() == 0.0) {
        return keys.to_vec();
    }
    let below = |k: u64| sorted.partition_point(|&s| s < k) * LEVELS / sorted.len().max(1);
    keys.iter().map(|k| k.map(|k| below(k) as u64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::dataset::{Column, IdKind};

    fn texts(name: &str, rows: &[&str]) -> Column {
        let mut levels: Vec<String> = Vec::new();
        let mut code = |r: &&str| {
            let at = levels.iter().position(|l| l == r).unwrap_or(levels.len());
            if at == levels.len() {
                levels.push((*r).to_owned());
            }
            at as u32
        };
        let codes = rows.iter().map(|r| if r.is_empty() { MISSING_CODE } else { code(r) }).collect();
        Column { name: name.into(), values: Values::Category { codes, levels } }
    }

    fn column(name: &str, values: Values) -> Column {
        Column { name: name.into(), values }
    }

    fn of(columns: Vec<Column>, items: &[&str]) -> Result<Described> {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let ids: Vec<String> = items.iter().map(|s| (*s).to_owned()).collect();
        attributes(&Frame::new(columns).unwrap(), &Vocabulary::new(IdKind::Integer, &ids).unwrap().0, None, &ctx)
    }

    #[test]
    fn each_type_groups_in_its_own_way() {
        let rows = ["5", "1", "x", "2", "3", "1", "9", "4", "6", "7", "8"];
        let found = of(
            vec![
                texts("id", &rows),
                texts("kind", &["b", "a", "a", "b", "b", "b", "z", "", "a", "a", "a"]),
                texts("title", &rows),
                column("sold", Values::Bool(vec![1, 0, 0, 1, 2, 1, 0, 0, 1, 1, 0])),
                column("maker", Values::Double(vec![7.0, -2.0, 1.0, 7.0, 7.0, 3.0, 4.0, f64::NAN, -2.0, -2.0, 7.0])),
                column("price", Values::Real(vec![0.5, 0.1, 9.0, 0.2, 0.3, 7.0, 8.0, 0.4, 0.6, 0.7, 0.8])),
                column("since", Values::Time(vec![0; 11])),
            ],
            &["1", "2", "3", "4", "5", "6", "7", "8"],
        )
        .unwrap();
        assert_eq!((found.left_out, found.repeated), (vec!["title".to_owned(), "price".into(), "since".into()], 1));
        let m = MISSING_CODE;
        let of = |name: &str| found.attributes.iter().find(|a| a.name == name).map(|a| (a.groups, a.of.clone())).unwrap();
        // Items 1 to 8; item 1 by its first row.
        assert_eq!(of("kind"), (2, vec![1, 0, 0, m, 0, 1, 1, 1]));
        assert_eq!(of("sold"), (2, vec![0, 1, m, 0, 1, 1, 1, 0]));
        assert_eq!(of("maker"), (2, vec![0, 1, 1, m, 1, 0, 0, 1]));
    }

    #[test]
    fn many_numbers_become_levels() {
        let ids: Vec<String> = (0..40).map(|i| i.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let prices = (0..40).map(|i| f64::from(i) * 1.25 - 20.0).collect();
        let found = of(vec![texts("id", &ids), column("price", Values::Double(prices))], &ids).unwrap();
        let a = &found.attributes[0];
        assert_eq!((a.groups, a.of.clone()), (10, (0..40).map(|i| i / 4).collect()));
        for x in [-1e300, -2.5, -0.0, 0.0, 3.0] {
            assert_eq!(number(ordered(x)), x);
        }
    }

    #[test]
    fn a_relation_of_other_items_is_an_error() {
        let e = of(vec![texts("id", &["a", "b"]), texts("kind", &["x", "y"])], &["1", "2"]).unwrap_err();
        assert_eq!((e.code, e.detail.as_deref()), (Code::Data, Some("Its ids are like \"a\", those of the events like \"1\".")));
        let e = of(vec![texts("id", &["1", "2"]), texts("kind", &["x", "y"])], &["1", "2"]).unwrap_err();
        assert_eq!((e.message.as_str(), e.detail.as_deref()), ("no column of items groups them", Some("Columns are: kind.")));
    }
}
