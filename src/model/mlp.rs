//! The multi-layer perceptron: dense layers with ReLU between. Without a hidden layer it is logistic or linear regression.

use crate::base::number::AsReal;
use crate::base::shared::Held;
use crate::base::tensor::{find, laid};
use crate::base::{Budget, Code, Context, Epoch, Error, Numbers, Pool, Quiet, Result, Rng, Shared, Tensor, zeros};
use crate::dataset::TextRows;
use crate::kernel::Aligned;
use crate::model::coarse;
use crate::model::outputs::{contiguous, each_shard, gaps, to_shares};
use crate::model::row_weights::{by_class, mean_one};
use crate::nn::fit::{Loop, Trainee};
use crate::nn::monitor::{Evaluation, Fitted};
use crate::nn::shards::Rows;
use crate::nn::{Activation, Adam, AdamSpec, Loss, Shards, Stack, Targets};
use ndarray::{Array2, ArrayView2};
use std::borrow::Cow;
use std::sync::Arc;

/// Rows as a network takes them.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Rows × numbers.
    pub dense: ArrayView2<'a, f32>,
    /// The sparse inputs of the same rows, where the network has some.
    pub texts: Option<TextRows<'a>>,
}

impl<'a> From<ArrayView2<'a, f32>> for Inputs<'a> {
    fn from(dense: ArrayView2<'a, f32>) -> Self {
        Self { dense, texts: None }
    }
}

impl Inputs<'_> {
    fn sparse(&self) -> usize {
        self.texts.map_or(0, |t| t.width())
    }
}

/// From so many sparse inputs on their weights are most of a network: a text column has tens of thousands, rare names of a category some
/// hundred.
const MANY_SPARSE: usize = 2048;

/// What the tensor of the weights of sparse inputs is called.
const TEXT_WEIGHT: &str = "layer1.text";

/// What the tensor of all weights is called, as they are used.
const ALL: &str = "weights";

/// Everything that fixes an MLP but its rows and its seed.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpSpec {
    /// Numbers of a row.
    pub inputs: usize,
    /// Sparse inputs of a row beside them.
    pub sparse: usize,
    /// Widths of the hidden layers; none is a linear model.
    pub hidden: Vec<usize>,
    /// Numbers out: 1 for BCE, one a class for softmax, any for squared error.
    pub outputs: usize,
    /// Share of the hidden outputs, and of a row's sparse inputs, that is dropped in training, in [0, 1).
    pub dropout: f32,
    /// What the outputs are held against.
    pub loss: Loss,
    /// Epochs at most.
    pub epochs: usize,
    /// Rows of a step, from 1.
    pub batch: usize,
    /// Adam's step size, above 0.
    pub learning_rate: f32,
    /// Decoupled weight decay, 0 or more.
    pub weight_decay: f32,
    /// Epochs without a lower validation loss after which training stops; 0 never.
    pub patience: usize,
    /// What a row counts by its class (for BCE: 0, 1), wherever a loss is taken; empty: every row alike.
    pub class_weights: Vec<f32>,
    /// Whether the last biases are set, when the weights stand, so that the mean probability of each class or tag over the rows is its
    /// share of them. (A logistic regression that has come to its end has this by itself. On 900 rows with 24 positives 60 epochs are not
    /// that far: the mean was 1.6 times the share.)
    pub to_shares: bool,
}

impl MlpSpec {
    /// Hidden layers of 64 and 32, Adam at 1e-3, 20 epochs of batches of 128 and a patience of 3.
    pub fn new(inputs: usize, outputs: usize, loss: Loss) -> Self {
        Self {
            inputs,
            sparse: 0,
            hidden: vec![64, 32],
            outputs,
            dropout: 0.0,
            loss,
            epochs: 20,
            batch: 128,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            patience: 3,
            class_weights: Vec::new(),
            to_shares: false,
        }
    }

    /// The numbers that a row's sparse inputs, being many, become before a hidden layer sees them; 0: they go to its outputs. (Of 3,503
    /// products, four text columns and four yes-or-no targets: an AUC of .8411 with 4, .8414 with 6, and .8425 with none, which are 16
    /// times the weights and thrice the time. For many classes they are too few: of reviews in ten categories 22 tell .844, none .853.)
    fn factors(&self) -> usize {
        let factors = 4 * self.outputs;
        if self.sparse >= MANY_SPARSE && self.hidden.first().is_some_and(|h| 4 * factors <= *h) { factors } else { 0 }
    }

    fn stack(&self) -> Result<Stack> {
        let factors = self.factors();
        let widths: Vec<usize> = [self.inputs + factors].into_iter().chain(self.hidden.iter().copied()).chain([self.outputs]).collect();
        Stack::new(&widths, Activation::Relu, Activation::Identity)?.with_sparse(self.sparse, factors)
    }

