//! A closer look at the evaluation rows a prediction.

use super::markup::{Words, counted, escape, figure, label, name, named, number, percent, short};
use super::{Page, chart};
use crate::base::Result;
use crate::metric::calibration::Calibration;
use crate::metric::confusion::Confusion;
use crate::metric::gain::Curve;
use crate::metric::predicted_actual::PredictedActual;
use crate::serve::{Outcome, outcome};
use crate::train::rows::{Diagnosis, Importances, REPEATS};

/// Classes of a confusion matrix that are shown.
const CLASSES: usize = 10;
/// Letters of a class in the head of a column.
const LETTERS: usize = 24;
/// Columns whose importance is shown; the others are folded away.
const COLUMNS: usize = 15;
/// Shares of the rows whose lift is told.
const FRONT: [f64; 5] = [0.05, 0.1, 0.2, 0.3, 0.5];

impl Page {
    /// What the figures hide.
    pub(super) fn looks(&self) -> Result<String> {
        let Some(d) = &self.diagnosis else {
            let said = escape(&self.no_diagnosis);
            return Ok(if said.is_empty() { said } else { format!("<h2>A closer look</h2>\n<p>{said}</p>\n") });
        };
        let mut out = String::new();
        let pair = [
            d.calibration.as_ref().map_or(Ok(String::new()), |c| calibration(c, &d.outcome))?,
            d.gain.as_ref().map_or(Ok(String::new()), |c| gain(c, &d.outcome))?,
        ];
        if pair.iter().any(|p| !p.is_empty()) {
            out.push_str("<div class=\"pair\">\n");
            pair.iter().filter(|p| !p.is_empty()).for_each(|p| out.push_str(&format!("<section>\n{p}</section>\n")));
            out.push_str("</div>\n");
        }
        if let Some(c) = &d.confusion {
            out.push_str(&confusion(c, d));
        }
        if let Some(n) = &d.numbers {
            out.push_str(&numbers(n)?);
        }
        out.push_str(&importance(&d.importances));
        Ok(out)
    }
}

fn calibration(c: &Calibration, outcome: &Outcome) -> Result<String> {
    let bands = c.bands();
    let Some(svg) = chart::calibration(&bands)? else { return Ok(String::new()) };
    let (of, observed) = match outcome {
        Outcome::Binary { positive, .. } => (format!("the probability of {}", named(positive, LETTERS)), "turned out so"),
        Outcome::Tags(_) => ("the probability of each tag of each row".to_owned(), "had the tag"),
        _ => ("the probability of the likeliest class".to_owned(), "were of that class"),
    };
    let error = c.error().unwrap_or(0.0);
    let told = format!("In the mean over rows the predicted and the observed share are {} apart.", points(error));
    let mut out = format!(
        "<h2>Do its probabilities come true?</h2>\n<p>Rows by {of}, in ten bins, and how many of each {observed}. On the diagonal a probability means what it says: above it more \
         happens than predicted, below it less. {told}</p>\n{}",
        figure(
            &svg,
            &Words {
                title: "Calibration: predicted against observed shares",
                told: &told,
                keys: &["observed share"],
                said: "with its 95 % interval, by the mean prediction of the bin; bars: rows of each bin."
            }
        )
    );
    out.push_str(
        "<details><summary>The bins as a table</summary>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">bin</th><th scope=\"col\">rows</th>\
         <th scope=\"col\">mean predicted</th><th scope=\"col\">observed</th></tr></thead>\n<tbody>\n",
    );
    for b in &bands {
        out.push_str(&format!(
            "<tr><th scope=\"row\">{:.0} to {:.0} %</th><td>{}</td><td>{}</td><td>{} <small>{} to {}</small></td></tr>\n",
            100.0 * b.from,
            100.0 * b.to,
            counted(b.rows),
            percent(b.predicted),
            percent(b.observed),
            percent(b.interval.0),
            percent(b.interval.1)
        ));
    }
    out.push_str("</tbody></table></div></details>\n");
    Ok(out)
}

/// A difference of shares.
fn points(x: f64) -> String {
    format!("{:.1} percentage points", 100.0 * x)
}

