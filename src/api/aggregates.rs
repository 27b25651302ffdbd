//! `affinity.auc(score, label)` and its kin: figures of quality for the columns of any query.

use crate::base::Result;
use crate::metric::{Accuracy, Auc, AveragePrecision, Brier, LogLoss, Mae, R2, Rmse, State};
use crate::pg::aggregate::{combine, deserialise, finish, serialise, step};
use crate::pg::call::Call;
use crate::pg::error::sql;
use crate::pg::label::label;
use crate::pg::settings::memory;
use pgrx::{Internal, pg_extern};

/// What every aggregate of a metric shares: the functions behind COMBINEFUNC, SERIALFUNC, DESERIALFUNC and FINALFUNC.
macro_rules! aggregate {
    ($state:ty: $combine:ident, $serialise:ident, $deserialise:ident, $final:ident) => {
        #[pg_extern]
        fn $combine(call: Call<'_>) -> Option<Internal> {
            sql(|| combine::<$state>(call))
        }
        #[pg_extern]
        fn $serialise(call: Call<'_>) -> Option<Vec<u8>> {
            sql(|| serialise::<$state>(call))
        }
        #[pg_extern]
        fn $deserialise(bytes: &[u8], call: Call<'_>) -> Option<Internal> {
            sql(|| deserialise::<$state>(call, bytes))
        }
        #[pg_extern]
        fn $final(call: Call<'_>) -> Option<f64> {
            sql(|| finish(call, State::figure as fn(&$state) -> _))
        }
    };
}

/// A transition over a score and a label. A row with a NULL does not count.
macro_rules! labelled {
    ($state:ty: $step:ident, $add:expr) => {
        #[pg_extern]
        fn $step(call: Call<'_>) -> Option<Internal> {
            let add: fn(&mut $state, f64, bool) -> Result<()> = $add;
            sql(|| {
                step(call, memory(), |state| match (call.float8(1), label(call, 2)?) {
                    (Some(score), Some(label)) => add(state, score, label),
                    _ => Ok(()),
                })
            })
        }
    };
}

/// A transition over a predicted and an actual number.
macro_rules! numeric {
    ($state:ty: $step:ident) => {
        #[pg_extern]
        fn $step(call: Call<'_>) -> Option<Internal> {
            sql(|| {
                step(call, memory(), |state: &mut $state| {
                    if let (Some(predicted), Some(actual)) = (call.float8(1), call.float8(2)) {
                        state.add(predicted, actual);
                    }
                    Ok(())
                })
            })
        }
    };
}

labelled!(Auc: auc_step, Auc::add);
aggregate!(Auc: auc_combine, auc_serialise, auc_deserialise, auc_final);

labelled!(AveragePrecision: average_precision_step, AveragePrecision::add);
aggregate!(AveragePrecision: average_precision_combine, average_precision_serialise, average_precision_deserialise, average_precision_final);

labelled!(LogLoss: log_loss_step, LogLoss::add);
aggregate!(LogLoss: log_loss_combine, log_loss_serialise, log_loss_deserialise, log_loss_final);

labelled!(Brier: brier_step, Brier::add);
aggregate!(Brier: brier_combine, brier_serialise, brier_deserialise, brier_final);

labelled!(Accuracy: accuracy_step, Accuracy::add_probability);
aggregate!(Accuracy: accuracy_combine, accuracy_serialise, accuracy_deserialise, accuracy_final);

/// `affinity.accuracy(predicted text, actual text)`: classes by name, as `predict_class` gives them.
#[pg_extern]
fn accuracy_step_class(call: Call<'_>) -> Option<Internal> {
    sql(|| {
        step(call, memory(), |state: &mut Accuracy| {
            if let Some(right) = call.same_text(1, 2) {
                state.add(right);
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
