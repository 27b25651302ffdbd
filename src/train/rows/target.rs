//! The column that is learned: two classes, several, a number, or tags.

use super::tags::{self, TagSets};
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Error, Result};
use crate::dataset::{Cell, Column, Family, Frame, MISSING_CODE, Values};
use crate::model::rows::Params;
use crate::serve::Outcome;

/// More classes than this are no classes.
const MOST_CLASSES: usize = 1000;

/// What the target column asks for. Rows without a target do not count.
///
/// # Errors
/// [`Code::UndefinedColumn`]; [`Code::WrongType`] for dates and arrays; [`Code::Data`] for no values, one value, or too many classes;
/// [`Code::InvalidParameter`] when `positive` is none of the classes.
pub fn outcome(frame: &Frame, name: &str, params: &Params, notices: &mut Vec<String>) -> Result<Outcome> {
    let column = frame.column(name)?;
    if params.task.as_deref() == Some("value") && !matches!(column.values, Values::Real(_) | Values::Double(_)) {
        return Err(Error::new(Code::WrongType, format!("the target \"{name}\" is no number"))
            .detail(format!("Parameter \"task\" is \"value\"; the target holds {}.", Family::of(&column.values).plural()))
            .hint("Make it one in a view, for example (bought)::int AS bought, or leave \"task\" out."));
    }
    let names = match &column.values {
        Values::Labels { .. } => return tags::outcome(column, notices),
        Values::Time(_) | Values::Vector { .. } => {
            return Err(Error::new(Code::WrongType, format!("target \"{name}\" is neither a class nor a number"))
                .detail("A target is a boolean, a text, a number, or an array of text.")
                .hint("Make one in a view: for example (next_order IS NOT NULL) AS bought."));
        }
        Values::Bool(v) => some_rows(column, v.iter().filter(|x| **x < 2).map(|x| f64::from(*x)))?
            .into_iter()
            .map(|x| if x == 0.0 { "false".to_owned() } else { "true".into() })
            .collect(),
        Values::Category { codes, levels } => {
            let mut used = vec![false; levels.len()];
            codes.iter().filter(|c| **c != MISSING_CODE).for_each(|c| used[c.index()] = true);
            let mut names: Vec<String> = levels.iter().zip(used).filter(|(_, u)| *u).map(|(t, _)| t.clone()).collect();
            if names.is_empty() {
                return Err(no_values(column));
            }
            names.sort_unstable();
            names
        }
        v => {
            let distinct = some_rows(column, (0..v.len()).filter_map(|r| number(v.cell(r))))?;
            match params.task.as_deref() {
                Some("value") if distinct.len() == 1 => {
                    return Err(Error::new(Code::Data, format!("target \"{name}\" is the same in all rows"))
                        .detail(format!("Every row with a target has the value {}.", distinct[0]))
                        .hint("Train on a relation in which it varies."));
                }
                _ if distinct.len() == 1 => {}
                Some("value") => return Ok(Outcome::Value),
                None if distinct.len() > 2 => return Ok(Outcome::Value),
                None if distinct.iter().any(|x| x.fract() != 0.0) => {
                    notices.push(guessed(name, &distinct, "a value, as they have fractions", "classes"));
                    return Ok(Outcome::Value);
                }
                None if distinct != [0.0, 1.0] && distinct != [-1.0, 1.0] => notices.push(guessed(name, &distinct, "two classes", "value")),
                _ => {}
            }
            distinct.into_iter().map(|x| x.to_string()).collect::<Vec<_>>()
        }
    };
    classes(column, names, params)
}

/// That two numbers could be meant either way.
fn guessed(name: &str, distinct: &[f64], as_what: &str, other: &str) -> String {
    let both = distinct.iter().map(f64::to_string).collect::<Vec<_>>().join(" and ");
    format!(
        "the target \"{name}\" has the values {both} only: they are learned as {as_what} (the other way: params => '{{\"task\": \"{other}\"}}')"
    )
}

fn classes(column: &Column, names: Vec<String>, params: &Params) -> Result<Outcome> {
    let name = &column.name;
    match &names[..] {
        [one] => Err(Error::new(Code::Data, format!("target \"{name}\" has one class only"))
            .detail(format!("All {} rows with a target have the value {one}.", column.values.len() - missing(&column.values)))
            .hint("Train on a relation that has rows of the other class too.")),
        [a, b] => {
            let positive = params.positive.as_deref().unwrap_or(b);
            if positive != a && positive != b {
                return Err(Error::new(Code::InvalidParameter, "parameter \"positive\" is no value of the target")
                    .detail(format!("It is \"{positive}\"; the target \"{name}\" has the values {a} and {b}."))
                    .hint(format!("For example: params => '{{\"positive\": \"{b}\"}}'.")));
            }
            let negative = if positive == b { a } else { b };
            Ok(Outcome::Binary { negative: negative.clone(), positive: positive.to_owned() })
        }
        many if many.len() > MOST_CLASSES => Err(Error::new(Code::Data, format!("target \"{name}\" has too many classes"))
            .detail(format!("It has {} distinct values; {MOST_CLASSES} are allowed.", many.len()))
            .hint("Group rare values in a view, or train a recommender when the target is an item.")),
        _ if params.positive.is_some() => Err(Error::new(Code::InvalidParameter, "parameter \"positive\" needs a target of two classes")
            .detail(format!("The target \"{name}\" has {} classes.", names.len()))
            .hint("Leave it out, or make a boolean target in a view.")),
        _ => Ok(Outcome::Classes(names)),
    }
}

