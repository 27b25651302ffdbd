//! A row that comes as its columns, an argument each: `affinity_internal.predict_columns(model, names, …)`, which the planner puts in the
//! place of `affinity.predict(model, row)` where it can ([`crate::pg::rows::planner_support`]). No row is built only to be taken apart
//! again.

use crate::base::{Code, Error, Result};
use crate::dataset::Cell;
use crate::pg::call::arguments::Call;
use crate::pg::rows::input_columns::{Given, Pick, Plain, numbers, picks};
use crate::train::Input;
use std::ops::Range;

/// The arguments before the columns: the model, and the columns' names.
const BEFORE: usize = 2;

/// The most names that are read: a call takes 100 arguments.
const MOST: usize = 100;

/// How to read the columns that a model wants from the arguments of one call. Their types are those of the plan.
pub(crate) struct FieldReader {
    picks: Vec<Pick>,
    /// Where all are plain numbers: [`numbers`], those of one type that follow one another together, so that the type is asked once for
    /// them.
    numbers: Option<Vec<(Range<usize>, Plain)>>,
}

impl FieldReader {
    /// A reader of `inputs`, in that order, from the columns of `call`.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] when there are not as many names as columns; those of [`picks`].
    pub(crate) fn new(call: Call<'_>, inputs: &[Input]) -> Result<Self> {
        let columns = call.arguments().len().saturating_sub(BEFORE);
        let names = call.texts(1, MOST)?;
        if names.len() != columns {
            return Err(Error::new(Code::InvalidParameter, format!("{} names for {columns} columns", names.len()))
                .hint("Pass the row: SELECT affinity.predict('…', t) FROM … t."));
        }
        let given = names.into_iter().enumerate().map(|(i, name)| Given { name, typ: call.argument_type(BEFORE + i), place: BEFORE + i });
        let picks = picks(&given.collect::<Vec<_>>(), inputs)?;
        let numbers = numbers(&picks).map(runs);
        Ok(Self { picks, numbers })
    }

    /// Reads the wanted columns into `out` if they are plain numbers all, NaN for NULL; otherwise says false.
    pub(crate) fn numbers(&self, call: Call<'_>, out: &mut Vec<f64>) -> bool {
        let Some(numbers) = &self.numbers else { return false };
        let arguments = call.arguments();
        out.clear();
        for (places, plain) in numbers {
            let Some(arguments) = arguments.get(places.clone()) else { return false };
            plain.of_arguments(arguments, out);
        }
        true
    }

    /// Reads the wanted columns into `cells`, which borrow from the arguments and from this reader.
    ///
    /// # Errors
    /// Whatever a value can be wrong in.
    pub(crate) fn read<'a>(&'a mut self, call: Call<'_>, cells: &mut Vec<Cell<'a>>) -> Result<()> {
        for p in &mut self.picks {
            cells.push(match call.datum(p.place) {
                None => Cell::Missing,
                // SAFETY: a live datum of the argument's type, for which the reader was made.
                Some(datum) => unsafe { p.cell(datum)? },
            });
        }
        Ok(())
    }
}

/// The numbers at the given places, in that order, as ranges of places with one type. (With eight sums in the row kernel a score went from
/// .160 to .120 µs.)
fn runs(numbers: Vec<(usize, Plain)>) -> Vec<(Range<usize>, Plain)> {
    let mut runs: Vec<(Range<usize>, Plain)> = Vec::new();
    for (place, plain) in numbers {
        match runs.last_mut() {
            Some((places, kind)) if places.end == place && *kind == plain => places.end += 1,
            _ => runs.push((place..place + 1, plain)),
        }
    }
    runs
}