    fn check(&self) -> Result<()> {
        let bad = |name: &str, value: f64, range: &str| {
            Err(Error::new(Code::InvalidParameter, format!("parameter \"{name}\" is out of range"))
                .detail(format!("The value is {value}; it must be {range}.")))
        };
        match self {
            s if s.hidden.contains(&0) => bad("hidden", 0.0, "at least 1 for each layer"),
            s if !(0.0..1.0).contains(&s.dropout) => bad("dropout", s.dropout.into(), "from 0 to below 1"),
            s if !(s.learning_rate > 0.0 && s.learning_rate.is_finite()) => bad("learning_rate", s.learning_rate.into(), "above 0"),
            s if !(s.weight_decay >= 0.0 && s.weight_decay.is_finite()) => bad("weight_decay", s.weight_decay.into(), "0 or more"),
            s if s.batch == 0 => bad("batch", 0.0, "at least 1"),
            s if s.inputs + s.sparse == 0 || s.outputs == 0 => Err(Error::internal("an MLP without inputs or outputs")),
            _ => Ok(()),
        }
    }
}

/// A trained network.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    stack: Stack,
    params: Shared<f32>,
}

/// Buffers for scoring row by row; they grow on first use and are then reused.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    a: Vec<f32>,
    b: Vec<f32>,
}