/// The distinct values, in order; at least one.
fn some_rows(column: &Column, values: impl Iterator<Item = f64>) -> Result<Vec<f64>> {
    let mut distinct: Vec<f64> = values.map(|x| x + 0.0).collect();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup();
    if distinct.is_empty() { Err(no_values(column)) } else { Ok(distinct) }
}

fn no_values(column: &Column) -> Error {
    Error::new(Code::Data, format!("target \"{}\" has no values", column.name))
        .detail(format!("All {} rows are NULL there.", column.values.len()))
        .hint("Train on a relation in which the outcome is known.")
}

fn missing(values: &Values) -> usize {
    (0..values.len()).filter(|r| values.cell(*r) == Cell::Missing).count()
}

fn number(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Number(x) => Some(x),
        _ => None,
    }
}

/// Each row's answer: 1 or 0 for two classes, the index for several (their number for a class that the model does not know), the
/// value otherwise, and for tags the row's place in the frame; NaN for rows without one.
///
/// # Errors
/// [`Code::UndefinedColumn`]; [`Code::WrongType`] for a column that cannot hold answers of this outcome; [`Code::Data`] for a value that
/// is none of two classes.
pub fn answers(frame: &Frame, name: &str, outcome: &Outcome) -> Result<Vec<f64>> {
    let values = &frame.column(name)?.values;
    let names: Vec<&str> = match outcome {
        Outcome::Binary { negative, positive } => vec![negative, positive],
        Outcome::Classes(names) => names.iter().map(String::as_str).collect(),
        Outcome::Value => Vec::new(),
        Outcome::Tags(names) => names.iter().map(String::as_str).collect(),
    };
    let unknown = |what: &str| match outcome {
        Outcome::Binary { negative, positive } => {
            Err(Error::new(Code::Data, format!("target \"{name}\" has a value that the model does not know"))
                .detail(format!("The value {what} is neither {negative} nor {positive}."))
                .hint("Map it to one of the two in a view."))
        }
        _ => Ok(names.len().real()),
    };
    let class = |text: &str| names.iter().position(|n| *n == text).map_or_else(|| unknown(text), |i| Ok(i.real()));
    match (values, outcome) {
        (Values::Labels { .. }, Outcome::Tags(_)) => Ok(tags::answers(values)),
        (Values::Real(_) | Values::Double(_), Outcome::Value) => {
            Ok((0..values.len()).map(|r| number(values.cell(r)).unwrap_or(f64::NAN)).collect())
        }
        (Values::Bool(v), Outcome::Binary { .. } | Outcome::Classes(_)) => {
            let known = ["false", "true"].map(class);
            v.iter().map(|x| known.get(x.index()).cloned().unwrap_or(Ok(f64::NAN))).collect()
        }
        (Values::Category { codes, levels }, Outcome::Binary { .. } | Outcome::Classes(_)) => {
            let known: Vec<Result<f64>> = levels.iter().map(|t| class(t)).collect();
            codes.iter().map(|c| known.get(c.index()).cloned().unwrap_or(Ok(f64::NAN))).collect()
        }
        (Values::Real(_) | Values::Double(_), Outcome::Binary { .. } | Outcome::Classes(_)) => {
            let numbers: Vec<f64> = names.iter().map(|n| n.parse().unwrap_or(f64::NAN)).collect();
            let one = |x: f64| numbers.iter().position(|n| *n == x).map_or_else(|| unknown(&x.to_string()), |i| Ok(i.real()));
            (0..values.len()).map(|r| number(values.cell(r)).map_or(Ok(f64::NAN), one)).collect()
        }
        _ => Err(Error::new(Code::WrongType, format!("target \"{name}\" has the wrong type"))
            .detail(format!(
                "It holds {}; the model predicts {}.",
                crate::dataset::Family::of(values).plural(),
                if let Outcome::Tags(_) = outcome {
                    "arrays of text".to_owned()
                } else if names.is_empty() {
                    "numbers".to_owned()
                } else {
                    format!("one of {}", names.iter().take(5).copied().collect::<Vec<_>>().join(", "))
                }
            ))
            .hint("Cast it in a view.")),
    }
}

