//! What a training says of its held-out rows.

use super::prepare::Prepared;
use super::row_metrics::{evaluated, object, simple_kind};
use super::turns::Evaluated;
use crate::serve::Outcome;
use crate::train::Report;
use serde_json::{Value, json};

/// Tells in `report` how the held-out rows were evaluated, and warns where that says nothing, or nothing good.
pub fn report_to(of: &Evaluated, data: &Prepared<'_>, report: &mut Report) {
    let [Some(own), Some(average)] = [&of.figures, &of.average].map(|f| f.first()) else {
        report.notices.push("no rows are held out, so nothing tells how good this version is".into());
        return;
    };
    report.evaluated = evaluated(&of.figures);
    report.metrics.extend(object(&of.figures));
    report.metrics.insert("rows".into(), json!(of.rows));
    report.metrics.insert("evaluated_by".into(), json!(own.metric));
    if data.sides.turns > 1 {
        report.metrics.insert("folds".into(), json!(data.sides.turns));
    }
    if let Some(simple) = &of.simple {
        let mut of_simple = object(simple);
        of_simple.insert("kind".into(), json!(simple_kind(&data.outcome)));
        report.metrics.insert("baseline".into(), Value::Object(of_simple));
    }
    report.metrics.insert("average".into(), json!({&average.metric: average.value}));
    let networks = of.shares.as_ref().and_then(|(_, networks)| Some((networks, networks.first()?)));
    if let Some((networks, _)) = networks {
        report.metrics.insert("networks".into(), Value::Object(object(networks)));
    }
    let value = networks.map_or(own.value, |(_, loss)| loss.value);
    if value >= average.value {
        let what = match data.outcome {
            Outcome::Value => "the mean of the target for every row",
            Outcome::Tags(_) => "the share of each tag for every row",
            _ => "the share of each class for every row",
        };
        report.notices.push(format!(
            "on {} held-out rows the model is no better than {what}: {} {:.5} against {:.5}{}",
            of.rows,
            own.metric,
            value,
            average.value,
            if networks.is_some() { ", nor than chance at telling rows apart: predict gives that share (params => '{\"calibrate\": false}': what the model says)" } else { "" }
        ));
    }
}
