//! Which rows teach, which say when to stop, and which judge.
//!
//! By default a row's side is a hash of its values, so it stays on its side over all retrains, wherever it stands in the table: a new
//! version and the deployed one can then be judged on rows that neither has seen.

use crate::base::{Code, Error, Result, hash, rng::mix};
use crate::dataset::{Cell, Frame, MISSING_CODE, Values};

/// What decides on a row's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// A hash of the values of these columns, in any order.
    Row(&'a [&'a str]),
    /// The newest rows by this column judge, those before them say when to stop.
    Time(&'a str),
    /// Rows with one value of this column stay together; rows without one go by the hash of these columns.
    Group(&'a str, &'a [&'a str]),
}

/// The three parts; each in the order of the frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parts {
    /// Rows to learn from.
    pub train: Vec<u32>,
    /// Rows that say when to stop, and calibrate.
    pub valid: Vec<u32>,
    /// Rows that judge.
    pub holdout: Vec<u32>,
    /// By time: the instant or number from which on rows judge.
    pub cut: Option<f64>,
}

/// Splits `rows` of a frame: a share `holdout` of them judges, a share `valid` of the rest says when to stop.
///
/// # Errors
/// [`Code::UndefinedColumn`]; for a time column [`Code::WrongType`] and, where all its rows are of one time, [`Code::Data`].
pub fn split(frame: &Frame, rows: &[u32], by: By<'_>, holdout: f64, valid: f64) -> Result<Parts> {
    let hashes = match by {
        By::Row(columns) => row_hashes(frame, columns, rows)?,
        By::Group(group, columns) => {
            let mut own = row_hashes(frame, columns, rows)?;
            let groups = &frame.column(group)?.values;
            for (h, r) in own.iter_mut().zip(rows) {
                let cell = groups.cell(*r as usize);
                if cell != Cell::Missing {
                    *h = mix(cell_hash(&cell));
                }
            }
            own
        }
        By::Time(column) => return by_time(frame, rows, column, holdout, valid),
    };
    let mut parts = Parts::default();
    for (r, h) in rows.iter().zip(hashes) {
        let u = place(h);
        if u < holdout {
            parts.holdout.push(*r)
        } else if u < holdout + valid * (1.0 - holdout) {
            parts.valid.push(*r)
        } else {
            parts.train.push(*r)
        }
    }
    Ok(parts)
}

/// A hash as a number in [0, 1).
pub fn place(hash: u64) -> f64 {
    (hash >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

fn by_time(frame: &Frame, rows: &[u32], column: &str, holdout: f64, valid: f64) -> Result<Parts> {
    let values = &frame.column(column)?.values;
    let time = |r: u32| match values.cell(r as usize) {
        Cell::Time(t) => t as f64,
        Cell::Number(x) => x,
        _ => f64::NEG_INFINITY,
    };
    if !matches!(values, Values::Time(_) | Values::Real(_) | Values::Double(_)) {
        return Err(Error::new(Code::WrongType, format!("time column \"{column}\" holds no times"))
            .detail("Dates, timestamps and numbers can be put in order of time.")
            .hint(format!("Cast it in a view: {column}::timestamptz.")));
    }
    let mut order: Vec<f64> = rows.iter().map(|r| time(*r)).collect();
    order.sort_unstable_by(f64::total_cmp);
    if rows.is_empty() || order[0] == order[order.len() - 1] {
        return Err(Error::new(Code::Data, format!("time column \"{column}\" does not vary"))
            .detail(format!("All {} rows are of one time, so none can be held out as newer than the others.", rows.len()))
            .hint("Leave out time_col: rows are then held out by a hash of their values."));
    }
    // rows of one time stay together: the first time that is wholly within the share, or the newest one
    let at = |share: f64| -> f64 {
        if share <= 0.0 {
            return f64::INFINITY;
        }
        let t = order[((order.len() as f64 * (1.0 - share)) as usize).min(order.len() - 1)];
        if t > order[0] { t } else { order[order.partition_point(|x| *x <= t)] }
    };
    let cut = at(holdout);
    let stop = if valid <= 0.0 { cut } else { at(holdout + valid * (1.0 - holdout)).min(cut) };
    let mut parts = Parts { cut: (cut < f64::INFINITY).then_some(cut), ..Parts::default() };
    for r in rows {
        let t = time(*r);
        if t >= cut {
            parts.holdout.push(*r)
        } else if t >= stop {
            parts.valid.push(*r)
        } else {
            parts.train.push(*r)
        }
    }
    Ok(parts)
}

/// A hash of each row's values in `columns`, whatever their order.
///
/// # Errors
/// [`Code::UndefinedColumn`]; [`Code::OutOfMemory`].
pub fn row_hashes(frame: &Frame, columns: &[&str], rows: &[u32]) -> Result<Vec<u64>> {
    let mut out: Vec<u64> = crate::base::zeros(rows.len())?;
    for name in columns {
        let values = &frame.column(name)?.values;
        let salt = hash::bytes(1, name.as_bytes());
        let mut add = |i: usize, h: u64| out[i] = out[i].wrapping_add(mix(salt ^ h));
        match values {
            Values::Category { codes, levels } => {
                let known: Vec<u64> = levels.iter().map(|t| cell_hash(&Cell::Text(t))).collect();
                let missing = cell_hash(&Cell::Missing);
                rows.iter().enumerate().for_each(|(i, r)| {
                    let code = codes[*r as usize];
                    add(i, if code == MISSING_CODE { missing } else { known[code as usize] })
                });
            }
            v => rows.iter().enumerate().for_each(|(i, r)| add(i, cell_hash(&v.cell(*r as usize)))),
        }
    }
    out.iter_mut().for_each(|h| *h = mix(*h));
    Ok(out)
}

fn cell_hash(cell: &Cell<'_>) -> u64 {
    match cell {
        Cell::Missing => 0x6e75_6c6c,
        // −0 and 0 are one number
        Cell::Number(x) => hash::bytes(2, &(x + 0.0).to_le_bytes()),
        Cell::Bool(b) => hash::bytes(3, &[u8::from(*b)]),
        Cell::Text(t) => hash::bytes(4, t.as_bytes()),
        Cell::Time(t) => hash::bytes(5, &t.to_le_bytes()),
        Cell::Vector(v) => v.iter().fold(6, |h, x| hash::bytes(h, &x.to_le_bytes())),
        Cell::Labels(l) => l.iter().fold(7, |h, t| hash::bytes(h, t.as_bytes())),
    }
}

/// The first row of each set of `rows` that agree in all `columns`.
///
/// # Errors
/// As [`row_hashes`].
pub fn distinct(frame: &Frame, columns: &[&str], rows: &[u32]) -> Result<Vec<u32>> {
    let hashes = row_hashes(frame, columns, rows)?;
    let mut seen = std::collections::HashSet::new();
    Ok(rows.iter().zip(hashes).filter(|(_, h)| seen.insert(*h)).map(|(r, _)| *r).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Column;

    fn frame(n: usize, reversed: bool) -> Frame {
        let codes = (0..n).map(|i| (i % 7) as u32).map(|c| if c == 6 { MISSING_CODE } else { c }).collect();
        let mut columns = vec![
            Column { name: "a".into(), values: Values::Double((0..n).map(|i| i as f64).collect()) },
            Column { name: "g".into(), values: Values::Category { codes, levels: (0..6).map(|i| format!("g{i}")).collect() } },
            Column { name: "t".into(), values: Values::Time((0..n).map(|i| ((i * 7919) % n / 10) as i64).collect()) },
        ];
        if reversed {
            columns.reverse()
        }
        Frame::new(columns).unwrap()
    }

    #[test]
    fn a_row_stays_on_its_side_wherever_it_stands() {
        let (f, g) = (frame(5000, false), frame(5000, true));
        let rows: Vec<u32> = (0..5000).collect();
        let parts = split(&f, &rows, By::Row(&["a", "g", "t"]), 0.2, 0.1).unwrap();
        assert!((900..1100).contains(&parts.holdout.len()), "{}", parts.holdout.len());
        assert!((320..480).contains(&parts.valid.len()), "{}", parts.valid.len());
        assert_eq!(parts.train.len() + parts.valid.len() + parts.holdout.len(), 5000);
        // other column order, other row order, half of the rows
        let some: Vec<u32> = (0..2500).rev().collect();
        let again = split(&g.take(&some), &(0..2500).collect::<Vec<_>>(), By::Row(&["t", "g", "a"]), 0.2, 0.1).unwrap();
        let held: Vec<u32> = again.holdout.iter().map(|i| some[*i as usize]).rev().collect();
        assert_eq!(held, parts.holdout.iter().filter(|r| **r < 2500).copied().collect::<Vec<_>>());
    }

    #[test]
    fn time_splits_hold_out_the_newest_rows_whole_days_at_a_time() {
        let f = frame(1000, false);
        let rows: Vec<u32> = (0..1000).collect();
        let parts = split(&f, &rows, By::Time("t"), 0.2, 0.25).unwrap();
        let Values::Time(t) = &f.column("t").unwrap().values else { panic!() };
        let range = |r: &[u32]| (r.iter().map(|r| t[*r as usize]).min().unwrap(), r.iter().map(|r| t[*r as usize]).max().unwrap());
        assert_eq!((range(&parts.train), range(&parts.valid), range(&parts.holdout)), ((0, 59), (60, 79), (80, 99)));
        assert_eq!(parts.cut, Some(80.0));
        assert_eq!(split(&f, &[5, 5], By::Time("t"), 0.2, 0.1).unwrap_err().code, Code::Data);
        assert_eq!(split(&f, &rows, By::Time("g"), 0.2, 0.1).unwrap_err().code, Code::WrongType);
        assert_eq!(split(&f, &rows, By::Time("x"), 0.2, 0.1).unwrap_err().code, Code::UndefinedColumn);
        // two times only: the newer one judges
        let two = split(&f, &[0, 9], By::Time("t"), 0.01, 0.0).unwrap();
        assert_eq!((two.train.len(), two.holdout.len()), (1, 1));
        assert_eq!(split(&f, &rows, By::Time("t"), 0.0, 0.0).unwrap().train.len(), 1000);
    }

    #[test]
    fn groups_stay_together_and_rows_without_one_go_alone() {
        let f = frame(7000, false);
        let rows: Vec<u32> = (0..7000).collect();
        let parts = split(&f, &rows, By::Group("g", &["a"]), 0.4, 0.0).unwrap();
        let group = |r: u32| r % 7;
        for g in 0..6 {
            let held = parts.holdout.iter().filter(|r| group(**r) == g).count();
            assert!(held == 0 || held == 1000, "{g} {held}");
        }
        let alone = parts.holdout.iter().filter(|r| group(**r) == 6).count();
        assert!((300..500).contains(&alone), "{alone}");
    }

    #[test]
    fn equal_rows_are_found() {
        let f = frame(14, false);
        assert_eq!(distinct(&f, &["g"], &(0..14).collect::<Vec<_>>()).unwrap(), (0..7).collect::<Vec<_>>());
        assert_eq!(distinct(&f, &["g", "a"], &(0..14).collect::<Vec<_>>()).unwrap().len(), 14);
    }
}
