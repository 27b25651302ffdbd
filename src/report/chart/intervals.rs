//! Figures with their intervals, beside those of a simple model.

use super::{INK, ONE, SIZE, TEXT, TWO, drawing, plain, span, tick};
use crate::base::Result;
use crate::report::metrics;
use crate::train::MetricRow;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Figures that are drawn: a table has the others.
const MOST: usize = 12;
/// Letters of a label that are shown, and the pixels of one.
const LETTERS: (usize, u32) = (20, 10);

/// A figure's value and interval.
type Drawn<'a> = (&'a MetricRow, f64, f64);

/// Figures that have intervals, each a dot in its interval, with that of `baseline` below: shares and correlations on one axis, every other
/// figure on one of its own, as errors have a scale each. Each drawing with the name of its figure; none for that of several.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn intervals(figures: &[MetricRow], baseline: Option<&str>) -> Result<Vec<(Option<String>, String)>> {
    let drawn: Vec<Drawn<'_>> = figures.iter().filter_map(|f| Some((f, f.low?, f.high?))).filter(finite).collect();
    let own: Vec<&Drawn<'_>> = drawn.iter().filter(|f| f.0.baseline.is_none()).take(MOST).collect();
    let (together, alone): (Vec<&Drawn<'_>>, Vec<&Drawn<'_>>) = own.into_iter().partition(|f| metrics::shares_axis(&f.0.metric));
    let mut out = Vec::new();
    if let [one] = together[..] {
        out.extend(axis(&[one], &drawn, baseline)?.map(|svg| (Some(label(one.0)), svg)));
    } else {
        out.extend(axis(&together, &drawn, baseline)?.map(|svg| (None, svg)));
    }
    for one in alone {
        out.extend(axis(&[one], &drawn, baseline)?.map(|svg| (Some(label(one.0)), svg)));
    }
    Ok(out)
}

fn finite(f: &Drawn<'_>) -> bool {
    [f.0.value, f.1, f.2].iter().all(|x| x.abs() < 1e30)
}

/// What a figure is called in a drawing.
fn label(f: &MetricRow) -> String {
    let at = f.k.map(|k| format!("@{k}")).unwrap_or_default();
    let room = LETTERS.0.saturating_sub(at.len());
    let mut name: String = f.metric.chars().take(room).collect();
    if name.len() < f.metric.len() {
        name.pop();
        name.push('\u{2026}');
    }
    name + &at
}

fn axis(own: &[&Drawn<'_>], all: &[Drawn<'_>], baseline: Option<&str>) -> Result<Option<String>> {
    let beside = |f: &MetricRow| {
        all.iter().find(|b| baseline.is_some() && b.0.baseline.as_deref() == baseline && b.0.metric == f.metric && b.0.k == f.k)
    };
    let ends = own.iter().flat_map(|f| [Some(**f), beside(f.0).copied()]).flatten().flat_map(|f| [f.1, f.2, f.0.value]);
    let Some((low, high)) = span(ends) else { return Ok(None) };
    let rows = own.len() as f64;
    let letters = own.iter().map(|f| label(f.0).chars().count()).max().unwrap_or(0);
    let (room, height) = (12 + LETTERS.1 * u32::try_from(letters).unwrap_or(0), 60 + 34 * u32::try_from(own.len()).unwrap_or(0));
    let svg = drawing(height.min(SIZE.1 * 2), |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(6)
            .margin_right(22)
            .x_label_area_size(32)
            .y_label_area_size(room)
            .build_cartesian_2d(low..high, -rows..0.0)?;
        plain(&mut chart.configure_mesh()).disable_y_mesh().x_labels(5).y_labels(0).x_label_formatter(&|x| tick(*x)).draw()?;
        for (i, (f, from, to)) in own.iter().enumerate() {
            let y = -(i as f64);
            let (x, middle) = chart.backend_coord(&(low, y - 0.5));
            let style = ("sans-serif", TEXT).into_font().color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
            root.draw(&Text::new(label(f), (x - 8, middle), style))?;
            chart.draw_series([PathElement::new([(*from, y - 0.35), (*to, y - 0.35)], ONE.stroke_width(3))])?;
            chart.draw_series([Circle::new((f.value, y - 0.35), 5, ONE.filled())])?;
            if let Some((b, from, to)) = beside(f) {
                chart.draw_series([PathElement::new([(*from, y - 0.68), (*to, y - 0.68)], TWO.stroke_width(2))])?;
                chart.draw_series([Circle::new((b.value, y - 0.68), 5, TWO.stroke_width(2))])?;
            }
        }
        Ok(())
    })?;
    Ok(Some(svg))
}
