//! The gradients of a whole step, and what a training promises.

use super::*;
use crate::base::params;
use crate::dataset::{Attribute, Interactions, MISSING_CODE};
use crate::model::sequence::{Inputs, KIND};
use crate::model::test_events::{shelves, with};
use crate::nn::check::gradient_check;
use crate::nn::layer::tests::normals;
use serde_json::{Value, json};

fn given(more: &Value) -> Params {
    let mut all: serde_json::Map<_, _> =
        KIND.specs.iter().map(|s| (s.name.to_string(), serde_json::from_str(s.default).unwrap())).collect();
    all.extend(more.as_object().unwrap().clone());
    params::typed(&all).unwrap()
}

/// Fifteen items with two attributes, of one of which not all is known.
fn events() -> Interactions {
    let mut data = shelves(9, 3, 5);
    let group = |i: u32| if i.is_multiple_of(4) { MISSING_CODE } else { i % 2 };
    let items = data.items.len() as u32;
    data.attributes = vec![
        Attribute { name: "maker".into(), groups: 3, of: (0..items).map(|i| i % 3).collect() },
        Attribute { name: "size".into(), groups: 2, of: (0..items).map(group).collect() },
    ];
    data
}

fn check(more: &Value) {
    let (p, data) = (given(more), events());
    with(2, |ctx| {
        let catalogue = Catalogue::new(data.items.len(), &data.attributes);
        let layout = p.layout(catalogue.rows(), Inputs::of(&data, p.length)).unwrap();
        let sequences = Sequences::new(&data, p.length, ctx).unwrap();
        let popularity = vec![1.0; data.items.len()];
        let mut t = Training::new((&layout, &catalogue), &p, &sequences, 4, (&popularity, None), 1).unwrap();
        t.params.copy_from_slice(&normals(layout.parameters(), 3).iter().map(|x| 0.4 * x).collect::<Vec<_>>());
        let params = t.params.clone();
        let users = [0, 1, 2, 5, 7, 8];
        let mut loss = |params: &[f32]| {
            t.params.copy_from_slice(params);
            t.packed.take(t.sequences, &layout.inputs, &users).unwrap();
            let l = layout.split(params);
            t.negatives.draw(&catalogue, l.rows, l.bias, &mut Rng::new(2));
            let loss = t.gradients(5, ctx).unwrap();
            let rows = t.packed.items.len();
            t.occurrences.take(&catalogue, &t.packed, &t.negatives.items, &t.by_bias[..rows]).unwrap();
            let mut gradient = vec![0.0; layout.parameters()];
            let g = layout.split_mut(&mut gradient);
            for (row, g) in g.rows.chunks_exact_mut(layout.width).enumerate() {
                t.occurrences.of(row).for_each(|(at, by)| axpy(by, &t.deltas[at * layout.width..][..layout.width], g));
            }
            for (row, g) in g.bias.iter_mut().enumerate() {
                *g = t.occurrences.of_bias(row).map(|(at, by)| by * t.by_bias[at]).sum();
            }
            g.tables.copy_from_slice(&t.rest[..layout.tables()]);
            g.encoder.copy_from_slice(&t.rest[layout.tables()..]);
            (loss, gradient)
        };
        let (_, gradient) = loss(&params);
        let loss = std::cell::RefCell::new(loss);
        gradient_check(&params, &gradient, |p| loss.borrow_mut()(p).0, 4e-3, &more.to_string());
    });
}

#[test]
fn the_gradient_of_a_step_is_that_of_its_loss() {
    for encoder in ["transformer", "gru", "cnn"] {
        check(&json!({"encoder": encoder, "width": 4, "length": 3, "sampled": 6, "dropout": 0.0}));
        check(&json!({"encoder": encoder, "width": 4, "length": 5, "sampled": 100, "dropout": 0.3}));
    }
}
