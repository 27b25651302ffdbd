//! Hyperparameters as people write them: one JSON object, every key known, every value of its type and in its range.
//!
//! A kind of model lists its [`Spec`]s once; from them come the checks, the resolved set that is stored with a version, and what
//! `affinity.params(kind)` shows.

use crate::base::{Code, Error, Result, names};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The most elements of an array or object: more than a relation has columns.
const MOST: usize = 2000;
/// The most whole numbers of an array, the widths of layers: what is deeper takes seconds between two looks at interrupts (`gan` of
/// 2,000 layers: 5.8), and learns nothing.
const LAYERS: usize = 32;

/// The type of a parameter's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    /// A whole number.
    Integer,
    /// Any finite number.
    Number,
    /// `true` or `false`.
    Bool,
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An array of whole numbers.
    Integers,
    /// An array of texts.
    Texts,
    /// An object whose values are numbers: `{"view": 1, "purchase": 10}`.
    Weights,
    /// One of these words, or an object whose values are numbers.
    WeightsOr(&'static [&'static str]),
    /// An object whose values are arrays of texts: `{"details": ["colour", "size"]}`.
    Lists,
    /// An object whose values are objects of parameters: `{"ease": {"regularization": 250}}`.
    Objects,
}

/// One parameter of a kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spec {
    /// The key.
    pub name: &'static str,
    /// The type of its value.
    pub kind: ParamType,
    /// The default as JSON: `0.2`, `[64, 32]`, `"quantile"`; `null` means that it is chosen from the data, and may then be given too.
    pub default: &'static str,
    /// The least value (of the elements, for arrays and weights).
    pub low: Option<f64>,
    /// The greatest value.
    pub high: Option<f64>,
    /// One sentence for people.
    pub meaning: &'static str,
}

impl Spec {
    /// A parameter without bounds.
    pub const fn new(name: &'static str, kind: ParamType, default: &'static str, meaning: &'static str) -> Self {
        Self { name, kind, default, low: None, high: None, meaning }
    }

    /// The same with its least and greatest value.
    #[must_use]
    pub const fn within(mut self, low: f64, high: f64) -> Self {
        self.low = Some(low);
        self.high = Some(high);
        self
    }

    /// The default as a value.
    ///
    /// # Errors
    /// [`Code::Internal`] when the list of parameters holds JSON that is none.
    pub fn default_value(&self) -> Result<Value> {
        serde_json::from_str(self.default).map_err(|e| Error::internal(format!("default of {}: {e}", self.name)))
    }

    /// The type for people: `integer`, `number`, `array of integers`, `one of quantile, standard`.
    pub fn type_name(&self) -> String {
        match self.kind {
            ParamType::Integer => "integer".into(),
            ParamType::Number => "number".into(),
            ParamType::Bool => "boolean".into(),
            ParamType::Text => "text".into(),
            ParamType::Choice(words) => format!("one of {}", words.join(", ")),
            ParamType::Integers => "array of integers".into(),
            ParamType::Texts => "array of texts".into(),
            ParamType::Weights => "object of numbers".into(),
            ParamType::WeightsOr(words) => format!("one of {}, or an object of numbers", words.join(", ")),
            ParamType::Lists => "object of arrays of texts".into(),
            ParamType::Objects => "object of objects".into(),
        }
    }

    /// The range for people: `0 to 0.9`; none without bounds.
    pub fn range(&self) -> Option<String> {
        match (self.low, self.high) {
            (Some(l), Some(h)) => Some(format!("{l} to {h}")),
            (Some(l), None) => Some(format!("{l} or more")),
            (None, Some(h)) => Some(format!("{h} or less")),
            (None, None) => None,
        }
    }

    fn fits(&self, value: &Value) -> bool {
        let whole = |v: &Value| v.as_i64().is_some() || v.as_f64().is_some_and(|x| x.fract() == 0.0 && x.abs() < 9e15);
        let numbers = value.as_object().is_some_and(|o| o.values().all(Value::is_number));
        match self.kind {
            ParamType::Integer => whole(value),
            ParamType::Number => value.is_number(),
            ParamType::Bool => value.is_boolean(),
            ParamType::Text => value.is_string(),
            ParamType::Choice(words) => value.as_str().is_some_and(|s| words.contains(&s)),
            ParamType::Integers => value.as_array().is_some_and(|a| a.iter().all(whole)),
            ParamType::Texts => value.as_array().is_some_and(|a| a.iter().all(Value::is_string)),
            ParamType::Weights => numbers,
            ParamType::WeightsOr(words) => numbers || value.as_str().is_some_and(|s| words.contains(&s)),
            ParamType::Lists => {
                value.as_object().is_some_and(|o| o.values().all(|v| v.as_array().is_some_and(|a| a.iter().all(Value::is_string))))
            }
            ParamType::Objects => value.as_object().is_some_and(|o| o.values().all(Value::is_object)),
        }
    }

