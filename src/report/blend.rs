//! What a blend is made of.

use super::Page;
use super::markup::{name, number, percent};
use crate::model::blend;
use crate::model::kinds::KINDS;
use serde_json::{Map, Value};

/// One kind of a blend.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Base {
    /// Its name.
    pub kind: String,
    /// What its scores count, above 0.
    pub weight: f64,
    /// NDCG on held-out events of the base by itself, where it was measured.
    pub alone: Option<f64>,
    /// NDCG of the blend without it.
    pub without: Option<f64>,
}

/// The bases of a version of kind `kind` by its parameters and metrics, what counts most first; none for other kinds.
pub fn bases(kind: &str, params: &Value, metrics: &Value) -> Vec<Base> {
    let weights = params.get("weights").and_then(Value::as_object).filter(|_| kind == blend::KIND.name);
    let figure = |what: &str, base: &str| metrics.get("auto").and_then(|a| a.get(what)?.get(base)?.as_f64());
    let one = |(name, weight): (&String, &Value)| {
        let weight = weight.as_f64().filter(|w| *w > 0.0)?;
        Some(Base { kind: name.clone(), weight, alone: figure("alone", name), without: figure("without", name) })
    };
    let mut all: Vec<Base> = weights.into_iter().flatten().filter_map(one).collect();
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    all
}

/// The base whose learning curve is stored with a blend: of those that were fitted the last that learns in epochs, as they are fitted in
/// the order of the list of kinds. `given` are the parameters of the call. None for other kinds.
pub fn curve_of(kind: &str, given: &Value, params: &Value, metrics: &Value) -> Option<String> {
    if kind != blend::KIND.name {
        return None;
    }
    let at = |of: &Value, path: &str| of.pointer(path).and_then(Value::as_object).cloned().unwrap_or_default();
    let tried: Vec<Map<String, Value>> = vec![at(metrics, "/auto/alone"), at(given, "/bases"), at(params, "/bases")];
    let weights = at(given, "/weights");
    let counts = |name: &str| weights.is_empty() || weights.get(name).and_then(Value::as_f64).is_some_and(|w| w > 0.0);
    let fitted = |name: &str| tried.iter().any(|t| t.contains_key(name)) && counts(name);
    KINDS.iter().rev().find(|k| k.takes("epochs") && fitted(k.name)).map(|k| k.name.to_owned())
}

impl Page {
    /// The bases of a blend.
    pub(super) fn parts(&self) -> String {
        if self.bases.is_empty() {
            return String::new();
        }
        let all: f64 = self.bases.iter().map(|b| b.weight).sum();
        let mut out = format!(
            "<h2>What it blends</h2>\n<p>The scores of {} kinds in one: each list is brought to mean 0 and deviation 1 before it counts with its weight.</p>\n\
             <ul class=\"bars\">\n",
            self.bases.len()
        );
        for b in &self.bases {
            let share = if all > 0.0 { b.weight / all } else { 0.0 };
            let alone = b.alone.map_or_else(String::new, |x| format!("; alone its NDCG is {}", number(x)));
            let without = b.without.map_or_else(String::new, |x| format!(", without it the blend's is {}", number(x)));
            out.push_str(&format!(
                "<li><span class=\"of\">{}</span><span class=\"track\" aria-hidden=\"true\"><span class=\"fill\" style=\"left:0;width:{:.1}%\"></span></span>\
                 <span class=\"says\">weight {} ({}){alone}{without}</span></li>\n",
                name(&b.kind),
                100.0 * share,
                number(b.weight),
                percent(share)
            ));
        }
        out.push_str("</ul>\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bases_have_their_weights_and_figures() {
        let params = json!({"bases": {"ease": {}, "als": {}}, "weights": {"als": 0.25, "ease": 0.75, "bpr": 0}});
        let metrics = json!({"auto": {"alone": {"als": 0.1, "ease": 0.2, "bpr": 0.05}, "blend": 0.25, "without": {"als": 0.2}}});
        let all = bases("blend", &params, &metrics);
        assert_eq!(
            all.iter().map(|b| (b.kind.as_str(), b.weight, b.alone, b.without)).collect::<Vec<_>>(),
            [("ease", 0.75, Some(0.2), None), ("als", 0.25, Some(0.1), Some(0.2))]
        );
        assert!(bases("ease", &params, &metrics).is_empty() && bases("blend", &json!({}), &json!({})).is_empty());
        // bpr was fitted after als, though it got no weight.
        assert_eq!(curve_of("blend", &json!({}), &params, &metrics).as_deref(), Some("bpr"));
        assert_eq!(curve_of("blend", &json!({"bases": {"als": {}, "ease": {}}}), &params, &json!({})).as_deref(), Some("als"));
        let given = json!({"bases": {"als": {}, "bpr": {}}, "weights": {"als": 1, "bpr": 0}});
        assert_eq!(curve_of("blend", &given, &params, &json!({})).as_deref(), Some("als"));
        assert_eq!((curve_of("als", &given, &params, &metrics), curve_of("blend", &json!({}), &json!({}), &json!({}))), (None, None));
    }
}
