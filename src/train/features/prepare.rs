//! From a frame to rows that teach and evaluation rows.

use super::FeaturesSpec;
use super::incumbent::Incumbent;
use crate::base::{Code, Context, Error, Result};
use crate::dataset::encode::FreeTexts;
use crate::dataset::reference::Reference;
use crate::dataset::split::Parts;
use crate::dataset::{Encoder, Frame};
use crate::model::describe::Common;
use crate::serve::row_split::Split;
use crate::train::Report;
use crate::train::holdout::{Asked, divide, not_empty, usable};
use crate::train::rows::inputs;
use serde_json::{Map, Value};

/// Rows and columns that are chosen and split.
pub struct Prepared<'a> {
    /// All rows of the relation, used or not.
    pub frame: &'a Frame,
    /// The columns to learn from.
    pub names: Vec<&'a str>,
    /// Those of them that are free text.
    pub texts: Vec<&'a str>,
    /// Which rows teach, say when to stop, and are held out.
    pub parts: Parts,
    /// How rows were held out.
    pub split: Split,
    /// Rows without a time.
    pub skipped: usize,
    /// What the rows hold: stored, so that later ones can be held against them.
    pub reference: Reference,
}

/// What a kind is handed to be fitted, and what it fills in: parameters that it chose, figures, curves, notices.
pub struct Job<'a> {
    /// The rows.
    pub data: Prepared<'a>,
    /// What all kinds share.
    pub common: Common,
    /// The resolved parameters.
    pub params: &'a mut Map<String, Value>,
    /// The deployed version.
    pub incumbent: Option<&'a dyn Incumbent>,
    /// How it went.
    pub report: &'a mut Report,
}

impl Prepared<'_> {
    /// How many rows are used in all.
    pub fn rows(&self) -> usize {
        self.parts.train.len() + self.parts.valid.len() + self.parts.holdout.len()
    }

    /// The rows that are not held out.
    pub fn seen(&self) -> Vec<u32> {
        [&self.parts.train[..], &self.parts.valid[..]].concat()
    }

    /// The encoder of the columns, fitted on the rows that are not held out; a notice names columns that do not vary.
    ///
    /// # Errors
    /// As [`Encoder::fit`]; [`Code::Data`] when no column varies.
    pub fn encoder(&self, common: &Common, notices: &mut Vec<String>, ctx: &Context<'_>) -> Result<Encoder> {
        let texts = FreeTexts { names: &self.texts, bits: TEXT_BITS };
        let encoder = Encoder::fit_with_texts(self.frame, &self.names, &texts, &self.seen(), &common.options(), ctx)?;
        notices.extend(inputs::dull(&self.names, &encoder));
        if encoder.width() == 0 { Err(inputs::no_columns(self.frame, None)) } else { Ok(encoder) }
    }
}

/// The logarithm of the number of buckets that words and runs of free text are hashed into.
const TEXT_BITS: u32 = 14;

/// Chooses and splits; `reads_text` says whether the kind takes free text. `before` is how the deployed version held rows out.
///
/// # Errors
/// Those of bad input: see [`super::fit`].
pub fn prepare<'a>(
    frame: &'a Frame,
    spec: &FeaturesSpec,
    (common, reads_text): (&Common, bool),
    before: Option<&Split>,
    notices: &mut Vec<String>,
    ctx: &Context<'_>,
) -> Result<Prepared<'a>> {
    not_empty(frame)?;
    let keys: Vec<&str> = [&spec.time_col, &spec.group_col].into_iter().flatten().map(String::as_str).collect();
    let (rows, skipped) = usable(frame, spec.time_col.as_deref(), |_| true, common.distinct, notices)?;
    ctx.check()?;
    let texts = if reads_text {
        let others: Vec<&str> = keys.iter().copied().chain(common.exclude.iter().map(String::as_str)).collect();
        inputs::texts(frame, &others, &rows, (common.text.as_deref(), common.min_count))?
    } else {
        Vec::new()
    };
    // A text of its own in each row is no key.
    let include: Vec<String> = common.include.iter().cloned().chain(texts.iter().map(|t| (*t).to_owned())).collect();
    let names = inputs::choose(frame, None, &keys, &rows, (&common.exclude, &include), notices)?;
    let asked = Asked {
        time: spec.time_col.as_deref(),
        group: spec.group_col.as_deref(),
        holdout: common.holdout,
        validation: common.validation,
        turns: false,
        classes: None,
    };
    let (sides, mut split) = divide(frame, &rows, &names, asked, before, notices)?;
    let parts = sides.parts(0);
    if parts.train.is_empty() {
        return Err(Error::new(Code::Data, "too few rows to learn from")
            .detail(format!("Of {} rows, {} evaluate and {} say when to stop.", rows.len(), parts.holdout.len(), parts.valid.len()))
            .hint("Train on more rows, or: params => '{\"holdout\": 0}'."));
    }
    split.mark_inputs(frame, &rows, names.iter().copied())?;
    let reference = Reference::of(frame, (&names, &texts), &rows, None, ctx)?;
    Ok(Prepared { frame, names, texts, parts, split, skipped, reference })
}
