//! `affinity.profile(vector, weight, event_time, half_life, as_of)` and its kin: what a user's events say about the user.

use crate::base::Result;
use crate::dataset::profile::{Counts, Interests, Profile, Rfm, Sessions, Terms};
use crate::pg::backend::error::sql;
use crate::pg::backend::settings::{budget, memory};
use crate::pg::call::aggregate::{finish, merge, state_functions, step};
use crate::pg::call::arguments::Call;
use crate::pg::call::composite::{Field, row};
use crate::pg::call::event_weight;
use crate::pg::call::numbers::{self, Numbers};
use crate::pg::call::window::Window;
use crate::pg::datum::array;
use crate::pg::datum::json::Document;
use crate::pg::datum::returned::Answer;
use crate::pg::datum::time::before;
use pgrx::{Internal, pg_extern};
use serde_json::{Value, json};

/// What every aggregate over events shares: the functions behind COMBINEFUNC, SERIALFUNC (also the end of `…_state`), DESERIALFUNC
/// and the transition of `…_merge`.
macro_rules! aggregate {
    ($state:ty: $combine:ident, $serialise:ident, $deserialise:ident, $merge:ident) => {
        state_functions!($state: $combine, $serialise, $deserialise);
        #[pg_extern]
        fn $merge(call: Call<'_>) -> Option<Internal> {
            sql(|| merge::<$state>(call, memory()))
        }
    };
}

aggregate!(Profile: profile_combine, profile_serialise, profile_deserialise, profile_merge_step);

/// `(vector)`, `(vector, weight)`, `(vector, weight, event_time, half_life)` and the same with `as_of`: a row with a NULL in the first
/// three does not count.
#[pg_extern]
fn profile_step(call: Call<'_>) -> Option<Internal> {
    sql(|| {
        step(call, memory(), |state: &mut Profile| {
            let given = call.arguments().len();
            let weight = if given > 2 { call.float8(2) } else { Some(1.0) };
            let time = if given > 3 { call.timestamp(3) } else { Some(0) };
            match (numbers::vector(call, 1)?, weight, time) {
                (Some(Numbers { reals: vector, .. }), Some(weight), Some(time)) => {
                    budget().take(vector.len().saturating_mul(8), "The sum of the vectors")?;
                    state.add(&vector, weight, time, Terms::new(call.interval(4), call.timestamp(5))?)
                }
                _ => Ok(()),
            }
        })
    })
}

#[pg_extern]
fn profile_final(call: Call<'_>) -> Option<Answer> {
    sql(|| finish(call, |state: &Profile| Ok(state.value()?.map(|v| array::datum(&v)))))
}

aggregate!(Interests: interests_combine, interests_serialise, interests_deserialise, interests_merge_step);

/// Tags that are asked for where no number is said.
const TAGS: i64 = 10;

/// `(tag, weight)`, `(tag, weight, event_time, half_life)` and the same with `as_of` and `k`.
#[pg_extern]
fn interests_step(call: Call<'_>) -> Option<Internal> {
    sql(|| {
        step(call, memory(), |state: &mut Interests| {
            let time = if call.arguments().len() > 3 { call.timestamp(3) } else { Some(0) };
            let (Some(weight), Some(time)) = (call.float8(2), time) else { return Ok(()) };
            call.with_text(1, |tag| {
                let terms = Terms::new(call.interval(4), call.timestamp(5))?;
                state.add(tag, weight, time, terms, call.integer(6).unwrap_or(TAGS))
            })
            .unwrap_or(Ok(()))
        })
    })
}

#[pg_extern]
fn interests_final(call: Call<'_>) -> Option<Document> {
    sql(|| {
        finish(call, |state: &Interests| {
            let found = state.value()?;
            Ok(found.map(|f| f.into_iter().map(|i| json!({"tag": i.tag, "share": i.share})).collect::<Value>().into()))
        })
    })
}

aggregate!(Rfm: rfm_combine, rfm_serialise, rfm_deserialise, rfm_merge_step);

/// `(event_time, amount)` and the same with `as_of`: an event without an amount adds nothing to the sum of amounts.
#[pg_extern]
fn rfm_step(call: Call<'_>) -> Option<Internal> {
    sql(|| {
        step(call, memory(), |state: &mut Rfm| match call.timestamp(1) {
            Some(time) => state.add(time, call.float8(2), Terms::new(None, call.timestamp(3))?),
            None => Ok(()),
        })
    })
}

#[pg_extern]
fn rfm_final(call: Call<'_>) -> Option<Answer> {
    sql(|| {
        finish(call, |state: &Rfm| {
            let Some(h) = state.value() else { return Ok(None) };
            let frequency = Field::Integer(i64::try_from(h.frequency).unwrap_or(i64::MAX));
            let [recency, tenure] = [h.recency, h.tenure].map(|days| Field::Float(Some(days)));
            let [monetary, mean_gap, overdue] = [h.monetary, h.mean_gap, h.overdue].map(Field::Float);
            row(call, &[recency, frequency, monetary, tenure, mean_gap, overdue]).map(Some)
        })
    })
}

aggregate!(Counts: counts_combine, counts_serialise, counts_deserialise, counts_merge_step);

/// `(event_time, windows)` and the same with `as_of`, for times without a time zone.
#[pg_extern]
fn counts_step(call: Call<'_>) -> Option<Internal> {
    sql(|| count(call, false))
}

/// The same for times with a time zone, where the session's zone says how long a day is.
#[pg_extern]
fn counts_step_zoned(call: Call<'_>) -> Option<Internal> {
    sql(|| count(call, true))
}

fn count(call: Call<'_>, zoned: bool) -> Result<Option<Internal>> {
    step(call, memory(), |state: &mut Counts| match (call.timestamp(1), call.intervals(2, Counts::MOST)?) {
        (Some(time), Some(windows)) => state.add(time, &windows, zoned, Terms::new(None, call.timestamp(3))?, &before),
        _ => Ok(()),
    })
}

#[pg_extern]
fn counts_final(call: Call<'_>) -> Option<Vec<i64>> {
    sql(|| {
        finish(call, |state: &Counts| {
            let counts = state.value(&before)?;
            Ok(counts.map(|c| c.into_iter().map(|n| i64::try_from(n).unwrap_or(i64::MAX)).collect()))
        })
    })
}

/// `affinity.sessions(event_time, gap) OVER (PARTITION BY … ORDER BY event_time)`.
#[pg_extern]
fn sessions(call: Call<'_>) -> Option<i64> {
    sql(|| {
        let window = Window::of(call)?;
        match (window.argument(0), window.interval(1)) {
            (Some(time), Some(gap)) => window.memory::<Sessions>()?.next(time.value() as i64, gap).map(Some),
            _ => Ok(None),
        }
    })
}

/// `affinity.event_weight(type, weights)`.
#[pg_extern]
fn event_weight(call: Call<'_>) -> Option<f64> {
    sql(|| event_weight::event_weight(call))
}
