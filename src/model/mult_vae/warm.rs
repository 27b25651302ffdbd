//! A fit that begins from the weights of an earlier version: those of items that it knew, and all that is of no item. What the encoder says
//! of deviations is not stored, and begins anew.

use super::MultVae;
use super::shape::{Layers, Shape};
use crate::base::Result;
use crate::kernel::from_f16;
use crate::model::recommender::Warm;
use serde_json::Value;

/// The share of a fresh fit's epochs that is enough, and the fewest.
const SHARE: (f64, usize) = (0.15, 3);

/// Epochs from an earlier version where a fresh fit takes `fresh`.
pub fn epochs(fresh: usize) -> usize {
    let [share, least] = [SHARE.0, SHARE.1 as f64];
    ((fresh as f64 * share).ceil().max(least) as usize).min(fresh)
}

/// Whether the version has layers of these widths.
pub fn fits(warm: &Warm<'_>, shape: &Shape) -> bool {
    let is = |name: &str, width: usize| warm.params.get(name).and_then(Value::as_u64) == u64::try_from(width).ok();
    is("hidden", shape.hidden) && is("latent", shape.latent)
}

/// Writes its weights over those in `flat`.
///
/// # Errors
/// [`crate::base::Code::Corrupt`].
pub fn begin(warm: &Warm<'_>, shape: &Shape, sizes: &Layers<usize>, flat: &mut [f32]) -> Result<()> {
    let Shape { hidden, latent, .. } = *shape;
    let own = MultVae::from_tensors(warm.known, warm.params, &warm.model.to_tensors())?;
    let layers = shape.split_mut(sizes, flat);
    warm.each_known(|item, known| {
        let at = |i: usize| i * hidden..(i + 1) * hidden;
        from_f16(&own.input[at(known)], &mut layers.input[at(item)]);
        from_f16(&own.output[at(known)], &mut layers.output[at(item)]);
        layers.output_bias[item] = own.output_bias[known];
    });
    layers.input_bias.copy_from_slice(&own.input_bias);
    layers.decode.copy_from_slice(&own.decode);
    layers.decode_bias.copy_from_slice(&own.decode_bias);
    layers.encode_bias[..latent].copy_from_slice(&own.encode_bias);
    for (row, means) in layers.encode.chunks_exact_mut(2 * latent).zip(own.encode.chunks_exact(latent)) {
        row[..latent].copy_from_slice(means);
    }
    Ok(())
}
