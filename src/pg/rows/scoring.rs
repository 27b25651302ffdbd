//! One place of a query where rows are scored: what it keeps from row to row.
//!
//! The first row of a statement looks the model up and finds the columns; the others compare a stamp and a type, read, and score.

use crate::base::{Code, Error, Result, Tensor, tensor_names};
use crate::dataset::Cell;
use crate::model::RowKind;
use crate::pg::backend::kept::Lent;
use crate::pg::backend::snapshot_stamp::Stamp;
use crate::pg::backend::text;
use crate::pg::call::arguments::Call;
use crate::pg::call::numbers::{self, NumbersReader};
use crate::pg::datum::types;
use crate::pg::rows::fields::FieldReader;
use crate::pg::rows::record::{Row, RowReader};
use crate::pg::store::cache::{self, Found, Kept};
use crate::pg::store::models::VersionRow;
use crate::pg::store::shared_model::{self, Model};
use crate::pg::store::use_counts::{self, Counts};
use crate::pg::store::weights;
use crate::serve::Outcome;
use crate::train::row_model::{RowModel, RowScratch};
use pgrx::pg_sys;
use std::rc::Rc;

/// What one place of a plan keeps; `R` reads its rows.
struct Site<R> {
    /// The model's name, as the bytes of the argument.
    name: Vec<u8>,
    stamp: Option<Stamp>,
    loaded: Rc<RowModel>,
    counts: Rc<Counts>,
    reader: Option<R>,
    scratch: RowScratch,
    /// Empty between rows; kept for its room.
    cells: Vec<Cell<'static>>,
    numbers: Vec<f64>,
}

/// Scores the row that is argument 1, or an array of its numbers, with the model that argument 0 names: `f` gets what the model predicts,
/// the scores, and what each class counts where one is chosen.
///
/// # Errors
/// Those of [`row`]; [`Code::Unsupported`] for a model that predicts nothing.
pub(crate) fn scores<R>(call: Call<'_>, f: impl FnOnce(&Outcome, &[f64], &[f64]) -> Result<R>) -> Result<Option<R>> {
    if !takes_row(call) {
        return elements(call, |model, cells, scratch| scored(model, cells, scratch, f));
    }
    let Some((mut site, row)) = row_site(call)? else { return Ok(None) };
    let site = &mut *site;
    if let RowModel::Predicts(scorer) = &*site.loaded
        && let Some(reader) = &mut site.reader
        && scorer.takes_numbers()
        && reader.numbers(&row, &mut site.numbers)?
    {
        let scores = scorer.score_numbers(&site.numbers, site.scratch.predicting())?;
        return f(scorer.outcome(), scores, scorer.class_weights()).map(Some);
    }
    with_row(site, &row, |model, cells, scratch| scored(model, cells, scratch, f)).map(Some)
}

/// [`scores`] for the columns of a row as arguments, after the model's name and the columns' names.
///
/// # Errors
/// As [`scores`], and those of [`FieldReader`].
pub(crate) fn scores_of_columns<R>(call: Call<'_>, f: impl FnOnce(&Outcome, &[f64], &[f64]) -> Result<R>) -> Result<Option<R>> {
    let Some(mut site) = column_site(call)? else { return Ok(None) };
    let site = &mut *site;
    if let RowModel::Predicts(scorer) = &*site.loaded
        && let Some(reader) = &site.reader
        && scorer.takes_numbers()
        && reader.numbers(call, &mut site.numbers)
    {
        let scores = scorer.score_numbers(&site.numbers, site.scratch.predicting())?;
        return f(scorer.outcome(), scores, scorer.class_weights()).map(Some);
    }
    with_columns(site, call, |model, cells, scratch| scored(model, cells, scratch, f)).map(Some)
}