/// The tags of every row, where the outcome is tags.
///
/// # Errors
/// [`Code::UndefinedColumn`]; [`Code::OutOfMemory`].
pub fn tags(frame: &Frame, name: &str, outcome: &Outcome) -> Result<Option<TagSets>> {
    let Outcome::Tags(names) = outcome else { return Ok(None) };
    TagSets::new(&frame.column(name)?.values, names).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::params;
    use serde_json::{Value, json};

    fn params(given: Value) -> Params {
        params::typed(&params::resolve("mlp", crate::model::rows::MLP, &given).unwrap()).unwrap()
    }

    fn frame(values: Values) -> Frame {
        Frame::new(vec![Column { name: "y".into(), values }]).unwrap()
    }

    fn texts(t: &[&str]) -> Values {
        let mut levels: Vec<String> = t.iter().filter(|t| !t.is_empty()).map(|t| (*t).to_owned()).collect();
        levels.dedup();
        let codes = t.iter().map(|t| levels.iter().position(|l| l == t).map_or(MISSING_CODE, |i| i as u32)).collect();
        Values::Category { codes, levels }
    }

    fn binary(negative: &str, positive: &str) -> Outcome {
        Outcome::Binary { negative: negative.into(), positive: positive.into() }
    }

    #[test]
    fn the_type_says_what_is_asked() {
        let none = params(Value::Null);
        let of = |v: Values| {
            let f = frame(v);
            let o = outcome(&f, "y", &none, &mut Vec::new()).unwrap();
            let a = answers(&f, "y", &o).unwrap();
            (o, a.iter().map(|x| if x.is_nan() { -1.0 } else { *x }).collect::<Vec<_>>())
        };
        assert_eq!(of(Values::Bool(vec![0, 1, 2])), (binary("false", "true"), vec![0.0, 1.0, -1.0]));
        assert_eq!(of(texts(&["yes", "no", "", "yes"])), (binary("no", "yes"), vec![1.0, 0.0, -1.0, 1.0]));
        assert_eq!(of(Values::Real(vec![2.0, 1.0, f32::NAN])), (binary("1", "2"), vec![1.0, 0.0, -1.0]));
        assert_eq!(of(Values::Double(vec![2.5, 1.0, 3.0])), (Outcome::Value, vec![2.5, 1.0, 3.0]));
        let (o, a) = of(texts(&["b", "c", "a"]));
        assert_eq!((o, a), (Outcome::Classes(vec!["a".into(), "b".into(), "c".into()]), vec![1.0, 2.0, 0.0]));
    }

    #[test]
    fn parameters_decide_where_the_type_leaves_a_choice() {
        let numbers = frame(Values::Real(vec![3.0, 1.0, 2.0]));
        let o = outcome(&numbers, "y", &params(json!({"task": "classes"})), &mut Vec::new()).unwrap();
        assert_eq!(o, Outcome::Classes(vec!["1".into(), "2".into(), "3".into()]));
        assert_eq!(answers(&numbers, "y", &o).unwrap(), [2.0, 0.0, 1.0]);
        let two = frame(Values::Real(vec![3.0, 1.0]));
        assert_eq!(outcome(&two, "y", &params(json!({"task": "value"})), &mut Vec::new()).unwrap(), Outcome::Value);
        assert_eq!(outcome(&two, "y", &params(json!({"positive": "1"})), &mut Vec::new()).unwrap(), binary("3", "1"));
        let e = outcome(&two, "y", &params(json!({"positive": "7"})), &mut Vec::new()).unwrap_err();
        assert_eq!((e.code, e.detail.as_deref()), (Code::InvalidParameter, Some("It is \"7\"; the target \"y\" has the values 1 and 3.")));
    }

    #[test]
    fn targets_that_teach_nothing_are_errors() {
        let fault = |v: Values| {
            let e = outcome(&frame(v), "y", &params(Value::Null), &mut Vec::new()).unwrap_err();
            (e.code, e.message, e.detail.unwrap_or_default())
        };
        let (code, message, detail) = fault(Values::Bool(vec![1, 1, 2]));
        assert_eq!((code, message.as_str()), (Code::Data, "target \"y\" has one class only"));
        assert_eq!(detail, "All 2 rows with a target have the value true.");
        assert_eq!(fault(Values::Real(vec![5.0; 3])).1, "target \"y\" has one class only");
        assert_eq!(fault(Values::Real(vec![f32::NAN; 3])).1, "target \"y\" has no values");
        assert_eq!(fault(texts(&["", ""])).1, "target \"y\" has no values");
        assert_eq!(fault(Values::Time(vec![1, 2])).0, Code::WrongType);
        let many: Vec<String> = (0..1500).map(|i| i.to_string()).collect();
        assert_eq!(fault(texts(&many.iter().map(String::as_str).collect::<Vec<_>>())).1, "target \"y\" has too many classes");
    }

    #[test]
    fn answers_of_another_table_are_matched_by_name() {
        let o = binary("no", "yes");
        let e = answers(&frame(texts(&["yes", "maybe"])), "y", &o).unwrap_err();
        assert_eq!((e.code, e.detail.as_deref()), (Code::Data, Some("The value maybe is neither no nor yes.")));
        assert_eq!(answers(&frame(texts(&["c", "a"])), "y", &Outcome::Classes(vec!["a".into(), "b".into()])).unwrap(), [2.0, 0.0]);
        assert_eq!(answers(&frame(Values::Bool(vec![1])), "y", &Outcome::Value).unwrap_err().code, Code::WrongType);
    }
}
