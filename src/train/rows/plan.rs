//! What the caller left open, chosen by the number of rows: how many networks, and how they are trained.

use crate::base::Context;
use crate::base::rng::mix;
use crate::model::mlp::MlpSpec;
use crate::model::rows::Params;
use crate::nn::Loss;
use crate::serve::Outcome;
use crate::serve::scorer::State;

/// Up to so many rows that teach, several networks cost a second and are worth it: chance decides much of what one learns. (Two in the
/// place of four lost .0015 of the AUC on the texts of 3,503 products; in a trial on online_shoppers five gave .001 more than one.)
const SMALL: usize = 20_000;
/// Up to so many rows a batch of a network's size makes too few steps for a line.
/// (`linear` on 100 rows of y = 3x + 1, x up to 100, said −322 to 2825 of x = 1000 in the larger batches, and says about 3001.)
const FEW: usize = 2_000;
/// Up to here two still cost little. (They are paid when a table is scored: in an early run a million rows by one network came 6.8 times as
/// fast as by way of Python, by two 5.7 times.)
const MIDDLE: usize = 400_000;

/// How many networks are averaged, where `rows` rows teach.
pub fn networks(params: &Params, rows: usize) -> usize {
    params.ensemble.unwrap_or(match rows {
        _ if params.hidden.is_empty() => 1,
        n if n <= SMALL => 4,
        n if n <= MIDDLE => 2,
        _ => 1,
    })
}

/// The context of network `network`: chance of its own.
pub fn seeded<'a>(ctx: &Context<'a>, network: usize) -> Context<'a> {
    Context { seed: mix(ctx.seed.wrapping_add(mix(network as u64))), ..*ctx }
}

/// Share of a text's words and runs that sit out a step of a model without a hidden layer.
const TEXT_DROPOUT: f32 = 0.3;

/// The network and how it is trained, with what the caller left open chosen by the number of rows.
fn plan(state: &State, params: &Params, rows: usize) -> MlpSpec {
    let bare = params.hidden.is_empty();
    let (batch, epochs) = match rows {
        // Of few weights each has to come to its place, which takes some hundred steps. (In batches of 128, 100 rows of which 18 were
        // positive had a log loss of .449 on fresh rows, the constant .438, and a logistic regression to its end .327.)
        n if bare && n <= FEW => (16, 120),
        n if bare && n <= SMALL && state.outcome == Outcome::Value => (32, 60),
        n if n <= SMALL => (128, 60),
        n if n < 100_000 => (256, 40),
        n if n <= MIDDLE => (512, 20),
        _ => (1024, 12),
    };
    let epochs = params.epochs.unwrap_or(epochs);
    let spec = MlpSpec {
        // Without a hidden layer it acts on texts alone.
        dropout: if bare { TEXT_DROPOUT } else { params.dropout },
        epochs,
        batch: params.batch.unwrap_or(batch),
        learning_rate: params.learning_rate.unwrap_or(if bare { 1e-2 } else { 1e-3 }),
        weight_decay: params.weight_decay,
        patience: params.patience.unwrap_or((epochs / 6).max(3)),
        ..state.spec(&params.hidden)
    };
    if params.label_smoothing > 0.0 && matches!(spec.loss, Loss::SoftmaxCe) {
        return MlpSpec { loss: Loss::SmoothCe(params.label_smoothing), ..spec };
    }
    spec
}

/// How the networks are trained, and the model without a hidden layer beside them.
pub struct Plans {
    /// Of the networks.
    pub own: MlpSpec,
    /// Of the simple model; none where the networks are as simple.
    pub simple: Option<MlpSpec>,
}

impl Plans {
    /// For `rows` rows that teach.
    pub fn new(state: &State, params: &Params, rows: usize) -> Self {
        let own = plan(state, params, rows);
        let bare =
            Params { hidden: Vec::new(), dropout: 0.0, learning_rate: None, epochs: None, batch: None, patience: None, ..params.clone() };
        let simple = (!own.hidden.is_empty()).then(|| plan(state, &bare, rows));
        Self { own, simple }
    }
}