impl Mlp {
    /// Trains on `x` (rows × inputs) and `y`, each row counting by its weight (relative to the mean weight), or by that of its class.
    /// `valid` are rows to evaluate each epoch on: the epoch with the lowest mean loss there is kept. Returns the network, every epoch, and
    /// the number of the kept one.
    ///
    /// Mini-batches of Adam ([`Adam`]); the same rows and seed give the same bits, whatever the number of threads.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for a spec out of range; [`Code::Data`] without rows, for a target out of range, for weights that are
    /// negative or all 0, or when training diverges; [`Code::OutOfMemory`] before anything is allocated when the budget does not allow it;
    /// [`Code::Cancelled`].
    pub fn fit<'a, X: Into<Inputs<'a>>>(
        x: X,
        y: Targets<'_>,
        weights: Option<&[f32]>,
        valid: Option<(X, Targets<'_>)>,
        spec: &MlpSpec,
        ctx: &Context<'_>,
    ) -> Result<(Self, Vec<Epoch>, usize)> {
        spec.check()?;
        let (Inputs { dense: x, texts }, valid) = (x.into(), valid.map(|(v, t)| (v.into(), t)));
        let stack = spec.stack()?;
        let rows = x.nrows();
        if rows == 0 {
            return Err(Error::new(Code::Data, "no rows to train on"));
        }
        y.check(rows, spec.outputs, spec.loss)?;
        let fits = |x: &Inputs<'_>| x.dense.ncols() == spec.inputs && x.sparse() == spec.sparse;
        if !fits(&Inputs { dense: x, texts }) || !valid.iter().all(|(v, _)| fits(v)) || weights.is_some_and(|w| w.len() != rows) {
            return Err(Error::internal(format!("{} inputs and one weight a row expected, {} columns found", spec.inputs, x.ncols())));
        }
        if let Some((v, t)) = &valid {
            t.check(v.dense.nrows(), spec.outputs, spec.loss)?;
        }
        let batch = spec.batch.min(rows);
        let plan = Loop { rows, epochs: spec.epochs, batch, patience: spec.patience };
        // The weights, Adam's two moments, the loop's copy of the best, the batch's machinery, and copies of rows that lie with gaps.
        let copies = gaps(&x) + valid.as_ref().map_or(0, |v| gaps(&v.0.dense));
        let bytes = [
            stack.parameters().saturating_mul(12),
            plan.bytes(stack.parameters()),
            Shards::bytes(&stack, batch),
            if weights.is_some() || !spec.class_weights.is_empty() { rows * 8 } else { 0 },
            copies,
            valid.as_ref().map_or(0, |v| v.0.dense.nrows().saturating_mul(spec.outputs).saturating_mul(4)),
        ];
        let what = format!("Training a network of {} weights on {rows} rows", stack.parameters());
        let _taken = ctx.budget.take(bytes.iter().fold(0, |a, b| usize::saturating_add(a, *b)), &what)?;
        let x = contiguous(x)?;
        let valid = valid
            .map(|(v, targets)| {
                let rows = v.dense.nrows();
                let weights = by_class(&spec.class_weights, targets, rows)?.map(|w| mean_one(&w)).transpose()?;
                Ok::<_, Error>(Holdout { x: contiguous(v.dense)?, texts: v.texts, rows, targets, weights })
            })
            .transpose()?;
        let own = by_class(&spec.class_weights, y, rows)?;
        let weights = weights.or(own.as_deref()).map(mean_one).transpose()?;
        let mut params = zeros(stack.parameters())?;
        stack.init(&mut params, &mut Rng::stream(ctx.seed, 1));
        let adam = AdamSpec { learning_rate: spec.learning_rate, weight_decay: spec.weight_decay, ..AdamSpec::default() };
        let mut training = Training {
            shards: Shards::new(&stack, Rows { x: &x, texts, targets: y, weights: weights.as_deref() }, spec.loss, spec.dropout, batch)?,
            adam: Adam::new(adam, params.len())?,
            stack: &stack,
            params,
            valid,
            loss: spec.loss,
        };
        let Fitted { epochs, best_epoch } = plan.run(&mut training, ctx)?;
        let mut params = training.params;
        // What is evaluated is what is stored.
        coarse::round(&mut params[stack.sparse_weight()], stack.sparse_width(), !spec.hidden.is_empty());
        if spec.to_shares {
            let last = stack.layers().last().map_or(0..0, |l| l.bias.clone());
            let alike = vec![1.0; spec.outputs.max(2)];
            let weights = if spec.class_weights.is_empty() { &alike } else { &spec.class_weights };
            let smoothed = if let Loss::SmoothCe(share) = spec.loss { share } else { 0.0 };
            let off = to_shares(&stack, &params, (&x, texts, rows), y, (weights, smoothed), ctx)?;
            params[last].iter_mut().zip(off).for_each(|(bias, off)| *bias += off);
        }
        Ok((Self { params: aligned(&params)?, stack }, epochs, best_epoch))
    }

    /// Numbers of a row.
    pub fn inputs(&self) -> usize {
        self.stack.inputs()
    }

    /// Numbers out.
    pub fn outputs(&self) -> usize {
        self.stack.outputs()
    }

    /// The outputs of one row of as many numbers as the network has inputs; panics on another count. Logits for BCE and softmax.
    #[inline]
    pub fn logits_row<'s>(&self, x: &[f32], scratch: &'s mut Scratch) -> &'s [f32] {
        self.outputs_row(scratch, |a, b| self.stack.row(&self.params, x, a, b))
    }

    /// [`Mlp::logits_row`] for a row that sets sparse inputs too: each once, with its number; panics on one that there is not.
    pub fn logits_row_sparse<'s>(&self, x: &[f32], entries: &[(usize, f32)], scratch: &'s mut Scratch) -> &'s [f32] {
        self.outputs_row(scratch, |a, b| self.stack.row_sparse(&self.params, x, entries, a, b))
    }

    #[inline]
    fn outputs_row<'s>(&self, scratch: &'s mut Scratch, row: impl FnOnce(&mut [f32], &mut [f32]) -> bool) -> &'s [f32] {
        let width = self.stack.width();
        if scratch.a.len() < width {
            scratch.a.resize(width, 0.0);
            scratch.b.resize(width, 0.0);
        }
        let in_a = row(&mut scratch.a, &mut scratch.b);
        &(if in_a { &scratch.a } else { &scratch.b })[..self.outputs()]
    }

    /// The outputs of many rows (rows × outputs), spread over the threads.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]; [`Code::Internal`] for another number of columns than inputs.
    pub fn logits<'a>(&self, x: impl Into<Inputs<'a>>, pool: &Pool) -> Result<Array2<f32>> {
        let Inputs { dense: x, texts } = x.into();
        if x.ncols() != self.inputs() {
            return Err(Error::internal(format!("{} inputs expected, {} columns found", self.inputs(), x.ncols())));
        }
        let (flat, outputs) = (contiguous(x)?, self.outputs());
        let mut out = zeros(x.nrows() * outputs)?;
        let budget = Budget::unlimited();
        let ctx = Context { seed: 0, pool, budget: &budget, watch: &Quiet };
        each_shard(&self.stack, &self.params, (&flat, texts), &mut out, &ctx, |_, _| 0.0)?;
        Array2::from_shape_vec((x.nrows(), outputs), out).map_err(|e| Error::internal(e.to_string()))
    }

    /// The weights as tensors `{prefix}layer1.weight` (inputs × outputs), `{prefix}layer1.bias` (outputs), and so on; those of sparse
    /// inputs as `{prefix}layer1.text` (sparse inputs × what they become).
    pub fn to_tensors(&self, prefix: &str) -> Vec<Tensor> {
        let mut out = Vec::new();
        for (i, l) in self.stack.layers().iter().enumerate() {
            let name = |part: &str| format!("{prefix}layer{}.{part}", i + 1);
            out.push(Tensor::f32(name("weight"), [l.inputs, l.outputs], self.params[l.weight.clone()].to_vec()));
            out.push(Tensor::f32(name("bias"), [l.outputs], self.params[l.bias.clone()].to_vec()));
        }
        let (sparse, width) = (self.stack.sparse_weight(), self.stack.sparse_width());
        if !sparse.is_empty() {
            let hidden = self.stack.layers().len() > 1;
            out.extend(coarse::to_tensors(&format!("{prefix}{TEXT_WEIGHT}"), &self.params[sparse], width, hidden));
        }
        out
    }

    /// All weights as they are used.
    pub fn laid_out(&self, prefix: &str) -> Tensor {
        Tensor::f32(format!("{prefix}{ALL}"), [self.params.len()], self.params.clone())
    }

    /// Back from [`Mlp::to_tensors`], which may be hostile, or from [`Mlp::laid_out`].
    ///
    /// # Errors
    /// [`Code::Corrupt`] when a tensor is missing, of another shape or type, or not finite.
    pub fn from_tensors(prefix: &str, spec: &MlpSpec, tensors: &[Tensor]) -> Result<Self> {
        let stack = spec.stack()?;
        if let Some(params) = laid::<f32>(tensors, &format!("{prefix}{ALL}")).filter(|all| all.len() == stack.parameters()) {
            return Ok(Self { stack, params });
        }
        let mut params = Vec::new();
        let mut add = |part: &str, shape: &[usize]| {
            let name = format!("{prefix}{part}");
            let corrupt = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("Tensor \"{name}\" {what}."));
            let Numbers::F32(values) = find(tensors, &name, shape)? else { return Err(corrupt("does not hold 32-bit floats")) };
            if !values.iter().all(|v| v.is_finite()) {
                return Err(corrupt("holds infinite numbers or NaN"));
            }
            params.extend_from_slice(values);
            Ok(())
        };
        for (i, l) in stack.layers().iter().enumerate() {
            add(&format!("layer{}.weight", i + 1), &[l.inputs, l.outputs])?;
            add(&format!("layer{}.bias", i + 1), &[l.outputs])?;
        }
        if spec.sparse > 0 {
            let shape = [spec.sparse, stack.sparse_width()];
            params.extend(coarse::from_tensors(&format!("{prefix}{TEXT_WEIGHT}"), shape, !spec.hidden.is_empty(), tensors)?);
        }
        Ok(Self { stack, params: aligned(&params)? })
    }
}

