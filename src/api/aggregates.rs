//! `affinity.auc(score, label)` and its kin: figures of quality for the columns of any query.

use crate::base::{Code, Error, Result, weight};
use crate::metric::{
    Accuracy, Auc, AveragePrecision, Brier, LABEL, LogLoss, Mae, Mrr, Ndcg, Psi, PsiOfCategories, R2, RELEVANT, RecallAt, Rmse, State,
};
use crate::pg::backend::error::sql;
use crate::pg::backend::settings::memory;
use crate::pg::call::aggregate::{finish, state_functions, step};
use crate::pg::call::arguments::Call;
use crate::pg::call::label::{label, relevance, same_class};
use pgrx::{Internal, pg_extern};

/// What every aggregate of a metric shares: the functions behind COMBINEFUNC, SERIALFUNC, DESERIALFUNC and FINALFUNC.
macro_rules! aggregate {
    ($state:ty: $combine:ident, $serialise:ident, $deserialise:ident, $final:ident) => {
        state_functions!($state: $combine, $serialise, $deserialise);
        #[pg_extern]
        fn $final(call: Call<'_>) -> Option<f64> {
            sql(|| finish(call, State::figure as fn(&$state) -> _))
        }
    };
}

/// What a row counts: argument `i`, or 1 where there is none. None where it counts nothing: the weight is NULL, or 0.
fn weight(call: Call<'_>, i: usize) -> Result<Option<f64>> {
    if call.arguments().len() <= i {
        return Ok(Some(1.0));
    }
    Ok(call.float8(i).map(weight::weight).transpose()?.filter(|w| *w > 0.0))
}

/// A transition over a score, a label and perhaps a weight. A row with a NULL does not count.
macro_rules! labelled {
    ($state:ty: $step:ident, $add:expr) => {
        #[pg_extern]
        fn $step(call: Call<'_>) -> Option<Internal> {
            let add: fn(&mut $state, f64, bool, f64) -> Result<()> = $add;
            sql(|| {
                step(call, memory(), |state| match (call.float8(1), label(call, 2, LABEL)?, weight(call, 3)?) {
                    (Some(score), Some(label), Some(weight)) => add(state, score, label, weight),
                    _ => Ok(()),
                })
            })
        }
    };
}

/// A transition over a predicted and an actual number, and perhaps a weight.
macro_rules! numeric {
    ($state:ty: $step:ident) => {
        #[pg_extern]
        fn $step(call: Call<'_>) -> Option<Internal> {
            sql(|| {
                step(call, memory(), |state: &mut $state| {
                    if let (Some(predicted), Some(actual), Some(weight)) = (call.float8(1), call.float8(2), weight(call, 3)?) {
                        state.add_weighted(predicted, actual, weight);
                    }
                    Ok(())
                })
            })
        }
    };
}

labelled!(Auc: auc_step, Auc::add_weighted);
aggregate!(Auc: auc_combine, auc_serialise, auc_deserialise, auc_final);

labelled!(AveragePrecision: average_precision_step, AveragePrecision::add_weighted);
aggregate!(AveragePrecision: average_precision_combine, average_precision_serialise, average_precision_deserialise, average_precision_final);

labelled!(LogLoss: log_loss_step, LogLoss::add_weighted);
aggregate!(LogLoss: log_loss_combine, log_loss_serialise, log_loss_deserialise, log_loss_final);

labelled!(Brier: brier_step, Brier::add_weighted);
aggregate!(Brier: brier_combine, brier_serialise, brier_deserialise, brier_final);

labelled!(Accuracy: accuracy_step, Accuracy::add_probability);
aggregate!(Accuracy: accuracy_combine, accuracy_serialise, accuracy_deserialise, accuracy_final);

/// `affinity.accuracy(predicted text, actual anycompatible)`, and with a weight: classes by name, as `predict_class` gives them.
#[pg_extern]
fn accuracy_step_class(call: Call<'_>) -> Option<Internal> {
    sql(|| {
        step(call, memory(), |state: &mut Accuracy| {
            if let (Some(right), Some(weight)) = (same_class(call, 1, 2)?, weight(call, 3)?) {
                state.add_weighted(right, weight);
            }
            Ok(())
        })
    })
}

numeric!(Rmse: rmse_step);
aggregate!(Rmse: rmse_combine, rmse_serialise, rmse_deserialise, rmse_final);

numeric!(Mae: mae_step);
aggregate!(Mae: mae_combine, mae_serialise, mae_deserialise, mae_final);

numeric!(R2: r2_step);
aggregate!(R2: r2_combine, r2_serialise, r2_deserialise, r2_final);

labelled!(Psi: psi_step, Psi::add_weighted);
aggregate!(Psi: psi_combine, psi_serialise, psi_deserialise, psi_final);

/// `affinity.psi(value text, now)`, and with a weight.
#[pg_extern]
fn psi_step_category(call: Call<'_>) -> Option<Internal> {
    sql(|| {
        step(call, memory(), |state: &mut PsiOfCategories| match (label(call, 2, LABEL)?, weight(call, 3)?) {
            (Some(now), Some(weight)) => call.with_text(1, |name| state.add_weighted(name, now, weight)).unwrap_or(Ok(())),
            _ => Ok(()),
        })
    })
}
aggregate!(PsiOfCategories: psi_category_combine, psi_category_serialise, psi_category_deserialise, psi_category_final);

/// Where a list is cut: argument `i`, or nowhere where there is none or it is NULL.
fn cut(call: Call<'_>, i: usize) -> Result<Option<u64>> {
    let Some(k) = call.integer(i) else { return Ok(None) };
    u64::try_from(k).ok().filter(|k| *k > 0).map(Some).ok_or_else(|| {
        Error::new(Code::InvalidParameter, "k must be 1 or more")
            .detail(format!("It is {k}."))
            .hint("Give the number of places that count, or NULL for the whole list.")
    })
}

/// A transition over the entries of one list: a score, whether or how far it is relevant, and perhaps `k`. One of unknown relevance does
/// not count; one without a score is in no place.
macro_rules! listed {
    ($state:ty: $step:ident, $relevance:expr) => {
        #[pg_extern]
        fn $step(call: Call<'_>) -> Option<Internal> {
            let relevance: fn(Call<'_>) -> Result<Option<f64>> = $relevance;
            sql(|| {
                step(call, memory(), |state: &mut $state| match relevance(call)? {
                    Some(relevance) => state.add(call.float8(1), relevance, cut(call, 3)?),
                    None => Ok(()),
                })
            })
        }
    };
}

/// 1 for what is relevant, 0 for what is not.
fn relevant(call: Call<'_>) -> Result<Option<f64>> {
    Ok(label(call, 2, RELEVANT)?.map(|yes| f64::from(u8::from(yes))))
}

listed!(Ndcg: ndcg_step, |call| relevance(call, 2));
aggregate!(Ndcg: ndcg_combine, ndcg_serialise, ndcg_deserialise, ndcg_final);

listed!(RecallAt: recall_at_step, relevant);
aggregate!(RecallAt: recall_at_combine, recall_at_serialise, recall_at_deserialise, recall_at_final);

listed!(Mrr: mrr_step, relevant);
aggregate!(Mrr: mrr_combine, mrr_serialise, mrr_deserialise, mrr_final);