    /// The first number of `value` that is out of range.
    fn outside(&self, value: &Value) -> Option<f64> {
        let bad = |v: &Value| v.as_f64().filter(|x| self.low.is_some_and(|l| *x < l) || self.high.is_some_and(|h| *x > h));
        match value {
            Value::Array(a) => a.iter().find_map(bad),
            Value::Object(o) => o.values().find_map(bad),
            v => bad(v),
        }
    }

    /// `value` as it is stored.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] where it is of another type or out of range.
    pub fn check(&self, value: &Value) -> Result<Value> {
        if value.is_null() && self.default == "null" {
            return Ok(Value::Null);
        }
        let elements = value.as_array().map_or(0, Vec::len).max(value.as_object().map_or(0, Map::len));
        let most = if self.kind == ParamType::Integers { LAYERS } else { MOST };
        if elements > most {
            return Err(Error::new(Code::InvalidParameter, format!("parameter \"{}\" has too many elements", self.name))
                .detail(format!("It has {elements}; allowed are {most}.")));
        }
        if !self.fits(value) {
            let e = Error::new(Code::InvalidParameter, format!("parameter \"{}\" has the wrong type", self.name)).detail(format!(
                "It is {}; needed is {}{}.",
                names::shown_json(value),
                article(&self.type_name()),
                if self.default == "null" { " or null" } else { "" }
            ));
            return Err(match (self.kind, value.as_str()) {
                (ParamType::Choice(words) | ParamType::WeightsOr(words), Some(s))
                    if let Some(n) = names::nearest(s, words.iter().copied()) =>
                {
                    e.hint(format!("Did you mean \"{n}\"?"))
                }
                _ => e.hint(format!("For example: params => '{{\"{}\": {}}}'.", self.name, self.example())),
            });
        }
        if let (Some(x), Some(range)) = (self.outside(value), self.range()) {
            return Err(Error::new(Code::InvalidParameter, format!("parameter \"{}\" is out of range", self.name))
                .detail(format!("It is {x}; allowed is {range}."))
                .hint(format!("For example: params => '{{\"{}\": {}}}'.", self.name, self.example())));
        }
        // 100.0 is a whole number too, and is stored as one
        Ok(match (self.kind, value.as_f64()) {
            (ParamType::Integer, Some(x)) if value.as_i64().is_none() => Value::from(x as i64),
            _ => value.clone(),
        })
    }

    fn example(&self) -> String {
        match self.kind {
            _ if self.default != "null" => self.default.into(),
            ParamType::Integer | ParamType::Number => self.low.unwrap_or(1.0).max(1.0).min(self.high.unwrap_or(1.0)).to_string(),
            ParamType::Bool => "true".into(),
            ParamType::Text => "\"a\"".into(),
            ParamType::Choice(words) | ParamType::WeightsOr(words) => format!("\"{}\"", words.first().copied().unwrap_or_default()),
            ParamType::Integers => "[64, 32]".into(),
            ParamType::Texts => "[\"a\", \"b\"]".into(),
            ParamType::Weights => "{\"a\": 1}".into(),
            ParamType::Lists => "{\"a\": [\"b\", \"c\"]}".into(),
            ParamType::Objects => "{\"a\": {}}".into(),
        }
    }
}

fn article(noun: &str) -> String {
    match noun.chars().next() {
        _ if noun.starts_with("one of") => noun.into(),
        Some('a' | 'i' | 'o') => format!("an {noun}"),
        _ => format!("a {noun}"),
    }
}

