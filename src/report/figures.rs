//! The table of figures, each with what it means.

use super::markup::{counted, label, name, number};
use super::metrics::{Better, explain};
use crate::train::MetricRow;
use serde_json::{Map, Value};

/// The simple models beside which figures stand, in their order.
pub fn baselines(figures: &[MetricRow]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for b in figures.iter().filter_map(|f| f.baseline.as_ref()) {
        if !out.contains(b) {
            out.push(b.clone());
        }
    }
    out
}

/// A row a metric, what it means under its name: the model's figure with its interval, those of the `beside`, and on how many rows or
/// users. Where the window is narrow each row is a card, whose figures are labelled by `data-label`; roles keep it a table for a screen
/// reader. Not `told`: without the meanings.
pub fn table(figures: &[MetricRow], model: &str, beside: &[String], told: bool) -> String {
    let mut metrics: Vec<(&str, Option<u32>)> = Vec::new();
    for f in figures {
        if !metrics.contains(&(f.metric.as_str(), f.k)) {
            metrics.push((&f.metric, f.k));
        }
    }
    let rows = figures.iter().map(|f| f.rows).max().unwrap_or(0);
    let head = |what: &str| format!("<th scope=\"col\" role=\"columnheader\">{what}</th>");
    let heads: String = beside.iter().map(|b| head(&name(b))).collect();
    let evaluated = if rows > 0 { head("measured on") } else { String::new() };
    let mut out = format!(
        "<div class=\"scroll\"><table class=\"cards\" role=\"table\" aria-label=\"Figures of quality\"><thead role=\"rowgroup\"><tr role=\"row\">{}{}{heads}{evaluated}</tr></thead>\n\
         <tbody role=\"rowgroup\">\n",
        head("figure"),
        head(&name(model))
    );
    for (metric, k) in metrics {
        let of = |who: Option<&str>| figures.iter().find(|f| f.baseline.as_deref() == who && f.metric == metric && f.k == k);
        let at = k.map(|k| format!("@{k}")).unwrap_or_default();
        let meaning = explain(metric);
        let told = meaning.filter(|_| told).map_or_else(String::new, |(better, what)| {
            format!("<span class=\"way\">{}</span><small class=\"what\">{what}</small>", better.words())
        });
        out.push_str(&format!("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">{}{at}{told}</th>", name(metric)));
        let better = meaning.map_or(Better::Neither, |m| m.0);
        let others = || beside.iter().filter_map(|b| of(Some(b)));
        let won = |f: &MetricRow| {
            others().chain(of(None)).all(|o| std::ptr::eq(o, f) || better.prefers(f.value, o.value)) && others().count() > 0
        };
        out.push_str(&cell(model, of(None), won));
        beside.iter().for_each(|b| out.push_str(&cell(b, of(Some(b)), won)));
        if rows > 0 {
            let n = of(None).or_else(|| others().next()).map_or(0, |f| f.rows);
            out.push_str(&format!("<td role=\"cell\" data-label=\"measured on\">{}</td>", counted(n)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn cell(who: &str, figure: Option<&MetricRow>, won: impl Fn(&MetricRow) -> bool) -> String {
    let Some(f) = figure else { return "<td role=\"cell\"></td>".to_owned() };
    let class = if won(f) { " class=\"win\"" } else { "" };
    let range = match (f.low, f.high) {
        (Some(low), Some(high)) => format!(" <small>{} to {}</small>", number(low), number(high)),
        _ => String::new(),
    };
    format!("<td role=\"cell\"{class} data-label=\"{}\"><span>{}{range}</span></td>", label(who), number(f.value))
}

/// What stands among the metrics of a training and is no figure of quality.
const NO_FIGURES: [&str; 9] = ["baseline", "average", "networks", "peak_memory_mb", "rows", "epochs", "folds", "segments", "silhouettes"];

/// The figures of a version's metrics, without intervals: numbers, those inside of objects by their path, and the same of each model under
/// `baseline`; of what gives every row the average, and of networks whose word does not count, as further ones beside it.
pub fn stored(metrics: &Map<String, Value>) -> Vec<MetricRow> {
    let mut out = Vec::new();
    gather(metrics, "", None, &mut out);
    // A column of generated rows is evaluated by how far it is from the real one, one that is given back by how near.
    if out.iter().any(|f| f.metric == "two_sample_auc") {
        for f in &mut out {
            if let Some(column) = f.metric.strip_prefix("columns.") {
                f.metric = format!("distance.{column}");
            }
        }
    }
    match metrics.get("baseline") {
        // Of rows that are predicted there is one, whose kind stands beside its figures.
        Some(Value::Object(own)) if own.get("kind").is_some_and(Value::is_string) => {
            gather(own, "", own.get("kind").and_then(Value::as_str), &mut out);
        }
        Some(Value::Object(all)) => {
            all.iter().filter_map(|(who, of)| Some((who, of.as_object()?))).for_each(|(who, of)| gather(of, "", Some(who), &mut out));
        }
        _ => {}
    }
    for beside in ["average", "networks"] {
        if let Some(Value::Object(of)) = metrics.get(beside) {
            gather(of, "", Some(beside), &mut out);
        }
    }
    out
}

fn gather(of: &Map<String, Value>, path: &str, baseline: Option<&str>, out: &mut Vec<MetricRow>) {
    let no_figure = |key: &str| path.is_empty() && (NO_FIGURES.contains(&key) || key.ends_with("_seconds"));
    for (key, value) in of.iter().filter(|(key, _)| !no_figure(key)) {
        let metric = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            Value::Object(inner) => gather(inner, &metric, baseline, out),
            other => {
                if let Some(value) = other.as_f64() {
                    out.push(MetricRow { baseline: baseline.map(str::to_owned), metric, k: None, value, low: None, high: None, rows: 0 });
                }
            }
        }
    }
}
