//! A model on one page: what it is, how it learnt, how good it is, what its lists look like. An HTML document that needs nothing else: no
//! script, no font and no image from elsewhere.

mod blend;
mod chart;
mod examples;
mod figures;
mod lists;
mod markup;
mod metrics;
mod rows;
mod segments;
mod style;

pub use blend::{Base, bases, curve_of};
pub use examples::{Example, Listed, Shown};
pub use figures::stored as stored_figures;
pub use segments::{Segment, segments};

use crate::base::{Epoch, Result};
use crate::train::MetricRow;
use crate::train::rows::Diagnosis;
use markup::{Words, escape, figure, name};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a page shows. Texts may hold anything; the page escapes them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The model's name.
    pub model: String,
    /// Its version.
    pub version: i32,
    /// Its kind.
    pub kind: String,
    /// What there is to know of the version: a name, a value.
    pub facts: Vec<(String, String)>,
    /// The learning curve.
    pub epochs: Vec<Epoch>,
    /// What is said where there is no curve.
    pub no_curve: String,
    /// What the loss of the curve is called.
    pub loss: String,
    /// Of a blend: what it is made of, what counts most first.
    pub bases: Vec<Base>,
    /// Of a blend: the base whose curve it is.
    pub curve_of: Option<String>,
    /// The figures, the model's own first.
    pub figures: Vec<MetricRow>,
    /// On what they were measured, a sentence; or why there are none.
    pub measured: String,
    /// A closer look at the evaluation rows; none where none were read.
    pub diagnosis: Option<Diagnosis>,
    /// What is said where there is none; empty for kinds that have nothing to look at.
    pub no_diagnosis: String,
    /// Groups of rows, the largest first.
    pub segments: Vec<Segment>,
    /// How well apart so many groups would be.
    pub silhouettes: Vec<(u32, f64)>,
    /// A recommender's lists; none for other kinds.
    pub lists: Option<Shown>,
    /// What is said where examples are not shown.
    pub no_examples: String,
    /// What the items of the examples are called: the id, and a title where there is one.
    pub names: BTreeMap<u32, (String, Option<String>)>,
    /// Documents that are folded away: a heading, the document.
    pub documents: Vec<(String, Value)>,
}

