//! A model on one page: what it is, how it learnt, how good it is, what its lists look like. An HTML document that needs nothing else: no script, no
//! font and no image from elsewhere.

mod chart;
mod examples;
mod figures;
mod markup;

pub use examples::{Example, Listed, Shown};
pub use figures::stored as stored_figures;

use crate::base::{Epoch, Result};
use crate::serve::recommender::Source;
use crate::train::MetricRow;
use markup::{count, escape, name};
use serde_json::Value;
use std::collections::BTreeMap;

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
    /// The figures, the model's own first.
    pub figures: Vec<MetricRow>,
    /// On what they were measured, a sentence; or why there are none.
    pub measured: String,
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
        body.push_str(&self.quality()?);
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
            body.push_str(&format!("<details><summary>{}</summary><pre>{}</pre></details>\n", escape(what), escape(&text)));
        }
        Ok(markup::ascii(&format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
            markup::STYLE
        )))
    }

    fn quality(&self) -> Result<String> {
        let mut out = format!("<h2>How good it is</h2>\n<p>{}</p>\n", escape(&self.measured));
        if self.figures.is_empty() {
            return Ok(out);
        }
        let beside = figures::baselines(&self.figures);
        if let Some(first) = beside.first()
            && let Some(svg) = chart::intervals(&self.figures, first)?
        {
            let keys = [self.model.as_str(), first.as_str()];
            out.push_str(&figure(&svg, "Figures with their 95 % intervals", &keys, "means with 95 % intervals."));
        }
        out.push_str(&figures::table(&self.figures, &self.model, &beside));
        Ok(out)
    }

    fn curve(&self) -> Result<String> {
        let mut out = "<h2>How it learnt</h2>\n".to_owned();
        let Some(losses) = chart::losses(&self.epochs)? else {
            out.push_str(&format!("<p>{}</p>\n", escape(&self.no_curve)));
            return Ok(out);
        };
        let seconds: f64 = self.epochs.iter().map(|e| e.seconds).filter(|s| s.is_finite()).sum();
        let keys: &[&str] = match (self.kind.as_str(), self.epochs.iter().any(|e| e.valid_loss.is_some())) {
            ("gan", true) => &["critic", "generator"],
            (_, true) => &["training rows", "held-out rows"],
            (_, false) => &["training rows"],
        };
        let said = format!("over {} epochs, {} s.", self.epochs.len(), markup::number(seconds));
        out.push_str("<div class=\"charts\">\n");
        out.push_str(&figure(&losses, "Loss over epochs", keys, &said));
        if let Some((watched, svg)) = chart::watched(&self.epochs)? {
            out.push_str(&figure(&svg, &format!("{watched} over epochs"), &[watched.as_str()], "on held-out rows."));
        }
        out.push_str("</div>\n");
        Ok(out)
    }

    fn exposure(&self, shown: &Shown) -> Result<String> {
        let (Some(scatter), Some(curve)) =
            (chart::exposure(&shown.popularity, &shown.shown)?, chart::concentration(&shown.popularity, &shown.shown)?)
        else {
            return Ok(String::new());
        };
        let seen = shown.shown.iter().filter(|n| **n > 0).count();
        let said = format!(
            "Of {} items {} are in any of {} lists of {}.",
            count(shown.shown.len() as i64),
            count(seen as i64),
            count(shown.lists as i64),
            shown.k
        );
        Ok(format!(
            "<h2>What it shows</h2>\n<p>{said} A model that only follows the crowd shows the popular items more than users choose them.</p>\n\
             <div class=\"charts\">\n{}{}</div>\n",
            figure(
                &scatter,
                "Popularity against exposure",
                &[],
                "Each item by how many users have it and how many lists show it; larger dots are several items."
            ),
            figure(
                &curve,
                "Concentration of lists and of choices",
                &["places in lists", "what users have"],
                "the share that goes to the most popular items."
            )
        ))
    }

    fn examples(&self, shown: &Shown) -> String {
        let mut out = "<h2>Lists beside histories</h2>\n".to_owned();
        if shown.examples.is_empty() || !self.no_examples.is_empty() {
            out.push_str(&format!("<p>{}</p>\n", escape(&self.no_examples)));
            return out;
        }
        out.push_str("<div class=\"users\">\n");
        shown.examples.iter().for_each(|e| out.push_str(&self.example(e)));
        out.push_str("</div>\n");
        out
    }

    fn example(&self, e: &Example) -> String {
        let item = |i: u32| match self.names.get(&i) {
            Some((_, Some(title))) => name(title),
            Some((id, None)) => name(id),
            None => String::new(),
        };
        let had = e
            .history
            .iter()
            .map(|&(i, n)| if n > 1 { format!("<li>{} &times; {n}</li>", item(i)) } else { format!("<li>{}</li>", item(i)) });
        let list = e.list.iter().map(|l| {
            let class = match (l.found, l.had) {
                (true, _) => " class=\"hit\"",
                (false, true) => " class=\"had\"",
                (false, false) => "",
            };
            format!("<li{class}>{}</li>", item(l.item))
        });
        let next = e
            .next
            .iter()
            .map(|&i| format!("<li{}>{}</li>", if e.list.iter().any(|l| l.item == i) { " class=\"hit\"" } else { "" }, item(i)));
        let more = |shown: usize, all: usize| {
            if all > shown { format!("<p class=\"quiet\">and {} more</p>", count((all - shown) as i64)) } else { String::new() }
        };
        let source = match e.source {
            Source::History => "",
            Source::NoEvents | Source::NothingKnown => " (what is popular)",
        };
        let next = if e.relevant == 0 {
            String::new()
        } else {
            format!("<div><h4>Had next</h4><ul>{}</ul>{}</div>", next.collect::<String>(), more(e.next.len(), e.relevant))
        };
        format!(
            "<section class=\"user\"><h3>User {}</h3><div class=\"sides\"><div><h4>Had, latest first</h4><ul>{}</ul>{}</div>\
             <div><h4>List{source}</h4><ol>{}</ol></div>{next}</div></section>\n",
            name(&e.user.to_string()),
            had.collect::<String>(),
            more(e.history.len(), e.items),
            list.collect::<String>(),
        )
    }
}

/// A drawing with what it shows in words: one key for each line, and a sentence that goes on from them.
fn figure(svg: &str, label: &str, keys: &[&str], said: &str) -> String {
    let one = |(key, class): (&&str, &str)| format!("<span class=\"key {class}\"></span>{}", name(key));
    let mut keys = keys.iter().zip(["one", "two"]).map(one).collect::<Vec<_>>().join(", ");
    if !keys.is_empty() {
        keys.push_str(": ");
    }
    format!("<figure role=\"img\" aria-label=\"{}\">\n{svg}<figcaption>{keys}{}</figcaption></figure>\n", escape(label), escape(said))
}

#[cfg(test)]
mod tests;