fn gain(c: &Curve, outcome: &Outcome) -> Result<String> {
    let Some(svg) = chart::gain(c)? else { return Ok(String::new()) };
    let positive = match outcome {
        Outcome::Binary { positive, .. } => positive.as_str(),
        _ => "",
    };
    let base = c.positives as f64 / c.rows.max(1) as f64;
    let first = format!(
        "The first tenth of the rows holds {} of them: {} times as many as a tenth at random (lift).",
        percent(c.at(0.1)),
        times(c.lift(0.1))
    );
    let mut out = format!(
        "<h2>Whom does it put first?</h2>\n<p>{} of {} rows are {}. In the order of their probability, how many of these are found among the first rows? {first}</p>\n{}\
         <div class=\"scroll\"><table class=\"tight\" aria-label=\"Lift\"><thead><tr><th scope=\"col\">the first</th><th scope=\"col\">of the rows hold</th>\
         <th scope=\"col\">lift</th><th scope=\"col\">share that is {}</th></tr></thead>\n<tbody>\n",
        counted(c.positives),
        counted(c.rows),
        named(positive, LETTERS),
        figure(
            &svg,
            &Words {
                title: "Gain: share found by share of rows",
                told: &first,
                keys: &["this model", "a perfect one"],
                said: "share found; the diagonal is chance."
            }
        ),
        named(positive, LETTERS)
    );
    for share in FRONT {
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{} of all</td><td>{}</td><td>{}</td></tr>\n",
            percent(share),
            percent(c.at(share)),
            times(c.lift(share)),
            percent((base * c.lift(share)).min(1.0))
        ));
    }
    out.push_str("</tbody></table></div>\n");
    Ok(out)
}

fn times(x: f64) -> String {
    format!("{x:.2}")
}

fn confusion(c: &Confusion, d: &Diagnosis) -> String {
    let names = outcome::classes(&d.outcome).unwrap_or_default();
    let shown = c.frequent(CLASSES);
    let class = |i: usize| names.get(i).copied().unwrap_or("");
    let others = names.len() - shown.len().min(names.len());
    let mut out = "<h2>Which classes does it mix up?</h2>\n<p>".to_owned();
    match (d.threshold, &d.outcome) {
        (Some(t), Outcome::Binary { positive, .. }) => out.push_str(&format!(
            "A row is said to be {} from a probability of {} on, as affinity.predict_class does. ",
            named(positive, LETTERS),
            percent(t)
        )),
        _ => out.push_str("The class is chosen as affinity.predict_class does. "),
    }
    out.push_str("A line is what rows are, a column what is said of them: what is right is framed. Recall is the share of a class that is told rightly, precision the share \
         of those said to be of a class that are.");
    if others > 0 {
        out.push_str(&format!(" The {} classes of most rows are shown, the other {others} as one.", shown.len()));
    }
    out.push_str("</p>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"tight\" aria-label=\"Confusion matrix\"><thead><tr><th scope=\"col\">is / said to be</th>");
    for &p in &shown {
        out.push_str(&format!("<th scope=\"col\">{}</th>", named(class(p), LETTERS)));
    }
    if others > 0 {
        out.push_str("<th scope=\"col\">another</th>");
    }
    out.push_str("<th scope=\"col\">rows</th><th scope=\"col\">recall</th></tr></thead>\n<tbody>\n");
    let unknown = (c.of(c.classes()) > 0).then_some(c.classes());
    for &a in shown.iter().chain(&unknown) {
        let all = c.of(a);
        let who = if a == c.classes() { "a class it does not know".to_owned() } else { named(class(a), LETTERS) };
        out.push_str(&format!("<tr><th scope=\"row\">{who}</th>"));
        for &p in &shown {
            out.push_str(&share_cell(c.count(a, p), all, a == p));
        }
        if others > 0 {
            let told: u64 = shown.iter().map(|p| c.count(a, *p)).sum();
            out.push_str(&share_cell(all - told.min(all), all, false));
        }
        let recall = c.recall(a).filter(|_| a < c.classes()).map_or("-".to_owned(), percent);
        out.push_str(&format!("<td>{}</td><td>{recall}</td></tr>\n", counted(all)));
    }
    out.push_str("<tr><th scope=\"row\">precision</th>");
    shown.iter().for_each(|&p| out.push_str(&format!("<td>{}</td>", c.precision(p).map_or("-".to_owned(), percent))));
    let right: u64 = (0..c.classes()).map(|i| c.count(i, i)).sum();
    let blank = if others > 0 { "<td></td>" } else { "" };
    out.push_str(&format!(
        "{blank}<td>{}</td><td>{} in all</td></tr>\n</tbody></table></div>\n",
        counted(c.rows()),
        percent(right as f64 / c.rows().max(1) as f64)
    ));
    out
}

/// A count whose ground is the stronger, the greater its share of the line: never so strong that letters are hard to read.
fn share_cell(n: u64, all: u64, right: bool) -> String {
    let share = n as f64 / all.max(1) as f64;
    let class = if right { " class=\"right\"" } else { "" };
    format!("<td{class} style=\"background:rgba(var(--heat),{:.2})\">{} <small>{}</small></td>", 0.35 * share, counted(n), percent(share))
}

