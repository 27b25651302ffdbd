//! What a model says of rows beside what was true.

use super::{Axis, INK, ONE, SIZE, TWO, axes, drawing, plain, span, tick};
use crate::base::Result;
use crate::metric::calibration::Band;
use crate::metric::gain::Curve;
use crate::metric::predicted_actual::PredictedActual;
use plotters::prelude::*;

/// Pixels of the counts below a calibration plot.
const COUNTS: u32 = 110;

/// An axis of shares from 0 to `to`, written in percent.
fn share(named: &str, to: f64) -> Axis<'_> {
    Axis { range: 0.0..to, labels: 6, named, written: &|x| tick((x * 100.0).round()) }
}

/// Predicted against observed shares with their intervals, the diagonal, and below how many rows each bin has.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn calibration(bands: &[Band]) -> Result<Option<String>> {
    let most = bands.iter().map(|b| b.rows).max().unwrap_or(0);
    if most == 0 {
        return Ok(None);
    }
    let svg = drawing(SIZE.1 + COUNTS, |root| {
        let (above, below) = root.split_vertically(SIZE.1 - 10);
        let mut chart = axes(&above, (12, 84), [share("predicted, %", 1.0), share("observed, %", 1.0)])?;
        chart.draw_series([PathElement::new([(0.0, 0.0), (1.0, 1.0)], INK.mix(0.5).stroke_width(1))])?;
        for b in bands {
            chart.draw_series([PathElement::new([(b.predicted, b.interval.0), (b.predicted, b.interval.1)], ONE.stroke_width(2))])?;
        }
        chart.draw_series(LineSeries::new(bands.iter().map(|b| (b.predicted, b.observed)), ONE.stroke_width(1)))?;
        chart.draw_series(bands.iter().map(|b| Circle::new((b.predicted, b.observed), 5, ONE.filled())))?;
        let mut counts = ChartBuilder::on(&below)
            .margin(12)
            .margin_right(22)
            .x_label_area_size(8)
            .y_label_area_size(84)
            .build_cartesian_2d(0.0..1.0, 0.0..most as f64 * 1.05)?;
        plain(&mut counts.configure_mesh())
            .disable_x_mesh()
            .x_labels(0)
            .y_labels(3)
            .y_desc("rows")
            .y_label_formatter(&|y| tick(*y))
            .draw()?;
        counts.draw_series(bands.iter().map(|b| Rectangle::new([(b.from + 0.01, 0.0), (b.to - 0.01, b.rows as f64)], ONE.filled())))?;
        Ok(())
    })?;
    Ok(Some(svg))
}

/// Which share of the positives is among the first rows by score: of the model, of a perfect one, and by chance.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn gain(curve: &Curve) -> Result<Option<String>> {
    if curve.rows == 0 {
        return Ok(None);
    }
    let perfect = curve.positives as f64 / curve.rows as f64;
    let svg = drawing(SIZE.1, |root| {
        let mut chart = axes(root, (12, 84), [share("% of the rows, the likeliest first", 1.0), share("% found", 1.02)])?;
        chart.draw_series([PathElement::new([(0.0, 0.0), (1.0, 1.0)], INK.mix(0.5).stroke_width(1))])?;
        chart.draw_series([PathElement::new([(0.0, 0.0), (perfect, 1.0), (1.0, 1.0)], TWO.stroke_width(1))])?;
        chart.draw_series(LineSeries::new(curve.points.iter().copied(), ONE.stroke_width(3)))?;
        Ok(())
    })?;
    Ok(Some(svg))
}

/// Predicted against true numbers: rows of one cell are one dot; rings are the means of ten groups of equal size.
///
/// # Errors
/// [`crate::base::Code::Internal`].
pub fn numbers(of: &PredictedActual) -> Result<Option<String>> {
    let Some((low, high)) = span([of.from, of.to].into_iter()) else { return Ok(None) };
    let most = of.dots.iter().map(|d| d.rows).max().unwrap_or(1).max(1) as f64;
    let inside = |x: f64| (low..=high).contains(&x);
    let svg = drawing(SIZE.1 + 60, |root| {
        let number = |named, labels| Axis { range: low..high, labels, named, written: &|x| tick(*x) };
        let mut chart = axes(root, (12, 92), [number("predicted", 5), number("actual", 6)])?;
        let dot = |d: &crate::metric::predicted_actual::Dot| {
            let size = 2.0 + 4.0 * (d.rows as f64 / most).sqrt();
            Circle::new((d.predicted, d.actual), size.round() as i32, ONE.mix(0.45).filled())
        };
        chart.draw_series(of.dots.iter().map(dot))?;
        chart.draw_series([PathElement::new([(low, low), (high, high)], INK.mix(0.5).stroke_width(1))])?;
        let groups: Vec<(f64, f64)> = of.groups.iter().map(|g| (g.predicted, g.actual)).filter(|g| inside(g.0) && inside(g.1)).collect();
        chart.draw_series(LineSeries::new(groups.iter().copied(), TWO.stroke_width(2)))?;
        chart.draw_series(groups.iter().map(|g| Circle::new(*g, 5, TWO.stroke_width(2))))?;
        Ok(())
    })?;
    Ok(Some(svg))
}