fn scored<R>(
    model: &RowModel,
    cells: &[Cell<'_>],
    scratch: &mut RowScratch,
    f: impl FnOnce(&Outcome, &[f64], &[f64]) -> Result<R>,
) -> Result<R> {
    let (outcome, scores, weights) = model.scores(cells, scratch)?;
    f(outcome, scores, weights)
}

/// Reads the row that is argument 1, or an array of its numbers, as the model that argument 0 names takes it: `f` gets the model, the
/// values of its inputs, and buffers.
///
/// # Errors
/// What is wrong with the model ([`cache::find`]), with the row ([`RowReader`]) or with the array ([`NumbersReader`], [`numbers::cells`]); those of `f`.
pub(crate) fn row<R>(call: Call<'_>, f: impl FnOnce(&RowModel, &[Cell<'_>], &mut RowScratch) -> Result<R>) -> Result<Option<R>> {
    if !takes_row(call) {
        return elements(call, f);
    }
    row_site(call)?.map(|(mut site, row)| with_row(&mut site, &row, f)).transpose()
}

/// Whether argument 1 is a row: asked of its type once a place, which keeps a reader of rows or of arrays afterwards.
#[inline]
fn takes_row(call: Call<'_>) -> bool {
    call.kept::<Site<RowReader>>().is_some() || call.kept::<Site<NumbersReader>>().is_none() && types::is_row(call.argument_type(1))
}

/// [`row`] for an array in argument 1: the inputs in the order of the training relation's columns.
fn elements<R>(call: Call<'_>, f: impl FnOnce(&RowModel, &[Cell<'_>], &mut RowScratch) -> Result<R>) -> Result<Option<R>> {
    let (Some(name), Some(datum)) = (call.datum(0), call.datum(1)) else { return Ok(None) };
    let mut site = site::<NumbersReader>(call, name)?;
    let site = &mut *site;
    let reader = match &mut site.reader {
        Some(reader) => reader,
        none => none.insert(NumbersReader::new(call.argument_type(1), numbers::ROW)?),
    };
    // SAFETY: the reader was made for the argument's type, which stays the same at one place of a query; the datum lives as long as the
    // call.
    let numbers = unsafe { reader.read(datum)? };
    let mut cells = std::mem::take(&mut site.cells);
    numbers::cells(&numbers, site.loaded.inputs(), &mut cells)?;
    let result = f(&site.loaded, &cells, &mut site.scratch);
    site.cells = emptied(cells);
    result.map(Some)
}

/// [`row`] for the columns of a row as arguments, after the model's name and the columns' names.
///
/// # Errors
/// As [`row`], and those of [`FieldReader`].
pub(crate) fn columns<R>(call: Call<'_>, f: impl FnOnce(&RowModel, &[Cell<'_>], &mut RowScratch) -> Result<R>) -> Result<Option<R>> {
    column_site(call)?.map(|mut site| with_columns(&mut site, call, f)).transpose()
}

