//! How like two items are to a model: what makes a list diverse is measured with it.

use crate::base::Result;
use crate::model::recommender::Model;

impl Model {
    /// How like `item` each of `others` is, into `out`: a cosine. Of `item_knn`, `transition`, `ease` and `ranker` that of the items' rows of links
    /// ([`crate::model::links::Links::cosines`]), of a blend the mean of its bases by weight, of others that of the items' vectors. `scratch` has one an
    /// item, all 0, and is so again afterwards.
    ///
    /// # Errors
    /// [`crate::base::Code::Unsupported`] for a kind that knows no likeness.
    pub fn likeness(&self, item: u32, others: &[u32], scratch: &mut [f32], out: &mut [f32]) -> Result<()> {
        if let Some(links) = self.links() {
            links.cosines(item, others, scratch, out);
            return Ok(());
        }
        if let Self::Blend(blend) = self {
            out.fill(0.0);
            let (mut own, mut weights, mut fault) = (vec![0.0; others.len()], 0.0, None);
            for part in &blend.parts {
                match part.model.likeness(item, others, scratch, &mut own) {
                    Ok(()) => {
                        weights += part.weight;
                        out.iter_mut().zip(&own).for_each(|(o, x)| *o += part.weight * x);
                    }
                    Err(e) => fault = fault.or(Some(e)),
                }
            }
            if weights > 0.0 {
                out.iter_mut().for_each(|o| *o /= weights);
                return Ok(());
            }
            return fault.map_or(Ok(()), Err);
        }
        let known = self.similar(item, scratch);
        out.iter_mut().zip(others).for_each(|(o, i)| *o = if matches!(known, Ok(true)) { scratch[*i as usize] } else { 0.0 });
        scratch.fill(0.0);
        known.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Code, Context, Pool, Quiet};
    use crate::model::blend::{Blend, Part};
    use crate::model::linked::Linked;
    use crate::model::links::Links;
    use crate::model::popularity::Popularity;

    /// Items 0 and 1 link to 2 and to each other, 3 to 4.
    fn linked() -> Model {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let to: [&[u32]; 6] = [&[1, 2], &[0, 2], &[0], &[4], &[], &[]];
        let links = Links::build(6, 9, &ctx, |a, gather| to[a as usize].iter().for_each(|b| gather.add(*b, 2.0)), |_, _, sum| sum).unwrap();
        Model::Linked(Linked { links, recency: 1.0 })
    }

    #[test]
    fn rows_that_lead_to_the_same_items_are_alike() {
        let (mut scratch, mut out) = (vec![0.0; 6], vec![9.0; 4]);
        linked().likeness(0, &[1, 2, 3, 5], &mut scratch, &mut out).unwrap();
        // Rows with the item itself: 0 and 1 are both {0, 1, 2}, 2 is {0, 2}.
        for (x, y) in out.iter().zip([1.0, 2.0 / 6f32.sqrt(), 0.0, 0.0]) {
            assert!((x - y).abs() < 1e-3, "{out:?}");
        }
        assert_eq!(scratch, [0.0; 6]);
        // An item without links is like none.
        linked().likeness(5, &[0, 1, 2, 3], &mut scratch, &mut out).unwrap();
        assert_eq!(out, [0.0; 4]);
    }

    #[test]
    fn a_blend_asks_the_bases_that_can() {
        let popular = || Part { kind: "popularity", weight: 0.5, model: Model::Popularity(Popularity { scores: vec![1.0; 6] }) };
        let (mut scratch, mut out) = (vec![0.0; 6], vec![0.0; 2]);
        let blend = Model::Blend(Blend { parts: vec![popular(), Part { kind: "ease", weight: 0.2, model: linked() }] });
        blend.likeness(0, &[1, 3], &mut scratch, &mut out).unwrap();
        assert!((out[0] - 1.0).abs() < 1e-3 && out[1] == 0.0);
        let flat = Model::Blend(Blend { parts: vec![popular()] });
        assert_eq!(flat.likeness(0, &[1, 3], &mut scratch, &mut out).unwrap_err().code, Code::Unsupported);
        assert_eq!(scratch, [0.0; 6]);
    }
}
