//! One place of a query where rows are scored: what it keeps from row to row.
//!
//! The first row of a statement looks the model up and finds the columns; the others compare a stamp and a type, read, and score.

use crate::base::{Code, Error, Result};
use crate::dataset::Cell;
use crate::model::Kind;
use crate::pg::array;
use crate::pg::cache::{self, Found};
use crate::pg::call::Call;
use crate::pg::record::{Row, RowReader};
use crate::pg::stamp::Stamp;
use crate::pg::store::{self, VersionRow};
use crate::pg::{text, weights};
use crate::train::row_model::{RowModel, RowScratch};
use pgrx::pg_sys;
use std::rc::Rc;

/// What one place of a plan keeps.
struct Site {
    /// The model's name, as the bytes of the argument.
    name: Vec<u8>,
    stamp: Option<Stamp>,
    loaded: Rc<RowModel>,
    reader: Option<RowReader>,
    scratch: RowScratch,
    /// Empty between rows; kept for its room.
    cells: Vec<Cell<'static>>,
}

/// Reads the row that is argument 1 as the model that argument 0 names takes it: `f` gets the model, the values of its inputs, and buffers.
///
/// # Errors
/// What is wrong with the model ([`cache::find`]) or with the row ([`RowReader`]); those of `f`.
pub(crate) fn row<R>(call: Call, f: impl FnOnce(&RowModel, &[Cell<'_>], &mut RowScratch) -> Result<R>) -> Result<Option<R>> {
    let (Some(name), Some(datum)) = (call.datum(0), call.datum(1)) else { return Ok(None) };
    let row = Row::of(datum);
    let site = site(call, name)?;
    let loaded = &*site.loaded;
    let reader = match &mut site.reader {
        Some(reader) if reader.fits(&row) => reader,
        other => other.insert(RowReader::new(&row, loaded.inputs())?),
    };
    let mut cells = std::mem::take(&mut site.cells);
    reader.read(&row, &mut cells)?;
    let result = f(loaded, &cells, &mut site.scratch);
    site.cells = emptied(cells);
    result.map(Some)
}

/// [`row`] for a `real[]` in argument 1.
///
/// # Errors
/// As [`row`], and what is wrong with the array ([`array::cells`]).
pub(crate) fn elements<R>(call: Call, f: impl FnOnce(&RowModel, &[Cell<'_>], &mut RowScratch) -> Result<R>) -> Result<Option<R>> {
    let (Some(name), Some(datum)) = (call.datum(0), call.datum(1)) else { return Ok(None) };
    // SAFETY: the argument is declared real[], and lives as long as the call.
    let elements = unsafe { array::floats(datum)? };
    let site = site(call, name)?;
    let loaded = &*site.loaded;
    let mut cells = std::mem::take(&mut site.cells);
    array::cells(&elements, loaded.inputs(), &mut cells)?;
    let result = f(loaded, &cells, &mut site.scratch);
    site.cells = emptied(cells);
    result.map(Some)
}

/// The vector without its elements: its room outlives what they borrowed.
fn emptied<'a>(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'a>> {
    cells.clear();
    cells.into_iter().map(|_| Cell::Missing).collect()
}

/// The site of this call, with the model that `name` is for the running statement.
#[inline]
fn site<'a>(call: Call, name: pg_sys::Datum) -> Result<&'a mut Site> {
    let now = Stamp::now();
    // SAFETY: the argument is declared text; a toasted name is copied into the context of the row.
    let bytes: &[u8] = unsafe {
        let raw = name.cast_mut_ptr::<pg_sys::varlena>();
        let plain = if pgrx::varatt_is_4b_u(raw) || pgrx::varatt_is_1b(raw) && !pgrx::varatt_is_1b_e(raw) {
            raw
        } else {
            pg_sys::pg_detoast_datum_packed(raw)
        };
        pgrx::varlena::varlena_to_byte_slice(plain)
    };
    if let Some(site) = call.kept::<Site>()
        && site.stamp == now
        && now.is_some()
        && site.name == bytes
    {
        return Ok(site);
    }
    resolve(call, bytes, now)
}

/// Looks the model up again. The columns are found again too: the row's type may have been altered since.
#[cold]
fn resolve<'a>(call: Call, name: &[u8], now: Option<Stamp>) -> Result<&'a mut Site> {
    let loaded = text::with_utf8(name, |name| model(name, now))?;
    let name = name.to_vec();
    Ok(match call.kept::<Site>() {
        Some(site) => {
            if !Rc::ptr_eq(&site.loaded, &loaded) {
                site.scratch = RowScratch::default();
                site.loaded = loaded;
            }
            site.reader = None;
            site.name = name;
            site.stamp = now;
            site
        }
        None => call.keep(Site { name, stamp: now, loaded, reader: None, scratch: RowScratch::default(), cells: Vec::new() }),
    })
}

/// The model called `name`, as the running statement sees it.
///
/// # Errors
/// Those of [`cache::find`]; [`Code::Unsupported`] for a model that reads no rows; [`Code::Corrupt`] for damaged weights.
fn model(name: &str, now: Option<Stamp>) -> Result<Rc<RowModel>> {
    let found = cache::find(name, now)?;
    cache::weights(&found, |version| load(&found, version))
}

/// Whether a version is of a kind that scores rows.
///
/// # Errors
/// [`Code::Unsupported`] when it is not.
pub(crate) fn scores_rows(found: &Found, version: &VersionRow) -> Result<()> {
    if Kind::parse(&version.kind).is_ok() {
        return Ok(());
    }
    let name = &found.model.name;
    Err(Error::new(Code::Unsupported, format!("model \"{name}\" recommends items; it does not score rows"))
        .detail(format!("Its kind is {}.", version.kind))
        .hint(format!("SELECT * FROM affinity.recommend({}, …);", store::literal(name))))
}

fn load(found: &Found, version: &VersionRow) -> Result<(RowModel, usize)> {
    scores_rows(found, version)?;
    let mut tensors = weights::tensors(version)?;
    // What training kept to judge the next version by is not needed to score.
    tensors.retain(|t| !t.name.starts_with("holdout.") && !t.name.starts_with("baseline."));
    let bytes = tensors.iter().map(|t| t.numbers.len() * 4).sum::<usize>() + version.state_text.len();
    Ok((RowModel::load(&version.kind, &version.state, &tensors)?, bytes))
}