impl Page {
    /// The document: ASCII, so that it reads the same in every encoding.
    ///
    /// # Errors
    /// [`crate::base::Code::Internal`] when a drawing fails.
    pub fn html(&self) -> Result<String> {
        let title = format!("{}, version {}", escape(&self.model), self.version);
        let mut body = format!("<h1>{}</h1>\n<dl>", name(&self.model));
        let facts = [("kind".to_owned(), self.kind.clone()), ("version".to_owned(), self.version.to_string())];
        for (what, value) in facts.iter().chain(&self.facts) {
            body.push_str(&format!("<dt>{}</dt><dd>{}</dd>", escape(what), name(value)));
        }
        body.push_str("</dl>\n");
        body.push_str(&self.groups());
        body.push_str(&self.quality()?);
        body.push_str(&self.looks()?);
        body.push_str(&self.parts());
        body.push_str(&self.curve()?);
        if let Some(shown) = &self.lists {
            body.push_str(&self.exposure(shown)?);
            body.push_str(&self.examples(shown));
        }
        if !self.documents.is_empty() {
            body.push_str("<h2>Details</h2>\n");
        }
        for (what, document) in &self.documents {
            let text = serde_json::to_string_pretty(document).unwrap_or_default();
            body.push_str(&format!("<details><summary>{}</summary><pre tabindex=\"0\">{}</pre></details>\n", escape(what), escape(&text)));
        }
        Ok(markup::ascii(&format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
            style::STYLE
        )))
    }

    fn quality(&self) -> Result<String> {
        let mut out = format!("<h2>How good it is</h2>\n<p>{}</p>\n", escape(&self.measured));
        if self.figures.is_empty() {
            return Ok(out);
        }
        let beside = figures::baselines(&self.figures);
        // Those of a column each are a table of their own.
        let (each, main): (Vec<MetricRow>, Vec<MetricRow>) = self.figures.iter().cloned().partition(|f| f.metric.contains('.'));
        let drawn = chart::intervals(&main, beside.first().map(String::as_str))?;
        if !drawn.is_empty() {
            out.push_str("<div class=\"charts\">\n");
            for (which, svg) in &drawn {
                let title =
                    which.as_ref().map_or("Figures with their 95 % intervals".to_owned(), |w| format!("{w} with its 95 % interval"));
                let keys: Vec<&str> = [self.model.as_str()].into_iter().chain(beside.first().map(String::as_str)).collect();
                let words = Words {
                    title: &title,
                    told: "The table that follows has the same numbers.",
                    keys: &keys,
                    said: "values with 95 % intervals.",
                };
                out.push_str(&figure(svg, &words));
            }
            out.push_str("</div>\n");
        }
        if !main.is_empty() {
            out.push_str(&figures::table(&main, &self.model, &beside, true));
        }
        let kinds: BTreeSet<&str> = each.iter().filter_map(|f| f.metric.split_once('.')).map(|m| m.0).collect();
        for kind in kinds {
            let of: Vec<MetricRow> = each.iter().filter(|f| f.metric.split_once('.').is_some_and(|m| m.0 == kind)).cloned().collect();
            let means = metrics::explain(kind);
            let means = means.map_or_else(String::new, |(better, what)| format!("<p class=\"quiet\">{what} {}.</p>\n", better.words()));
            let table = figures::table(&of, &self.model, &figures::baselines(&of), false);
            out.push_str(&format!("<details><summary>In parts: {}</summary>\n{means}{table}</details>\n", name(kind)));
        }
        Ok(out)
    }

    fn curve(&self) -> Result<String> {
        let mut out = "<h2>How it learnt</h2>\n".to_owned();
        let loss = if self.loss.is_empty() { "loss" } else { &self.loss };
        let Some(losses) = chart::losses(&self.epochs, loss)? else {
            out.push_str(&format!("<p>{}</p>\n", escape(&self.no_curve)));
            return Ok(out);
        };
        if let Some(base) = &self.curve_of {
            out.push_str(&format!(
                "<p>This is the curve of {}, the last base of the blend that learns in epochs. No other curve is kept.</p>\n",
                name(base)
            ));
        }
        let whose = self.curve_of.as_ref().map_or(String::new(), |b| format!(" of {b}"));
        let seconds: f64 = self.epochs.iter().map(|e| e.seconds).filter(|s| s.is_finite()).sum();
        let said = format!("over {} epochs, {} s.", self.epochs.len(), markup::number(seconds));
        out.push_str("<div class=\"charts\">\n");
        let mut draw = |svg: &str, what: &str, keys: &[&str], said: &str, told: &str| {
            out.push_str(&figure(svg, &Words { title: &format!("{what}{whose} over epochs"), told, keys, said }));
        };
        // Where a figure is watched, the loss of held-out rows is what it lacks to 1: on an axis of its own it says the same, on that of
        // the loss nothing.
        let watched = chart::watched(&self.epochs)?;
        let held_out = watched.is_none() && self.epochs.iter().any(|e| e.valid_loss.is_some());
        if self.kind == "gan" {
            // They play against each other, each on a scale of its own.
            for (what, of) in
                [("critic", (|e: &Epoch| Some(e.train_loss)) as fn(&Epoch) -> Option<f64>), ("generator", |e: &Epoch| e.valid_loss)]
            {
                if let Some(svg) = chart::one(&self.epochs, "loss", of)? {
                    draw(&svg, &format!("Loss of the {what}"), &[what], &said, &told(&self.epochs, of));
                }
            }
        } else {
            let keys: &[&str] = if held_out { &["training", "held out"] } else { &["training"] };
            let of = |e: &Epoch| if held_out { e.valid_loss } else { Some(e.train_loss) };
            let alone = if held_out { None } else { chart::one(&self.epochs, loss, of)? };
            draw(alone.as_ref().unwrap_or(&losses), &capital(loss), keys, &said, &told(&self.epochs, of));
        }
        if let Some((watched, svg)) = watched {
            let told = told(&self.epochs, |e: &Epoch| e.metric.as_ref().map(|m| m.1));
            draw(&svg, &watched, &[watched.as_str()], "on held-out rows.", &told);
        }
        out.push_str("</div>\n");
        Ok(out)
    }
}

/// A curve in words: where it begins and where it ends.
fn told(epochs: &[Epoch], of: impl Fn(&Epoch) -> Option<f64>) -> String {
    let mut all = epochs.iter().filter_map(|e| Some((e.epoch, of(e)?))).filter(|x| x.1.is_finite());
    let first = all.next();
    match (first, all.last().or(first)) {
        (Some(a), Some(b)) => format!("From {} at epoch {} to {} at epoch {}.", markup::number(a.1), a.0, markup::number(b.1), b.0),
        _ => String::new(),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
