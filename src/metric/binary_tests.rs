use super::*;
use crate::base::Code;

/// Scores with ties and labels; the figures are scikit-learn's for them.
const ROWS: [(f64, bool); 10] = [
    (0.1, false),
    (0.4, false),
    (0.35, true),
    (0.8, true),
    (0.4, true),
    (0.4, false),
    (0.9, true),
    (0.2, false),
    (0.8, false),
    (0.05, true),
];

#[test]
fn figures_are_those_of_the_reference() {
    let (mut auc, mut ap, mut loss, mut brier) = (Auc::default(), AveragePrecision::default(), LogLoss::default(), Brier::default());
    for part in ROWS.chunks(3) {
        let (mut a, mut b, mut c, mut d) = (Auc::default(), AveragePrecision::default(), LogLoss::default(), Brier::default());
        for (s, l) in part {
            a.add(*s, *l).unwrap();
            b.add(*s, *l).unwrap();
            c.add(*s, *l).unwrap();
            d.add(*s, *l).unwrap();
        }
        auc.merge(&Auc::from_bytes(&a.to_bytes()).unwrap()).unwrap();
        ap.merge(&AveragePrecision::from_bytes(&b.to_bytes()).unwrap()).unwrap();
        loss.merge(&LogLoss::from_bytes(&c.to_bytes()).unwrap()).unwrap();
        brier.merge(&Brier::from_bytes(&d.to_bytes()).unwrap()).unwrap();
    }
    let near = |x: Option<f64>, y: f64| assert!((x.unwrap() - y).abs() < 1e-12, "{x:?} {y}");
    near(auc.value(), REFERENCE[0]);
    near(ap.value(), REFERENCE[1]);
    near(loss.value(), REFERENCE[2]);
    near(brier.value(), REFERENCE[3]);
    let (l, h) = auc.interval().unwrap();
    assert!(l < REFERENCE[0] && h > REFERENCE[0] && l >= 0.0 && h <= 1.0);
    assert_eq!((auc.rows(), ap.rows(), loss.rows()), (10, 10, 10));
}

#[test]
fn a_weight_counts_as_so_many_rows() {
    let (mut repeated, mut weighted) = (Figures::default(), Figures::default());
    for (i, (score, label)) in ROWS.into_iter().enumerate() {
        let n = [1, 3, 2, 5][i % 4];
        (0..n).for_each(|_| repeated.add(score, label, 1.0));
        let mut part = Figures::default();
        part.add(score, label, f64::from(n));
        weighted.0.merge(&Auc::from_bytes(&part.0.to_bytes()).unwrap()).unwrap();
        weighted.1.merge(&AveragePrecision::from_bytes(&part.1.to_bytes()).unwrap()).unwrap();
        weighted.2.merge(&LogLoss::from_bytes(&part.2.to_bytes()).unwrap()).unwrap();
        weighted.3.merge(&Brier::from_bytes(&part.3.to_bytes()).unwrap()).unwrap();
    }
    for (a, b) in repeated.values().into_iter().zip(weighted.values()) {
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }
    // scikit-learn's, with sample_weight = 0.5, 0.25, 2, 1.5, 0.1, 3, 0.7, 1, 0.2, 4
    let mut fractions = Figures::default();
    for ((score, label), weight) in ROWS.into_iter().zip([0.5, 0.25, 2.0, 1.5, 0.1, 3.0, 0.7, 1.0, 0.2, 4.0]) {
        fractions.add(score, label, weight);
    }
    for (x, y) in fractions.values().into_iter().zip(WEIGHTED) {
        assert!((x - y).abs() < 1e-12, "{x} {y}");
    }
}

#[test]
fn weights_whose_sums_are_no_numbers_are_refused() {
    let mut f = Figures::default();
    f.add(0.5, true, 1e308);
    f.add(0.4, false, 1e308);
    let code = |r: Result<Option<f64>>| r.unwrap_err().code;
    for code in [code(f.0.figure()), code(f.1.figure()), code(f.2.figure()), code(f.3.figure())] {
        assert_eq!(code, Code::Data);
    }
}

#[derive(Default)]
struct Figures(Auc, AveragePrecision, LogLoss, Brier);

impl Figures {
    fn add(&mut self, score: f64, label: bool, weight: f64) {
        self.0.add_weighted(score, label, weight).unwrap();
        self.1.add_weighted(score, label, weight).unwrap();
        self.2.add_weighted(score, label, weight).unwrap();
        self.3.add_weighted(score, label, weight).unwrap();
    }

    fn values(&self) -> [f64; 4] {
        [self.0.figure(), self.1.figure(), self.2.figure(), self.3.figure()].map(|f| f.unwrap().unwrap())
    }
}

const WEIGHTED: [f64; 4] = [0.342_034_805_890_227_56, 0.690_402_144_182_328_9, 1.270_986_020_619_014_4, 0.396_301_886_792_452_9];

const REFERENCE: [f64; 4] = [0.58, 0.647_619_047_619_047_5, 0.824_994_242_383_697_7, 0.2745];

#[test]
fn what_has_no_figure_has_none() {
    let mut a = Auc::default();
    assert_eq!(a.value(), None);
    a.add(1.0, true).unwrap();
    assert_eq!(a.value(), None);
    a.add(f64::INFINITY, false).unwrap();
    assert_eq!(a.value(), Some(0.0));
    a.add(f64::NAN, false).unwrap();
    assert!(a.value().unwrap().is_nan());
    let mut p = AveragePrecision::default();
    p.add(0.5, false).unwrap();
    assert_eq!(p.value(), None);
    let e = LogLoss::default().add(1.2, true).unwrap_err();
    assert_eq!((e.code, e.message.as_str()), (Code::InvalidParameter, "log_loss needs probabilities"));
    let mut l = LogLoss::default();
    l.add(0.0, true).unwrap();
    assert!(l.value().unwrap().is_finite());
}

#[test]
fn hostile_bytes_are_refused() {
    for bytes in [&[][..], &[1; 7], &[255; 16], &[2, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]] {
        assert_eq!(Auc::from_bytes(bytes).unwrap_err().code, Code::InvalidText);
        assert_eq!(LogLoss::from_bytes(bytes).unwrap_err().code, Code::InvalidText);
    }
}