/// The site of a call with columns, its reader made for them.
fn column_site(call: Call<'_>) -> Result<Option<Lent<'_, Site<FieldReader>>>> {
    let Some(name) = call.datum(0) else { return Ok(None) };
    let mut site = site::<FieldReader>(call, name)?;
    if site.reader.is_none() {
        site.reader = Some(FieldReader::new(call, site.loaded.inputs())?);
    }
    Ok(Some(site))
}

fn with_columns<R>(
    site: &mut Site<FieldReader>,
    call: Call<'_>,
    f: impl FnOnce(&RowModel, &[Cell<'_>], &mut RowScratch) -> Result<R>,
) -> Result<R> {
    let Some(reader) = &mut site.reader else { return Err(Error::internal("Columns without their reader.")) };
    let mut cells = std::mem::take(&mut site.cells);
    reader.read(call, &mut cells)?;
    let result = f(&site.loaded, &cells, &mut site.scratch);
    site.cells = emptied(cells);
    result
}

/// The site of a call with a row in argument 1, its reader made for the row.
fn row_site(call: Call<'_>) -> Result<Option<(Lent<'_, Site<RowReader>>, Row)>> {
    let (Some(name), Some(datum)) = (call.datum(0), call.datum(1)) else { return Ok(None) };
    let row = Row::of(datum);
    let mut site = site::<RowReader>(call, name)?;
    if !site.reader.as_ref().is_some_and(|r| r.fits(&row)) {
        site.reader = Some(RowReader::new(&row, site.loaded.inputs())?);
    }
    Ok(Some((site, row)))
}

fn with_row<R>(site: &mut Site<RowReader>, row: &Row, f: impl FnOnce(&RowModel, &[Cell<'_>], &mut RowScratch) -> Result<R>) -> Result<R> {
    let Some(reader) = &mut site.reader else { return Err(Error::internal("A row without its reader.")) };
    let mut cells = std::mem::take(&mut site.cells);
    reader.read(row, &mut cells)?;
    let result = f(&site.loaded, &cells, &mut site.scratch);
    site.cells = emptied(cells);
    result
}

/// The vector without its elements: its room outlives what they borrowed.
fn emptied<'a>(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'a>> {
    cells.clear();
    cells.into_iter().map(|_| Cell::Missing).collect()
}

/// The site of this call, with the model that `name` is for the running statement.
#[inline]
fn site<R: 'static>(call: Call<'_>, name: pg_sys::Datum) -> Result<Lent<'_, Site<R>>> {
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
    if let Some(site) = call.kept::<Site<R>>()
        && site.stamp == now
        && now.is_some()
        && site.name == bytes
    {
        site.counts.row();
        return Ok(site);
    }
    resolve(call, bytes, now)
}

/// Looks the model up again. The columns are found again too: the row's type may have been altered since.
#[cold]
fn resolve<'c, R: 'static>(call: Call<'c>, name: &[u8], now: Option<Stamp>) -> Result<Lent<'c, Site<R>>> {
    let (loaded, counts) = text::with_utf8(name, |name| model_and_counts(name, now))?;
    counts.row();
    let name = name.to_vec();
    Ok(match call.kept::<Site<R>>() {
        Some(mut site) => {
            if !Rc::ptr_eq(&site.loaded, &loaded) {
                site.scratch = RowScratch::default();
                site.loaded = loaded;
            }
            site.reader = None;
            site.counts = counts;
            site.name = name;
            site.stamp = now;
            site
        }
        None => {
            let scratch = RowScratch::default();
            call.keep(Site { name, stamp: now, loaded, counts, reader: None, scratch, cells: Vec::new(), numbers: Vec::new() })
        }
    })
}

/// The model called `name`, as the running statement sees it.
///
/// # Errors
/// Those of [`cache::find`]; [`Code::Unsupported`] for a model that reads no rows; [`Code::Corrupt`] for damaged weights.
pub(crate) fn model(name: &str, now: Option<Stamp>) -> Result<Rc<RowModel>> {
    model_and_counts(name, now).map(|m| m.0)
}

/// The same with its counters, in which this is a call.
fn model_and_counts(name: &str, now: Option<Stamp>) -> Result<(Rc<RowModel>, Rc<Counts>)> {
    let found = cache::find(name, now)?;
    let loaded = cache::weights(&found, |version| load(&found, version))?;
    let counts = use_counts::of(found.model.id);
    counts.call();
    Ok((loaded, counts))
}

/// Whether a version is of a kind that scores rows.
///
/// # Errors
/// [`Code::Unsupported`] when it is not.
pub(crate) fn scores_rows(found: &Found, version: &VersionRow) -> Result<()> {
    if RowKind::parse(&version.kind).is_ok() {
        return Ok(());
    }
    let name = &found.model.name;
    Err(Error::new(Code::Unsupported, format!("model \"{name}\" recommends items; it does not score rows"))
        .detail(format!("Its kind is {}.", version.kind))
        .hint(format!("SELECT * FROM affinity.recommend({}, …);", text::literal(name))))
}

fn load(found: &Found, version: &VersionRow) -> Result<Kept<RowModel>> {
    scores_rows(found, version)?;
    let load = |tensors: &[Tensor]| RowModel::load(&version.kind, &version.state, tensors);
    let mut bytes = version.state_text.len();
    let own = || {
        let mut tensors = weights::tensors(version)?;
        // What training kept to evaluate the next version by is not needed to score.
        tensors.retain(|t| tensor_names::scores(&t.name));
        bytes += tensors.iter().map(|t| t.numbers.len() * 4).sum::<usize>();
        load(&tensors)
    };
    let Model { model, shared } = shared_model::load(version, own, |own| Ok(own.laid_out()), load)?;
    Ok(Kept { model, bytes: if shared { version.state_text.len() } else { bytes }, shared })
}
