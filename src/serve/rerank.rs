//! Which of the best items make the list: less alike than the best alone would be, or with a share of new ones.

use crate::base::{Code, Error, Result, names, zeros};
use crate::serve::recommender::Recommender;
use serde_json::Value;

/// What a list is to be beside relevant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// From 0, the best items, to 1, items as unlike one another as can be.
    pub diversity: f32,
    /// The least share of the list that the user never had, from 0 to 1, as far as there are such items.
    pub new_share: f32,
}

/// The names of the options.
const NAMES: [&str; 2] = ["diversity", "new_share"];
/// Candidates for each place of a diverse list, and for all places.
const EACH: usize = 4;
const LEAST: usize = 100;
/// The longest diverse list: its cost grows with the square.
const LONGEST: usize = 1000;

impl Options {
    /// From `{"diversity": 0.3, "new_share": 0.5}`; what is left out or null is 0.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for unknown keys and for values that are no numbers from 0 to 1.
    pub fn parse(given: &Value) -> Result<Self> {
        const EXAMPLE: &str = "For example: options => '{\"diversity\": 0.3}'.";
        let mut options = Self::default();
        let given = match given {
            Value::Null => return Ok(options),
            Value::Object(o) => o,
            other => {
                return Err(Error::new(Code::InvalidParameter, "options must be a JSON object")
                    .detail(format!("It is {}.", names::shown_json(other)))
                    .hint(EXAMPLE));
            }
        };
        for (name, value) in given {
            let place = match name.as_str() {
                "diversity" => &mut options.diversity,
                "new_share" => &mut options.new_share,
                _ => {
                    names::check("option", name)?;
                    let e = Error::new(Code::InvalidParameter, format!("unknown option \"{name}\""))
                        .detail(format!("Options are: {}.", NAMES.join(", ")));
                    return Err(match names::nearest(name, NAMES) {
                        Some(n) => e.hint(format!("Did you mean \"{n}\"?")),
                        None => e.hint(EXAMPLE),
                    });
                }
            };
            match value {
                Value::Null => {}
                v => {
                    *place = v.as_f64().filter(|x| (0.0..=1.0).contains(x)).ok_or_else(|| {
                        Error::new(Code::InvalidParameter, format!("option \"{name}\" must be a number from 0 to 1"))
                            .detail(format!("It is {}.", names::shown_json(v)))
                            .hint(format!("For example: options => '{{\"{name}\": 0.3}}'."))
                    })? as f32;
                }
            }
        }
        Ok(options)
    }

    /// Whether the best items are the list.
    pub fn plain(&self) -> bool {
        self.diversity == 0.0 && self.new_share == 0.0
    }

    /// How many of the best items come into question for a list of `k`.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for a diverse list that is too long.
    pub fn candidates(&self, k: usize) -> Result<usize> {
        if self.diversity == 0.0 {
            return Ok(k);
        }
        if k > LONGEST {
            return Err(Error::new(Code::InvalidParameter, format!("k must be at most {LONGEST} with diversity"))
                .detail(format!("It is {k}."))
                .hint("Ask for a shorter list, or leave diversity out."));
        }
        Ok((k * EACH).max(LEAST))
    }

    /// The list of `k` from `candidates` (item, score, whether the user had it; best first), in its order.
    ///
    /// Each place goes to the candidate with the most (1 − d) · relevance − d · likeness to the most alike of those before it (maximal
    /// marginal relevance, Carbonell & Goldstein 1998), d the diversity; relevance is the score, brought to 0 to 1 over the candidates,
    /// likeness the model's ([`crate::model::recommender::ItemScorer::likeness`]). Once only the places that must be new are left, only new
    /// items come into question, while there are any. `check` is called for each place.
    ///
    /// # Errors
    /// Those of `check`; [`Code::Unsupported`] where the model knows no likeness.
    pub fn choose(
        &self,
        model: &Recommender,
        mut candidates: Vec<(u32, f32, bool)>,
        k: usize,
        mut check: impl FnMut() -> Result<()>,
    ) -> Result<Vec<(u32, f32)>> {
        let d = self.diversity;
        let (low, high) = candidates.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), c| (l.min(c.1), h.max(c.1)));
        let relevance = |score: f32| if high > low { (score - low) / (high - low) } else { 0.0 };
        let mut scratch = zeros(if d > 0.0 { model.items().len() } else { 0 })?;
        let mut nearest: Vec<f32> = vec![0.0; candidates.len()];
        let mut list = Vec::new();
        let mut new = ((self.new_share * k as f32).ceil() as usize).min(k);
        if d > 0.0 && candidates.is_empty() {
            return Ok(list);
        }
        while list.len() < k && !candidates.is_empty() {
            check()?;
            let only_new = k - list.len() <= new && candidates.iter().any(|c| !c.2);
            let worth = |at: usize| (1.0 - d) * relevance(candidates[at].1) - d * nearest[at];
            let open = (0..candidates.len()).filter(|&at| !only_new || !candidates[at].2);
            // Of equals the first: the order of the candidates is that of the plain list.
            let Some(best) = open.reduce(|a, b| if worth(b) > worth(a) { b } else { a }) else { break };
            let (item, score, had) = candidates.remove(best);
            nearest.remove(best);
            new -= usize::from(!had && new > 0);
            list.push((item, score));
            if d > 0.0 {
                let others: Vec<u32> = candidates.iter().map(|c| c.0).collect();
                let mut like = vec![0.0; others.len()];
                model.likeness(item, &others, &mut scratch, &mut like)?;
                nearest.iter_mut().zip(like).for_each(|(n, x)| *n = n.max(x));
            }
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_are_numbers_of_known_names() {
        assert_eq!(Options::parse(&Value::Null).unwrap(), Options::default());
        assert!(Options::parse(&json!({})).unwrap().plain());
        assert!(Options::parse(&json!({"diversity": null, "new_share": 0})).unwrap().plain());
        assert_eq!(Options::parse(&json!({"diversity": 1, "new_share": 0.25})).unwrap(), Options { diversity: 1.0, new_share: 0.25 });
        let fault = |v: Value| {
            let e = Options::parse(&v).unwrap_err();
            (e.message, e.detail.unwrap_or_default(), e.hint.unwrap_or_default())
        };
        assert_eq!(fault(json!({"diversty": 1})).2, "Did you mean \"diversity\"?");
        assert_eq!(fault(json!({"colour": 1})).1, "Options are: diversity, new_share.");
        assert_eq!(fault(json!({"diversity": 1.5})).0, "option \"diversity\" must be a number from 0 to 1");
        assert_eq!(fault(json!({"new_share": "half"})).1, "It is \"half\".");
        assert_eq!(fault(json!([1])).0, "options must be a JSON object");
        let diverse = Options { diversity: 0.1, new_share: 0.0 };
        assert_eq!((diverse.candidates(10).unwrap(), diverse.candidates(100).unwrap()), (100, 400));
        assert!(diverse.candidates(1001).is_err() && Options::default().candidates(1 << 40).is_ok());
    }
}
