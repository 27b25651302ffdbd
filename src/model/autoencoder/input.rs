//! A coded row as the network takes it: numbers, flags of what is missing, embeddings.

use super::shape::Shape;
use crate::base::Rng;
use crate::base::number::AsIndex;
use crate::dataset::encode::NONE;

/// Writes the network's input for a row into `out`. `hidden` says for each input column whether it is to look missing; `blank` are the
/// numbers of a row without values.
pub fn assemble(shape: &Shape, params: &[f32], numbers: &[f32], places: &[[u32; 2]], hidden: &[bool], blank: &[f32], out: &mut [f32]) {
    out[..shape.numbers].copy_from_slice(numbers);
    let mut category = 0;
    for (i, output) in shape.outputs.iter().enumerate() {
        match (output, shape.flags[i]) {
            (super::shape::Output::Numbers { of, .. }, Some(flag)) => {
                out[flag] = f32::from(u8::from(hidden[i]));
                if hidden[i] {
                    out[of.clone()].copy_from_slice(&blank[of.clone()]);
                }
            }
            _ => {
                let e = &shape.embeddings[category];
                let line = |place: u32| &params[e.table.clone()][place.index() * e.width..][..e.width];
                let to = &mut out[e.input.clone()];
                let [first, second] = places_of(shape, category, places[category], hidden[i]);
                to.copy_from_slice(line(first));
                if second != NONE {
                    to.iter_mut().zip(line(second)).for_each(|(t, x)| *t += x);
                }
                category += 1;
            }
        }
    }
}

/// Adds the gradient by a row's input to that of the embeddings that it used.
pub fn scatter(shape: &Shape, places: &[[u32; 2]], hidden: &[bool], back: &[f32], gradient: &mut [f32]) {
    let mut category = 0;
    for (i, flag) in shape.flags.iter().enumerate() {
        if flag.is_some() {
            continue;
        }
        let e = &shape.embeddings[category];
        for place in places_of(shape, category, places[category], hidden[i]) {
            if place != NONE {
                let to = &mut gradient[e.table.clone()][place.index() * e.width..][..e.width];
                to.iter_mut().zip(&back[e.input.clone()]).for_each(|(g, x)| *g += x);
            }
        }
        category += 1;
    }
}

/// The rows of a category's table that a value uses.
#[inline]
fn places_of(shape: &Shape, category: usize, places: [u32; 2], hidden: bool) -> [u32; 2] {
    if hidden || places[0] == NONE { [shape.embeddings[category].places as u32 - 1, NONE] } else { places }
}

/// For each input column whether it looks missing in this step: where it is missing, and by chance at the rate `noise`.
pub fn hide(missing: &[u8], noise: f32, rng: &mut Rng, hidden: &mut [bool]) {
    for (h, m) in hidden.iter_mut().zip(missing) {
        *h = *m != 0 || (noise > 0.0 && rng.uniform_f32() < noise);
    }
}
