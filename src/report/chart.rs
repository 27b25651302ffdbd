//! The drawings of a page, as SVG: plotters draws them, with no fonts or images of its own.

use crate::base::{Epoch, Error, Result};
use crate::train::MetricRow;
use plotters::chart::MeshStyle;
use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

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
/// Figures that are drawn: a table has the others.
const MOST: usize = 12;
/// Cells of a scatter across and up: items in one cell are one dot.
const CELLS: (usize, usize) = (48, 32);

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
    mesh.light_line_style(WHITE).bold_line_style(FAINT).axis_style(INK).label_style(letters)
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
        let mut chart = ChartBuilder::on(root)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(46)
            .y_label_area_size(72)
            .build_cartesian_2d(first..last.max(first + 1.0), y.0..y.1)?;
        plain(&mut chart.configure_mesh())
            .x_labels(8)
            .y_labels(6)
            .x_desc("epoch")
            .y_desc(named)
            .x_label_formatter(&|x| if x.fract() == 0.0 { tick(*x) } else { String::new() })
            .y_label_formatter(&|y| tick(*y))
            .draw()?;
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

/// The losses over the epochs: of the training rows, and of those that were held out where there are any. None without epochs.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn losses(epochs: &[Epoch]) -> Result<Option<String>> {
    let of = |loss: fn(&Epoch) -> Option<f64>| {
        epochs.iter().filter_map(|e| loss(e).filter(|x| x.abs() < 1e30).map(|x| (f64::from(e.epoch), x))).collect()
    };
    lines("loss", [of(|e| Some(e.train_loss)), of(|e| e.valid_loss)])
}

/// The figure that was watched while the model learned, over the epochs, with its name. None where nothing was watched.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn watched(epochs: &[Epoch]) -> Result<Option<(String, String)>> {
    let Some((name, _)) = epochs.iter().find_map(|e| e.metric.as_ref()) else { return Ok(None) };
    let one = |e: &Epoch| e.metric.as_ref().filter(|m| m.0 == *name && m.1.abs() < 1e30).map(|m| (f64::from(e.epoch), m.1));
    Ok(lines(name, [epochs.iter().filter_map(one).collect(), Vec::new()])?.map(|svg| (name.clone(), svg)))
}

