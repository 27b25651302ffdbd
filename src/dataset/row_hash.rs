//! Hashes of rows by their values, whatever the order of the columns.

use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Result, hash, rng::mix, zeros};
use crate::dataset::{Cell, Frame, MISSING_CODE, Values};

/// A hash as a number in [0, 1).
pub fn place(hash: u64) -> f64 {
    (hash >> 11).real() * (1.0 / (1u64 << 53).real())
}

/// A hash of each row's values in `columns`, whatever their order.
///
/// # Errors
/// [`crate::base::Code::UndefinedColumn`]; [`crate::base::Code::OutOfMemory`].
pub fn row_hashes(frame: &Frame, columns: &[&str], rows: &[u32]) -> Result<Vec<u64>> {
    let mut out: Vec<u64> = zeros(rows.len())?;
    for name in columns {
        let values = &frame.column(name)?.values;
        let salt = hash::bytes(1, name.as_bytes());
        let mut add = |i: usize, h: u64| out[i] = out[i].wrapping_add(mix(salt ^ h));
        match values {
            Values::Category { codes, levels } => {
                let known: Vec<u64> = levels.iter().looking().map(|t| cell_hash(&Cell::Text(t))).collect();
                let missing = cell_hash(&Cell::Missing);
                rows.iter().enumerate().looking().for_each(|(i, r)| {
                    let code = codes[r.index()];
                    add(i, if code == MISSING_CODE { missing } else { known[code.index()] })
                });
            }
            v => rows.iter().enumerate().looking().for_each(|(i, r)| add(i, cell_hash(&v.cell(r.index())))),
        }
    }
    out.iter_mut().for_each(|h| *h = mix(*h));
    Ok(out)
}

/// A hash of one value.
pub fn cell_hash(cell: &Cell<'_>) -> u64 {
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