fn numbers(n: &PredictedActual) -> Result<String> {
    let Some(svg) = chart::numbers(n)? else { return Ok(String::new()) };
    let mut out = format!(
        "<h2>Predicted and actual values</h2>\n<p>Each dot is a row, or several that are near each other. Rings are the means of ten groups of rows, by what was predicted: \
         on the diagonal predictions are right in the mean.{}</p>\n{}",
        if n.outside > 0 { format!(" {} rows at the ends of the scale are not drawn.", counted(n.outside)) } else { String::new() },
        figure(
            &svg,
            &Words {
                title: "Predicted against actual values",
                told: "The table that follows has the means of the ten groups.",
                keys: &["rows", "means of ten groups"],
                said: "on the line predictions are exact."
            }
        )
    );
    out.push_str(
        "<details><summary>The groups as a table</summary>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">group</th><th scope=\"col\">rows</th>\
         <th scope=\"col\">mean predicted</th><th scope=\"col\">mean actual</th></tr></thead>\n<tbody>\n",
    );
    for (i, g) in n.groups.iter().enumerate() {
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            i + 1,
            counted(g.rows),
            number(g.predicted),
            number(g.actual)
        ));
    }
    out.push_str("</tbody></table></div></details>\n");
    Ok(out)
}

fn importance(i: &Importances) -> String {
    if i.columns.is_empty() || i.rows == 0 {
        return String::new();
    }
    let metric = i.metric.replace('_', " ");
    let mut out = format!(
        "<h2>What it goes by</h2>\n<p>How much worse the {metric} becomes (from {}) where the values of a column are dealt among the rows at random: the importance of the column to this \
         model, by {} rows, each column dealt {REPEATS} times, with 95 % intervals. One whose interval holds 0 may tell nothing. Columns that say the same share their \
         importance, as each can stand in for the other.{}</p>\n",
        number(i.value),
        counted(i.rows as u64),
        if i.left_out > 0 { format!(" The last {} columns were not tried.", i.left_out) } else { String::new() }
    );
    let ends = i
        .columns
        .iter()
        .flat_map(|c| [Some(c.worse), c.interval.map(|x| x.0), c.interval.map(|x| x.1)])
        .flatten()
        .filter(|x| x.is_finite());
    let (low, high) = ends.fold((0.0f64, 0.0f64), |(a, b), x| (a.min(x), b.max(x)));
    let place = |x: f64| if high > low { 100.0 * (x.clamp(low, high) - low) / (high - low) } else { 0.0 };
    let bars = |from: usize, to: usize| {
        let mut out = format!("<ul class=\"bars\" aria-label=\"Importance of columns, rise of the {}\">\n", label(&metric));
        for c in i.columns.iter().take(to).skip(from) {
            let (left, right) = (place(c.worse.min(0.0)), place(c.worse.max(0.0)));
            let class = if c.worse < 0.0 { "fill less" } else { "fill" };
            let (range, said) = match c.interval {
                Some((a, b)) if a.is_finite() && b.is_finite() => (
                    format!("<span class=\"range\" style=\"left:{:.1}%;width:{:.1}%\"></span>", place(a), place(b) - place(a)),
                    format!(" <small>{} to {}</small>", signed(a), signed(b)),
                ),
                _ => Default::default(),
            };
            out.push_str(&format!(
                "<li><span class=\"of\">{}</span><span class=\"track\" aria-hidden=\"true\"><span class=\"{class}\" style=\"left:{left:.1}%;width:{:.1}%\"></span>{range}\
                 <span class=\"from0\" style=\"left:{:.1}%\"></span></span><span class=\"says\">{}{said}</span></li>\n",
                name(&c.column),
                right - left,
                place(0.0),
                signed(c.worse)
            ));
        }
        out.push_str("</ul>\n");
        out
    };
    out.push_str(&bars(0, COLUMNS));
    if i.columns.len() > COLUMNS {
        out.push_str(&format!(
            "<details><summary>{} more columns</summary>\n{}</details>\n",
            i.columns.len() - COLUMNS,
            bars(COLUMNS, i.columns.len())
        ));
    }
    out
}

/// A difference, with its sign.
fn signed(x: f64) -> String {
    let size = match x.abs() {
        size if size < 5e-5 => "0".to_owned(),
        size if size < 1.0 => format!("{size:.4}"),
        size => short(size),
    };
    match size.as_str() {
        "0" => size,
        _ if x < 0.0 => format!("\u{2212}{size}"),
        _ => format!("+{size}"),
    }
}
