//! The table of figures.

use super::markup::{count, name, number};
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

/// A row a metric: the model's figure with its interval, those of the `beside`, and on how many rows or users.
pub fn table(figures: &[MetricRow], model: &str, beside: &[String]) -> String {
    let mut metrics: Vec<(&str, Option<u32>)> = Vec::new();
    for f in figures {
        if !metrics.contains(&(f.metric.as_str(), f.k)) {
            metrics.push((&f.metric, f.k));
        }
    }
    let rows = figures.iter().map(|f| f.rows).max().unwrap_or(0);
    let heads: String = beside.iter().map(|b| format!("<th scope=\"col\">{}</th>", name(b))).collect();
    let counted = if rows > 0 { "<th scope=\"col\">measured on</th>" } else { "" };
    let mut out = format!(
        "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">metric</th><th scope=\"col\">{}</th>{heads}{counted}</tr></thead>\n<tbody>\n",
        name(model)
    );
    for (metric, k) in metrics {
        let of = |who: Option<&str>| figures.iter().find(|f| f.baseline.as_deref() == who && f.metric == metric && f.k == k);
        let at = k.map(|k| format!("@{k}")).unwrap_or_default();
        out.push_str(&format!("<tr><td>{}{at}</td>{}", name(metric), cell(of(None))));
        beside.iter().for_each(|b| out.push_str(&cell(of(Some(b)))));
        if rows > 0 {
            let n = of(None).or_else(|| beside.iter().find_map(|b| of(Some(b)))).map_or(0, |f| f.rows);
            out.push_str(&format!("<td>{}</td>", count(i64::try_from(n).unwrap_or(i64::MAX))));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn cell(figure: Option<&MetricRow>) -> String {
    match figure {
        None => "<td></td>".to_owned(),
        Some(MetricRow { value, low: Some(low), high: Some(high), .. }) => {
            format!("<td>{} <small>{} to {}</small></td>", number(*value), number(*low), number(*high))
        }
        Some(f) => format!("<td>{}</td>", number(f.value)),
    }
}

/// The figures of a version's metrics, without intervals: numbers, those inside of objects by their path, and the same of each model under `baseline`.
pub fn stored(metrics: &Map<String, Value>) -> Vec<MetricRow> {
    let mut out = Vec::new();
    gather(metrics, "", None, &mut out);
    if let Some(Value::Object(all)) = metrics.get("baseline") {
        for (who, of) in all {
            if let Value::Object(of) = of {
                gather(of, "", Some(who), &mut out);
            }
        }
    }
    out
}

fn gather(of: &Map<String, Value>, path: &str, baseline: Option<&str>, out: &mut Vec<MetricRow>) {
    // What else stands there is no figure of quality.
    for (key, value) in of.iter().filter(|(key, _)| !path.is_empty() || !["baseline", "peak_memory_mb"].contains(&key.as_str())) {
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
