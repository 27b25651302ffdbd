//! The drawings of a page, as SVG: plotters draws them, with no fonts or images of its own. Their colours are attributes that the page's
//! style knows, and turns into those of a dark page where the browser asks for one.

mod intervals;
mod lists;
mod rows;

pub use intervals::intervals;
pub use lists::{concentration, exposure};
pub use rows::{calibration, gain, numbers};

use crate::base::{Epoch, Error, Result};
use plotters::chart::MeshStyle;
use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// Pixels of a drawing at its own size; a page shows it as wide as there is room.
const SIZE: (u32, u32) = (480, 300);
/// Size of what is written: on a telephone a drawing is shown at three quarters.
const TEXT: i32 = 20;
/// The model.
const ONE: RGBColor = RGBColor(31, 95, 168);
/// What stands beside it.
const TWO: RGBColor = RGBColor(184, 80, 12);
const INK: RGBColor = RGBColor(28, 28, 28);
const FAINT: RGBColor = RGBColor(225, 225, 225);
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The drawing that `paint` makes.
fn drawing(height: u32, paint: impl FnOnce(&Area<'_>) -> std::result::Result<(), Box<dyn std::error::Error>>) -> Result<String> {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (SIZE.0, height)).into_drawing_area();
    paint(&root).and_then(|()| Ok(root.present()?)).map_err(|e| Error::internal(format!("A drawing failed: {e}.")))?;
    drop(root);
    Ok(svg)
}

/// The lines and letters of every drawing.
fn plain<'m, 'a, 'b, X, Y, DB>(mesh: &'m mut MeshStyle<'a, 'b, X, Y, DB>) -> &'m mut MeshStyle<'a, 'b, X, Y, DB>
where
    X: Ranged + ValueFormatter<<X as Ranged>::ValueType>,
    Y: Ranged + ValueFormatter<<Y as Ranged>::ValueType>,
    DB: DrawingBackend,
{
    let letters = ("sans-serif", TEXT).into_font().color(&INK);
    mesh.max_light_lines(0).light_line_style(WHITE).bold_line_style(FAINT).axis_style(INK).label_style(letters)
}

/// One axis of a drawing.
struct Axis<'a> {
    range: std::ops::Range<f64>,
    /// About how many numbers stand at it.
    labels: usize,
    named: &'a str,
    written: &'a dyn Fn(&f64) -> String,
}

/// Axes and letters across a whole area, both linear: from left to right, from below upwards. `margin` is the room around, `left` that for
/// the numbers of the upright axis.
fn axes<'a, 'b>(
    area: &'a Area<'b>,
    (margin, left): (u32, u32),
    [x, y]: [Axis<'_>; 2],
) -> std::result::Result<ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>, Box<dyn std::error::Error>> {
    let mut chart = ChartBuilder::on(area)
        .margin(margin)
        .margin_right(22)
        .x_label_area_size(46)
        .y_label_area_size(left)
        .build_cartesian_2d(x.range, y.range)?;
    plain(&mut chart.configure_mesh())
        .x_labels(x.labels)
        .y_labels(y.labels)
        .x_desc(x.named)
        .y_desc(y.named)
        .x_label_formatter(x.written)
        .y_label_formatter(y.written)
        .draw()?;
    Ok(chart)
}

/// Room around what is drawn from `low` to `high`: plotters needs ends that are finite and apart.
fn span(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = values.filter(|x| x.abs() < 1e30).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    if low > high {
        return None;
    }
    let room = ((high - low) * 0.05).max(high.abs().max(low.abs()) * 1e-3).max(1e-6);
    Some((low - room, high + room))
}

fn tick(x: f64) -> String {
    let text = if x != 0.0 && !(1e-3..1e6).contains(&x.abs()) { format!("{x:.0e}") } else { format!("{x:.4}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// One or two lines over epochs, each (epoch, value); the first is drawn full, the second thinner with rings.
fn lines(named: &str, series: [Vec<(f64, f64)>; 2]) -> Result<Option<String>> {
    let points = || series.iter().flatten();
    let (Some((_, last)), Some(y)) = (span(points().map(|p| p.0)), span(points().map(|p| p.1))) else { return Ok(None) };
    let first = points().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let svg = drawing(SIZE.1, |root| {
        let whole = |x: &f64| if x.fract() == 0.0 { tick(*x) } else { String::new() };
        let epochs = Axis { range: first..last.max(first + 1.0), labels: 8, named: "epoch", written: &whole };
        let mut chart = axes(root, (6, 84), [epochs, Axis { range: y.0..y.1, labels: 6, named, written: &|y| tick(*y) }])?;
        chart.draw_series(LineSeries::new(series[0].iter().copied(), ONE.stroke_width(2)))?;
        chart.draw_series(LineSeries::new(series[1].iter().copied(), TWO.stroke_width(1)))?;
        if series[0].len() <= 60 {
            chart.draw_series(series[0].iter().map(|p| Circle::new(*p, 3, ONE.filled())))?;
            chart.draw_series(series[1].iter().map(|p| Circle::new(*p, 4, TWO.stroke_width(2))))?;
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

fn over(epochs: &[Epoch], of: impl Fn(&Epoch) -> Option<f64>) -> Vec<(f64, f64)> {
    epochs.iter().filter_map(|e| of(e).filter(|x| x.abs() < 1e30).map(|x| (f64::from(e.epoch), x))).collect()
}

/// The losses over the epochs, called `named`: of the training rows, and of those that were held out where there are any. None without
/// epochs.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn losses(epochs: &[Epoch], named: &str) -> Result<Option<String>> {
    lines(named, [over(epochs, |e| Some(e.train_loss)), over(epochs, |e| e.valid_loss)])
}

/// One figure over the epochs.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn one(epochs: &[Epoch], named: &str, of: impl Fn(&Epoch) -> Option<f64>) -> Result<Option<String>> {
    lines(named, [over(epochs, of), Vec::new()])
}

/// The figure that was watched while the model learned, over the epochs, with its name. None where nothing was watched.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn watched(epochs: &[Epoch]) -> Result<Option<(String, String)>> {
    let Some((name, _)) = epochs.iter().find_map(|e| e.metric.as_ref()) else { return Ok(None) };
    let of = |e: &Epoch| e.metric.as_ref().filter(|m| m.0 == *name).map(|m| m.1);
    Ok(one(epochs, name, of)?.map(|svg| (name.clone(), svg)))
}
