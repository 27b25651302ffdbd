//! What the suites over the kinds of rows share: a context, the way through the store, values that no column should have, a training that
//! is told to stop or has no memory.

#![allow(clippy::unwrap_used)]

use pg_affinity::base::{Budget, Code, Context, Epoch, Numbers, Pool, Quiet, Result, Tensor, Watch};
use pg_affinity::dataset::{Cell, Family, Labels};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Runs `f` on so many threads, with a seed.
pub fn with<T>(threads: usize, seed: u64, f: impl FnOnce(&Context<'_>) -> T) -> T {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed, pool: &pool, budget: &budget, watch: &Quiet })
}

/// Out to what the tables hold and back: JSON text, and bytes by element type.
pub fn through_the_store(state: &Value, tensors: &[Tensor]) -> (Value, Vec<Tensor>) {
    let again = |n: &Numbers| {
        let mut back = Numbers::none(n.dtype()).unwrap();
        n.each_chunk(64, |bytes| back.append(bytes)).unwrap();
        back
    };
    (
        serde_json::from_str(&state.to_string()).unwrap(),
        tensors.iter().map(|t| Tensor { numbers: again(&t.numbers), ..t.clone() }).collect(),
    )
}

/// For a column: a value that is odd but right, one of a wrong type, and how that is refused.
pub fn odd_and_wrong(family: Family) -> (Cell<'static>, Cell<'static>, Code) {
    match family {
        Family::Number => (Cell::Number(-1e300), Cell::Text("12"), Code::WrongType),
        Family::Bool => (Cell::Bool(true), Cell::Text("t"), Code::WrongType),
        Family::Text => (Cell::Text("never seen"), Cell::Number(1.0), Code::WrongType),
        Family::Time => (Cell::Time(i64::MAX), Cell::Text("2020-01-01"), Code::WrongType),
        Family::Labels => (Cell::Labels(Labels::Names(&["never seen"])), Cell::Text("a"), Code::WrongType),
        Family::Vector(_) => (Cell::Vector(&[1e30, f32::NAN]), Cell::Vector(&[1.0]), Code::ArrayLength),
    }
}

/// That `load` calls corrupt what lacks a tensor, or has one that is short, long, of another type or no number, and what lacks one of `keys`
/// of the state or has another type there.
pub fn tampered_is_corrupt<'k>(
    state: &Value,
    tensors: &[Tensor],
    keys: impl IntoIterator<Item = &'k str>,
    load: impl Fn(&Value, &[Tensor]) -> Code,
) {
    for i in 0..tensors.len() {
        let without: Vec<Tensor> = tensors.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, t)| t.clone()).collect();
        // the whole of the twins or of the baseline may be left out, one tensor of them may not
        assert_eq!(load(state, &without), Code::Corrupt, "without {}", tensors[i].name);
        for change in 0..4 {
            let mut bad = tensors.to_vec();
            match (change, &mut bad[i].numbers) {
                (0, Numbers::F32(v)) => drop(v.own().pop()),
                (0, Numbers::F16(v)) => drop(v.own().pop()),
                (0, Numbers::I8(v)) => drop(v.own().pop()),
                (1, Numbers::F32(v)) => v.own()[0] = f32::NAN,
                (1, Numbers::F16(v)) => v.own()[0] = half::f16::NAN,
                // Every byte is a number of steps.
                (1, Numbers::I8(_)) => continue,
                (2, _) => bad[i].shape[0] += 1,
                _ => bad[i].numbers = Numbers::I64(vec![0; tensors[i].numbers.len()].into()),
            }
            assert_eq!(load(state, &bad), Code::Corrupt, "{} change {change}", bad[i].name);
        }
    }
    for key in keys {
        let mut bad = state.clone();
        bad.as_object_mut().unwrap().remove(key);
        assert_eq!(load(&bad, tensors), Code::Corrupt, "without {key}");
        bad[key] = json!(-1);
        assert_eq!(load(&bad, tensors), Code::Corrupt, "{key} of another type");
    }
    assert_eq!(load(&Value::Null, tensors), Code::Corrupt);
}

/// Says "stop" from the `n`th question on.
struct Stop(AtomicUsize);

impl Watch for Stop {
    fn cancelled(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_err()
    }
    fn epoch(&self, _: &Epoch) {}
}

/// That `fit` stops after each of these numbers of questions, and within so many bytes says that they are too few.
pub fn stops<T: std::fmt::Debug>(what: &str, questions: [usize; 4], bytes: usize, fit: impl Fn(&Context<'_>) -> Result<T>) {
    let pool = Pool::new(2).unwrap();
    for n in questions {
        let (stop, budget) = (Stop(n.into()), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &stop };
        assert_eq!(fit(&ctx).unwrap_err().code, Code::Cancelled, "{what} after {n}");
    }
    let budget = Budget::new(bytes);
    let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
    assert_eq!(fit(&ctx).unwrap_err().code, Code::OutOfMemory, "{what}");
}
