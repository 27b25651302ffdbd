//! Groups of rows: how large each is, and what sets it apart.

use super::Page;
use super::markup::{counted, name, number, percent, short};
use crate::dataset::{Family, Input};
use crate::train::features::Apart;

/// Lines of a segment that are shown.
const LINES: usize = 6;
/// Standard deviations at which a bar ends.
const END: f64 = 2.0;
/// Differences below this many standard deviations set nothing apart.
const LEAST: f64 = 0.1;

/// A segment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// What sets it apart, the strongest first.
    pub lines: Vec<Line>,
}

/// One thing that sets a segment apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The column, or a value of it.
    pub column: String,
    /// Its mean in the segment.
    pub mean: f64,
    /// That of all rows.
    pub overall: f64,
    /// How far they are apart, in standard deviations of all rows.
    pub effect: f64,
    /// What the mean is one of.
    pub unit: Unit,
}

/// What a mean is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Numbers.
    Number,
    /// Truth values, and values of texts: a share.
    Share,
    /// Instants as years, times of day as hours.
    Time,
}

/// What `describe` tells of the segments, each with what it tells; `inputs` say what the columns hold.
pub fn segments(apart: Vec<Apart>, inputs: &[Input]) -> Vec<Segment> {
    let mut out: Vec<Segment> = Vec::new();
    for a in apart {
        let unit = unit(&a.column, inputs);
        let line = Line { column: a.column, mean: a.mean, overall: a.overall, effect: a.effect, unit };
        match out.last_mut().filter(|s| s.name == a.segment) {
            Some(s) => s.lines.push(line),
            None => out.push(Segment { name: a.segment, rows: a.rows, lines: vec![line] }),
        }
    }
    out
}

fn unit(column: &str, inputs: &[Input]) -> Unit {
    let of = |i: &Input| match i.family {
        Family::Bool if i.name == column => Some(Unit::Share),
        Family::Time if i.name == column => Some(Unit::Time),
        Family::Text | Family::Labels if column.strip_prefix(i.name.as_str()).is_some_and(|rest| rest.starts_with(" = ")) => {
            Some(Unit::Share)
        }
        _ => None,
    };
    inputs.iter().find_map(of).unwrap_or(Unit::Number)
}

impl Line {
    fn value(&self, x: f64) -> String {
        match self.unit {
            Unit::Share => percent(x),
            Unit::Time => format!("{x:.1}"),
            Unit::Number => short(x),
        }
    }
}

impl Page {
    /// The segments as a picture: `describe`, drawn.
    pub(super) fn groups(&self) -> String {
        if self.segments.is_empty() {
            return String::new();
        }
        let all: u64 = self.segments.iter().map(|s| s.rows).sum();
        let share = |s: &Segment| s.rows as f64 / all.max(1) as f64;
        let mut out = format!(
            "<h2>The segments</h2>\n<p>{} groups of {} rows that are alike. affinity.predict_class tells a row's.</p>\n<ul class=\"bars\" aria-label=\"Sizes of the segments\">\n",
            self.segments.len(),
            counted(all)
        );
        for s in &self.segments {
            out.push_str(&format!(
                "<li><span class=\"of\">Segment {}</span><span class=\"track\" aria-hidden=\"true\"><span class=\"fill\" style=\"left:0;width:{:.1}%\"></span></span>\
                 <span class=\"says\">{} rows, {}</span></li>\n",
                name(&s.name),
                100.0 * share(s),
                counted(s.rows),
                percent(share(s))
            ));
        }
        out.push_str(
            "</ul>\n<h3>What sets each apart</h3>\n<p class=\"quiet\">Bars show by how many standard deviations of all rows the segment's mean is above (to the right) or \
             below (to the left) that of all rows, up to 2. The strongest come first.</p>\n<div class=\"segments\">\n",
        );
        self.segments.iter().for_each(|s| out.push_str(&s.card(share(s))));
        out.push_str("</div>\n");
        out.push_str(&self.tried());
        out
    }

    /// How well apart other numbers of segments would be.
    fn tried(&self) -> String {
        let best = self.silhouettes.iter().map(|s| s.1).fold(f64::NEG_INFINITY, f64::max);
        if self.silhouettes.is_empty() || !best.is_finite() {
            return String::new();
        }
        let mut out = "<details><summary>Why so many segments</summary>\n<p class=\"quiet\">For each number of segments: how much nearer rows are to their own than to the \
                       next (silhouette; 1 is far apart, 0 is no difference). The number of the greatest was chosen.</p>\n<ul class=\"bars\">\n"
            .to_owned();
        for (k, s) in &self.silhouettes {
            out.push_str(&format!(
                "<li><span class=\"of\">{k} segments</span><span class=\"track\" aria-hidden=\"true\"><span class=\"fill\" style=\"left:0;width:{:.1}%\"></span></span>\
                 <span class=\"says\">{}</span></li>\n",
                100.0 * s.clamp(0.0, 1.0),
                number(*s)
            ));
        }
        out.push_str("</ul></details>\n");
        out
    }
}

impl Segment {
    fn card(&self, share: f64) -> String {
        let mut lines: Vec<&Line> = self.lines.iter().filter(|l| l.effect.is_finite() && l.effect.abs() >= LEAST).take(LINES).collect();
        // A text of two values says the same twice.
        let mirrored = |a: &Line, b: &Line| (a.effect + b.effect).abs() < 1e-9 && a.unit == Unit::Share && b.unit == Unit::Share;
        let mut i = 1;
        while i < lines.len() {
            if mirrored(lines[i - 1], lines[i]) && lines[i].effect < 0.0 {
                lines.remove(i);
            } else {
                i += 1;
            }
        }
        let mut out = format!(
            "<section class=\"segment\"><h3>Segment {}</h3><p class=\"quiet\">{} rows, {}</p>",
            name(&self.name),
            counted(self.rows),
            percent(share)
        );
        if lines.is_empty() {
            out.push_str("<p>Nothing sets it apart from all rows.</p></section>\n");
            return out;
        }
        out.push_str("<ul class=\"bars\">\n");
        for l in lines {
            let width = 50.0 * l.effect.abs().min(END) / END;
            let (left, class, word) = if l.effect < 0.0 { (50.0 - width, "fill less", "below") } else { (50.0, "fill", "above") };
            out.push_str(&format!(
                "<li><span class=\"of\">{}</span><span class=\"track\" aria-hidden=\"true\"><span class=\"{class}\" style=\"left:{left:.1}%;width:{width:.1}%\"></span>\
                 <span class=\"from0\" style=\"left:50%\"></span></span><span class=\"says\">{} here, {} over all: {} sd {word}</span></li>\n",
                name(&l.column),
                l.value(l.mean),
                l.value(l.overall),
                format_args!("{:.1}", l.effect.abs())
            ));
        }
        out.push_str("</ul></section>\n");
        out
    }
}
