//! What the lists of a recommender show how often.

use super::{Axis, INK, ONE, SIZE, TEXT, TWO, axes, drawing, plain, tick};
use crate::base::Result;
use plotters::prelude::*;

/// Cells of a scatter across and up: items in one cell are one dot.
const CELLS: (usize, usize) = (48, 32);

/// Each item by how popular it is (across) and how often lists show it (up), both on logarithmic scales; items that no list shows stand at
/// the bottom.
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

/// The share of places in lists, and of what users have, that the most popular items take: across the share of the catalogue, the most
/// popular first.
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
        let percent = |named, to| Axis { range: 0.0..to, labels: 6, named, written: &|x| tick(*x) };
        let both = [percent("% of the items, the most popular first", 100.0), percent("% of places", 102.0)];
        let mut chart = axes(root, (6, 72), both)?;
        chart.draw_series(LineSeries::new(lists.iter().copied(), ONE.stroke_width(3)))?;
        chart.draw_series(LineSeries::new(users.iter().copied(), TWO.stroke_width(1)))?;
        Ok(())
    })?;
    Ok(Some(svg))
}
