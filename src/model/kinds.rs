//! The kinds that learn from events, joined: one line a kind. What they are is in their own files.

use crate::base::Result;
use crate::base::params::{ParamType, Spec};
use crate::dataset::Interactions;
use crate::model::recommender::{self, AUTO, COMMON, Kind, Kinds};
use crate::model::{
    als, baskets, blend, bpr, cfgan, cold_start, ease, item_knn, item_vectors, mult_vae, popularity, ranker, sequence, session_knn, slist,
    transition,
};

/// Every kind that learns from events, the quickest first: in this order a blend fits them, while there is time.
pub static KINDS: &Kinds = &[
    &popularity::KIND,
    &item_knn::KIND,
    &transition::KIND,
    &baskets::KIND,
    &session_knn::KIND,
    &slist::KIND,
    &ease::KIND,
    &ranker::REPEAT,
    &ranker::RANKER,
    &als::KIND,
    &bpr::KIND,
    &item_vectors::KIND,
    &mult_vae::KIND,
    &sequence::KIND,
    &cfgan::KIND,
    &blend::KIND,
    &cold_start::KIND,
];

/// What [`AUTO`] is for, a sentence.
pub const AUTO_FOR_WHAT: &str = "Tries the fast recommenders and keeps the one, or the blend, that is best on held-out events.";

/// Parameters of [`AUTO`] beside [`COMMON`].
const AUTO_SPECS: &[Spec] = &[
    Spec::new(
        "seconds",
        ParamType::Number,
        "null",
        "What training may take: kinds that would take longer are left out. null: 120 up to 100,000 events, more with more, 600 at most.",
    )
    .within(0.0, 1e9),
    ranker::CONTEXT,
];

/// The kind called `name`.
///
/// # Errors
/// [`crate::base::Code::UndefinedObject`], with "did you mean".
pub fn kind(name: &str) -> Result<&'static Kind> {
    recommender::find(KINDS, name)
}

/// Whether `name` is a kind that learns from events: one of [`KINDS`], or [`AUTO`].
pub fn learns_from_events(name: &str) -> bool {
    name == AUTO || KINDS.iter().any(|k| k.name == name)
}

/// All parameters of the kind called `name`, or of [`AUTO`].
///
/// # Errors
/// Those of [`kind`].
pub fn specs(name: &str) -> Result<Vec<Spec>> {
    if name == AUTO { Ok(AUTO_SPECS.iter().chain(COMMON).copied().collect()) } else { kind(name).map(Kind::all_specs) }
}

/// The kinds that [`AUTO`] tries on these events.
pub fn auto_candidates(data: &Interactions) -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().copied().filter(|k| k.auto.is_some_and(|suits| suits(data)))
}