/// Figures that have intervals, each a dot in its interval, with that of `baseline` below. None without any.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn intervals(figures: &[MetricRow], baseline: &str) -> Result<Option<String>> {
    // Only such as share a scale: shares, correlations.
    let inside = |f: &(&MetricRow, f64, f64)| f.0.value.abs() <= 1.0 && f.1 >= -1.0 && f.2 <= 1.0;
    let drawn: Vec<_> = figures.iter().filter_map(|f| Some((f, f.low?, f.high?))).filter(inside).collect();
    let own: Vec<_> = drawn.iter().filter(|f| f.0.baseline.is_none()).take(MOST).collect();
    let ends = drawn.iter().flat_map(|f| [f.1, f.2]).chain([0.0]);
    let Some((low, high)) = span(ends).filter(|_| !own.is_empty()) else { return Ok(None) };
    let rows = own.len() as f64;
    let svg = drawing(60 + 34 * own.len() as u32, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(32)
            .y_label_area_size(148)
            .build_cartesian_2d(low..high, -rows..0.0)?;
        plain(&mut chart.configure_mesh()).disable_y_mesh().x_labels(6).y_labels(0).x_label_formatter(&|x| tick(*x)).draw()?;
        for (i, (f, from, to)) in own.iter().enumerate() {
            let y = -(i as f64);
            let (x, middle) = chart.backend_coord(&(low, y - 0.5));
            let style = ("sans-serif", TEXT).into_font().color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
            let label: String = f.metric.chars().take(16).collect();
            root.draw(&Text::new(label, (x - 8, middle), style))?;
            chart.draw_series([PathElement::new([(*from, y - 0.35), (*to, y - 0.35)], ONE.stroke_width(3))])?;
            chart.draw_series([Circle::new((f.value, y - 0.35), 5, ONE.filled())])?;
            let beside = drawn.iter().find(|b| b.0.baseline.as_deref() == Some(baseline) && b.0.metric == f.metric && b.0.k == f.k);
            if let Some((b, from, to)) = beside {
                chart.draw_series([PathElement::new([(*from, y - 0.68), (*to, y - 0.68)], TWO.stroke_width(2))])?;
                chart.draw_series([Circle::new((b.value, y - 0.68), 5, TWO.stroke_width(2))])?;
            }
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

/// Each item by how popular it is (across) and how often lists show it (up), both on logarithmic scales; items that no list shows stand at the bottom.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn exposure(popularity: &[f32], shown: &[u32]) -> Result<Option<String>> {
    let most = popularity.iter().copied().filter(|p| p.is_finite()).fold(1.0f32, f32::max);
    let often = shown.iter().copied().max().unwrap_or(0);
    if often == 0 {
        return Ok(None);
    }
    let (right, top) = (f64::from(most) * 1.3, f64::from(often) * 1.5);
    // Below 1 there is room for those that are never shown.
    let (left, bottom, never) = (0.8, 0.3, 0.5);
    let place = |x: f64, low: f64, high: f64, cells: usize| ((x / low).ln() / (high / low).ln() * cells as f64) as usize;
    let mut cells = vec![(0u32, 0.0, 0.0); CELLS.0 * CELLS.1];
    for (p, n) in popularity.iter().zip(shown) {
        let (x, y) = (f64::from(p.max(1.0).min(most)), if *n == 0 { never } else { f64::from(*n) });
        let cell = place(x, left, right, CELLS.0).min(CELLS.0 - 1) + CELLS.0 * place(y, bottom, top, CELLS.1).min(CELLS.1 - 1);
        cells[cell] = (cells[cell].0 + 1, cells[cell].1 + x.ln(), cells[cell].2 + y.ln());
    }
    let svg = drawing(SIZE.1, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(46)
            .y_label_area_size(72)
            .build_cartesian_2d((left..right).log_scale(), (bottom..top).log_scale())?;
        plain(&mut chart.configure_mesh())
            .x_labels(6)
            .y_labels(6)
            .x_desc("users who have the item")
            .y_desc("lists that show it")
            .x_label_formatter(&|x| if *x >= 1.0 { tick(*x) } else { String::new() })
            .y_label_formatter(&|y| if *y >= 1.0 { tick(*y) } else { String::new() })
            .draw()?;
        let dot = |(n, x, y): &(u32, f64, f64)| {
            let n = f64::from(*n);
            Circle::new(((x / n).exp(), (y / n).exp()), 2 + (n.log2() * 0.8).round() as i32, ONE.mix(0.5).filled())
        };
        chart.draw_series(cells.iter().filter(|c| c.0 > 0).map(dot))?;
        let (x, y) = chart.backend_coord(&(left, never));
        root.draw(&Text::new("never", (x - 52, y - 8), ("sans-serif", TEXT).into_font().color(&INK)))?;
        Ok(())
    })?;
    Ok(Some(svg))
}

/// The share of places in lists, and of what users have, that the most popular items take: across the share of the catalogue, the most popular first.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn concentration(popularity: &[f32], shown: &[u32]) -> Result<Option<String>> {
    let mut order: Vec<usize> = (0..popularity.len().min(shown.len())).collect();
    order.sort_by(|&a, &b| popularity[b].total_cmp(&popularity[a]).then(a.cmp(&b)));
    let curve = |of: &dyn Fn(usize) -> f64| -> Option<Vec<(f64, f64)>> {
        let total: f64 = order.iter().map(|&i| of(i)).sum();
        if total <= 0.0 || !total.is_finite() {
            return None;
        }
        let step = order.len().div_ceil(200);
        let mut sum = 0.0;
        let mut out = vec![(0.0, 0.0)];
        for (n, &i) in order.iter().enumerate() {
            sum += of(i);
            if (n + 1) % step == 0 || n + 1 == order.len() {
                out.push((100.0 * (n + 1) as f64 / order.len() as f64, 100.0 * sum / total));
            }
        }
        Some(out)
    };
    let (Some(lists), Some(users)) = (curve(&|i| f64::from(shown[i])), curve(&|i| f64::from(popularity[i].max(0.0)))) else {
        return Ok(None);
    };
    let svg = drawing(SIZE.1, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(6)
            .margin_right(22)
            .x_label_area_size(46)
            .y_label_area_size(72)
            .build_cartesian_2d(0.0..100.0, 0.0..102.0)?;
        plain(&mut chart.configure_mesh())
            .x_labels(6)
            .y_labels(6)
            .x_desc("% of the items, the most popular first")
            .y_desc("% of places")
            .x_label_formatter(&|x| tick(*x))
            .y_label_formatter(&|y| tick(*y))
            .draw()?;
        chart.draw_series(LineSeries::new(lists.iter().copied(), ONE.stroke_width(3)))?;
        chart.draw_series(LineSeries::new(users.iter().copied(), TWO.stroke_width(1)))?;
        Ok(())
    })?;
    Ok(Some(svg))
}