/// `params` where a line of the caches begins, as those of a file do.
fn aligned(params: &[f32]) -> Result<Shared<f32>> {
    let held: Held = Arc::new(Aligned::of(params)?);
    Shared::part(held, 0..size_of_val(params)).ok_or_else(|| Error::internal("weights that are no weights"))
}

/// Rows that are held out.
struct Holdout<'a> {
    x: Cow<'a, [f32]>,
    texts: Option<TextRows<'a>>,
    rows: usize,
    targets: Targets<'a>,
    weights: Option<Vec<f32>>,
}

/// A network in training.
struct Training<'a> {
    stack: &'a Stack,
    params: Vec<f32>,
    shards: Shards<'a>,
    adam: Adam,
    valid: Option<Holdout<'a>>,
    loss: Loss,
}

impl Trainee for Training<'_> {
    fn step(&mut self, rows: &[u32], next: &[u32], step: u64, ctx: &Context<'_>) -> Result<f64> {
        let loss = self.shards.batch(&self.params, rows, next, step, ctx)?;
        self.adam.step(&mut self.params, self.shards.gradient(), 1.0 / rows.len().single(), ctx.pool);
        Ok(loss)
    }

    fn evaluate(&mut self, ctx: &Context<'_>) -> Result<Option<Evaluation>> {
        let Some(Holdout { x, texts, rows, targets, weights }) = &self.valid else { return Ok(None) };
        let outputs = self.stack.outputs();
        let mut out = zeros(rows * outputs)?;
        let total = each_shard(self.stack, &self.params, (x, *texts), &mut out, ctx, |first, z| {
            let rows: Vec<u32> = (first..first + z.len() / outputs).map(|i| i as u32).collect();
            self.loss.plain().gradient(z, outputs, *targets, weights.as_deref(), &rows)
        })?;
        Ok(Some(Evaluation { loss: total / (*rows).max(1).real(), metric: None }))
    }

    fn parameters(&mut self) -> &mut [f32] {
        &mut self.params
    }
}

#[cfg(test)]
#[path = "mlp_tests.rs"]
mod tests;