/// Every parameter of `specs` with its given or default value. `kind` is the kind of model, for the messages.
///
/// # Errors
/// [`Code::InvalidParameter`] when `given` is no object, has an unknown key, or a value of the wrong type or out of range.
pub fn resolve(kind: &str, specs: &[Spec], given: &Value) -> Result<Map<String, Value>> {
    let empty = Map::new();
    let given = match given {
        Value::Object(o) => o,
        Value::Null => &empty,
        other => {
            return Err(Error::new(Code::InvalidParameter, "params must be a JSON object")
                .detail(format!("It is {}.", names::shown_json(other)))
                .hint("For example: params => '{\"epochs\": 20}'."));
        }
    };
    for key in given.keys() {
        if !specs.iter().any(|s| s.name == key) {
            names::check("parameter", key)?;
            let known = specs.iter().map(|s| s.name);
            let list = known.clone().collect::<Vec<_>>().join(", ");
            let e = Error::new(Code::InvalidParameter, format!("unknown parameter \"{key}\" for kind {kind}"))
                .detail(format!("Parameters are: {list}."));
            return Err(match names::nearest(key, known) {
                Some(n) => e.hint(format!("Did you mean \"{n}\"?")),
                None => e.hint(format!("See: SELECT * FROM affinity.params('{kind}').")),
            });
        }
    }
    let mut all = Map::new();
    for s in specs {
        let value = match given.get(s.name) {
            Some(v) => s.check(v)?,
            None => s.default_value()?,
        };
        all.insert(s.name.into(), value);
    }
    Ok(all)
}

/// A kind's own struct from its resolved parameters.
///
/// # Errors
/// [`Code::Corrupt`] for what [`resolve`] has not made, but for instance somebody who wrote a version's row by hand.
pub fn typed<T: DeserializeOwned>(resolved: &Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(resolved.clone()))
        .map_err(|e| Error::new(Code::Corrupt, "stored parameters are damaged").detail(format!("{e}.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SPECS: [Spec; 5] = [
        Spec::new("hidden", ParamType::Integers, "[64, 32]", "Widths of the hidden layers.").within(1.0, 1e9),
        Spec::new("dropout", ParamType::Number, "0.2", "Share of units left out.").within(0.0, 0.9),
        Spec::new("epochs", ParamType::Integer, "null", "Passes over the rows.").within(1.0, 1000.0),
        Spec::new("numbers", ParamType::Choice(&["quantile", "standard"]), "\"quantile\"", "How numbers are scaled."),
        Spec::new("refit", ParamType::Bool, "true", "Whether to train again on all rows."),
    ];

    fn fault(given: Value) -> (Code, String, String, String) {
        let e = resolve("mlp", &SPECS, &given).unwrap_err();
        (e.code, e.message, e.detail.unwrap_or_default(), e.hint.unwrap_or_default())
    }

    #[test]
    fn defaults_are_filled_in_and_whole_numbers_are_whole() {
        #[derive(serde::Deserialize, PartialEq, Debug)]
        struct P {
            hidden: Vec<usize>,
            dropout: f64,
            epochs: Option<u32>,
            numbers: String,
            refit: bool,
        }
        let r = resolve("mlp", &SPECS, &json!({"epochs": 12.0, "dropout": 0})).unwrap();
        let p: P = typed(&r).unwrap();
        assert_eq!(p, P { hidden: vec![64, 32], dropout: 0.0, epochs: Some(12), numbers: "quantile".into(), refit: true });
        let r = resolve("mlp", &SPECS, &json!({"epochs": null})).unwrap();
        assert_eq!(r["epochs"], Value::Null);
        assert_eq!(resolve("mlp", &SPECS, &Value::Null).unwrap()["dropout"], json!(0.2));
    }

    #[test]
    fn faults_name_the_value_and_the_remedy() {
        let (code, message, _, hint) = fault(json!({"hiden": [1]}));
        assert_eq!((code, message.as_str()), (Code::InvalidParameter, "unknown parameter \"hiden\" for kind mlp"));
        assert_eq!(hint, "Did you mean \"hidden\"?");
        assert_eq!(fault(json!({"colour": 1})).3, "See: SELECT * FROM affinity.params('mlp').");
        let (_, message, detail, _) = fault(json!({"dropout": 1.5}));
        assert_eq!((message.as_str(), detail.as_str()), ("parameter \"dropout\" is out of range", "It is 1.5; allowed is 0 to 0.9."));
        assert_eq!(fault(json!({"hidden": [3, 0]})).2, "It is 0; allowed is 1 to 1000000000.");
        assert_eq!(fault(json!({"epochs": "ten"})).2, "It is \"ten\"; needed is an integer or null.");
        assert_eq!(fault(json!({"epochs": 1.5})).2, "It is 1.5; needed is an integer or null.");
        assert_eq!(fault(json!({"numbers": "quantil"})).3, "Did you mean \"quantile\"?");
        assert_eq!(fault(json!({"refit": null})).2, "It is null; needed is a boolean.");
        assert_eq!(fault(json!([1])).1, "params must be a JSON object");
    }
}
