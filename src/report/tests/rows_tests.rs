//! A closer look at rows, drawn and in words.

use super::*;
use crate::metric::calibration::Calibration;
use crate::metric::confusion::Confusion;
use crate::metric::gain::Gain;
use crate::metric::predicted_actual::PredictedActual;
use crate::serve::Outcome;
use crate::train::rows::{Importance, Importances};

fn importances() -> Importances {
    let column = |column: &str, worse, half| Importance { column: column.into(), worse, interval: Some((worse - half, worse + half)) };
    let mut columns = vec![column("price", 0.5, 0.125), column("<img src=x>", 0.0, 0.02), column("\u{202e}\u{5d0}\u{5d1}", -0.01, 0.02)];
    columns.extend((0..14).map(|i| column(&format!("c{i}"), -0.02, 0.1)));
    Importances { columns, metric: "log_loss", value: 0.25, rows: 1234, left_out: 3 }
}

fn diagnosis(outcome: Outcome) -> Diagnosis {
    Diagnosis { outcome, calibration: None, gain: None, confusion: None, threshold: None, numbers: None, importances: importances() }
}

fn html(d: Diagnosis) -> String {
    let html = Page { diagnosis: Some(d), lists: None, kind: "mlp".into(), ..page() }.html().unwrap();
    let tags = nested(&html);
    assert!(!tags.iter().any(|t| ["script", "b", "img"].contains(&t.as_str())) && html.is_ascii());
    // Every drawing has a name and a description.
    let count = |what: &str| html.matches(what).count();
    assert!(
        count("<svg ") == count("<svg role=\"img\" aria-label=")
            && count("<svg ") == count("<title>") - 1
            && count("<svg ") == count("<desc>")
    );
    html
}

fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part} is missing");
    }
}

#[test]
fn two_classes_have_calibration_gain_and_confusion() {
    let (mut calibration, mut gain, mut confusion) = (Calibration::default(), Gain::default(), Confusion::new(2).unwrap());
    for i in 0..100u32 {
        let (p, y) = (if i < 20 { 0.75 } else { 0.25 }, !(15..80).contains(&i));
        calibration.add(p, y).unwrap();
        gain.add(p, y).unwrap();
        confusion.add(usize::from(y), usize::from(p > 0.5));
    }
    let outcome = Outcome::Binary { negative: "no".into(), positive: "</title><script>".into() };
    let html = html(Diagnosis {
        calibration: Some(calibration),
        gain: gain.curve().unwrap(),
        confusion: Some(confusion),
        threshold: Some(0.4),
        ..diagnosis(outcome)
    });
    has(
        &html,
        &[
            "Do its probabilities come true?",
            "In the mean over rows the predicted and the observed share are 0.0 percentage points apart.",
            "<th scope=\"row\">70 to 80 %</th><td>20</td><td>75 %</td><td>75 %",
            "35 of 100 rows are <bdi>&lt;/title&gt;&lt;script&gt;</bdi>",
            // The first fifth has 15 of 35 positives; a tenth is half of it.
            "The first tenth of the rows holds 21 % of them: 2.14 times as many",
            "from a probability of 40 % on",
            "<td class=\"right\" style=\"background:rgba(var(--heat),0.15)\">15 <small>43 %</small></td><td>35</td><td>43 %</td>",
            "<td>75 %</td><td>100</td><td>75 % in all</td>",
            "<tr><th scope=\"row\">5 %</th><td>11 % of all</td><td>2.14</td><td>75 %</td></tr>",
        ],
    );
    assert!(html.matches("<svg ").count() == 4 + usize::from(html.contains("recall@20 with")));
}

#[test]
fn what_matters_is_told_with_intervals() {
    let html = html(diagnosis(Outcome::Value));
    has(
        &html,
        &[
            "the log loss becomes (from 0.2500)",
            "The last 3 columns were not tried.",
            "<bdi>price</bdi>",
            "+0.5000 <small>+0.3750 to +0.6250</small>",
            "<bdi>&lt;img src=x&gt;</bdi>",
            "0 <small>&#8722;0.0200 to +0.0200</small>",
            "&#8238;&#1488;&#1489;</bdi>",
            "<summary>2 more columns</summary>",
        ],
    );
}

#[test]
fn many_classes_are_cut_to_the_frequent_ones() {
    let mut confusion = Confusion::new(14).unwrap();
    for class in 0..14 {
        (0..=class).for_each(|i| confusion.add(class, if i == 0 { (class + 1) % 14 } else { class }));
    }
    confusion.add(14, 2);
    let names = (0..14).map(|i| if i == 13 { "x".repeat(400) } else { format!("class {i}") }).collect();
    let html = html(Diagnosis { confusion: Some(confusion), ..diagnosis(Outcome::Classes(names)) });
    has(&html, &["The 10 classes of most rows are shown, the other 4 as one.", "another</th>", "a class it does not know"]);
    assert!(html.contains(&format!("<bdi>{}&#8230;</bdi>", "x".repeat(24))) && !html.contains(&"x".repeat(25)));
    assert!(!html.contains("<bdi>class 3</bdi>") && html.contains("<bdi>class 4</bdi>"));
}

#[test]
fn numbers_are_drawn_whatever_they_are() {
    for pairs in [vec![(1.0, 2.0); 3], vec![(-1e20, 1e20), (0.0, 0.0)], (0..500).map(|i| (f64::from(i), f64::from(i * 2))).collect()] {
        let html = html(Diagnosis { numbers: PredictedActual::of(pairs), ..diagnosis(Outcome::Value) });
        has(&html, &["Predicted and actual values", "means of ten groups", "<th scope=\"row\">1</th>"]);
    }
    // A figure that is none, and nothing at all to say.
    let odd = Importance { column: "x".into(), worse: f64::NAN, interval: Some((f64::NAN, f64::INFINITY)) };
    html(Diagnosis { importances: Importances { columns: vec![odd], rows: 1, ..importances() }, ..diagnosis(Outcome::Value) });
    let html = html(Diagnosis { importances: Importances::default(), ..diagnosis(Outcome::Value) });
    assert!(!html.contains("What it goes by"));
}

#[test]
fn without_rows_the_page_says_how_to_get_a_closer_look() {
    let page = Page { no_diagnosis: "Name a relation & look.".into(), lists: None, ..page() };
    has(&page.html().unwrap(), &["<h2>A closer look</h2>\n<p>Name a relation &amp; look.</p>"]);
}
