use super::*;
use crate::base::Rng;

fn skewed(n: usize) -> Vec<f64> {
    let mut r = Rng::new(1);
    (0..n).map(|_| (2.0 * r.normal()).exp()).collect()
}

#[test]
fn quantiles_of_skewed_numbers_are_normal_with_short_tails() {
    let s = Scale::fit(Scaling::Quantile, &mut skewed(50_000)).unwrap();
    let z: Vec<f64> = skewed(50_000).iter().map(|x| f64::from(s.of(*x))).collect();
    let mean = z.iter().sum::<f64>() / 5e4;
    let var = z.iter().map(|x| x * x).sum::<f64>() / 5e4;
    let fourth = z.iter().map(|x| x.powi(4)).sum::<f64>() / 5e4;
    assert!(mean.abs() < 0.02 && (0.8..0.9).contains(&var) && (2.0..2.6).contains(&(fourth / (var * var))), "{mean} {var} {fourth}");
    // the map is exp⁻¹: z(e²) = 1
    assert!((s.of(2f64.exp()) - soft(1.0) as f32).abs() < 0.05);
}

#[test]
fn maps_rise_everywhere_and_are_bounded_in_the_tails() {
    let mut values = skewed(5_000);
    values.extend([0.0; 5_000]);
    for scaling in [Scaling::Quantile, Scaling::Standard, Scaling::Minmax, Scaling::Log] {
        let s = Scale::fit(scaling, &mut values.clone()).unwrap();
        let grid: Vec<f32> = (-2000..20_000).map(|i| s.of(f64::from(i) / 10.0)).collect();
        assert!(grid.windows(2).all(|w| w[0] <= w[1]), "{scaling:?}");
        assert!(s.of(f64::MAX).abs() < 50.0 && s.of(f64::MIN).abs() < 50.0);
    }
    let s = Scale::fit(Scaling::Quantile, &mut values).unwrap();
    // half of the rows are 0, at rank one quarter; what is a little above is beyond the half
    assert!((s.of(0.0) - soft(-0.674) as f32).abs() < 0.01, "{}", s.of(0.0));
    assert!(s.of(0.01) > 0.0);
    assert!(s.of(-1e9) < s.of(0.0));
}

#[test]
fn logarithms_keep_gaps_and_draw_tails_in() {
    let mut r = Rng::new(2);
    let mut v: Vec<f64> = (0..6000).map(|i| [1.0, 10.0, 100.0][i % 3] * (1.0 + 0.05 * r.normal())).collect();
    v[9] = 1e6;
    let s = Scale::fit(Scaling::Log, &mut v).unwrap();
    let z: Vec<f64> = v.iter().map(|x| f64::from(s.of(*x))).collect();
    let mean = z.iter().sum::<f64>() / 6e3;
    let var = z.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 6e3;
    assert!(mean.abs() < 1e-2 && (var - 1.0).abs() < 1e-2, "{mean} {var}");
    let gap = |a: f64, b: f64| s.of(b) - s.of(a);
    assert!(gap(1.2, 8.0) > 0.3 && gap(12.0, 80.0) > 1.0 && gap(0.9, 1.1) < 0.02 && s.of(1e6) < 8.0);
}

#[test]
fn outliers_do_not_squeeze_the_rest() {
    let mut r = Rng::new(3);
    let mut v: Vec<f64> = (0..10_000).map(|_| 5.0 + r.normal()).collect();
    v[7] = 1e12;
    let s = Scale::fit(Scaling::Standard, &mut v).unwrap();
    assert!((s.of(6.0) - s.of(5.0) - 1.0).abs() < 0.05);
    assert!(s.of(1e12) < 15.0);
}

#[test]
fn an_open_line_goes_on_but_not_where_wild_values_were_cut() {
    let mut v: Vec<f64> = (0..=1000).map(|i| f64::from(i) / 10.0).collect();
    for scaling in [Scaling::Standard, Scaling::Minmax] {
        let closed = Scale::fit(scaling, &mut v).unwrap();
        let open = Scale::fit_open(scaling, &mut v, (0.0, 100.0)).unwrap();
        let step = f64::from(closed.of(50.0) - closed.of(49.0));
        assert_eq!((open.of(3.0), open.of(99.0), closed.of(1e3)), (closed.of(3.0), closed.of(99.0), closed.of(100.0)));
        for x in [-4000.0, 1000.0, 1e9] {
            assert!((f64::from(open.of(x) - open.of(0.0)) / (step * x) - 1.0).abs() < 1e-5, "{scaling:?} {x}");
        }
        assert!(open.of(f64::MAX).is_finite() && open.of(f64::MIN).is_finite());
        // one of the rows beyond those that the scale was fitted on is wild, on one side
        let half = Scale::fit_open(scaling, &mut v, (0.0, 1e7)).unwrap();
        assert_eq!((half.of(1e7), half.of(-4000.0)), (closed.of(100.0), open.of(-4000.0)));
        assert_eq!(serde_json::from_str::<Scale>(&serde_json::to_string(&open).unwrap()).unwrap(), open);
    }
    let closed = Scale::fit(Scaling::Quantile, &mut v).unwrap();
    assert_eq!(Scale::fit_open(Scaling::Quantile, &mut v, (0.0, 100.0)).unwrap(), closed);
}

#[test]
fn numbers_come_back_from_their_scaled_values() {
    for scaling in [Scaling::Quantile, Scaling::Standard, Scaling::Minmax, Scaling::Log] {
        let s = Scale::fit(scaling, &mut skewed(3000)).unwrap();
        for x in [0.02, 0.3, 1.0, 4.0, 20.0] {
            assert!((s.back(s.of(x)) / x - 1.0).abs() < 1e-3, "{scaling:?} {x} {}", s.back(s.of(x)));
        }
        assert!(s.back(f32::MAX).is_finite() && s.back(f32::MIN).is_finite() && s.back(f32::NAN).is_finite());
        assert!(s.back(-9.0) < s.back(9.0));
    }
}

#[test]
fn odd_columns_have_a_scale_or_none() {
    assert!(Scale::fit(Scaling::Quantile, &mut [3.0; 9]).is_none());
    assert!(Scale::fit(Scaling::Quantile, &mut []).is_none());
    let s = Scale::fit(Scaling::Quantile, &mut [0.0, 1.0]).unwrap();
    assert!(s.of(0.0) < 0.0 && s.of(1.0) > 0.0 && s.of(0.5).abs() < 1e-6);
    for mut odd in [vec![f64::MIN, 0.0, f64::MAX], vec![1e16, 1e16 + 2.0], vec![0.0, 5e-324]] {
        for scaling in [Scaling::Quantile, Scaling::Log] {
            let s = Scale::fit(scaling, &mut odd).unwrap();
            assert!(odd.iter().chain(&[1e10, f64::MAX, f64::MIN]).all(|x| s.of(*x).is_finite()), "{odd:?}");
            assert!(serde_json::from_str::<Scale>(&serde_json::to_string(&s).unwrap()).is_ok());
        }
    }
    let mut spiked: Vec<f64> = (0..1000).map(|i| if i < 995 { 0.0 } else { f64::from(i) }).collect();
    let s = Scale::fit(Scaling::Standard, &mut spiked).unwrap();
    assert!(s.of(999.0).is_finite());
}

#[test]
fn stored_scales_come_back_exactly_and_hostile_ones_do_not() {
    for scaling in [Scaling::Quantile, Scaling::Standard, Scaling::Minmax, Scaling::Log] {
        let s = Scale::fit(scaling, &mut skewed(3000)).unwrap();
        let text = serde_json::to_string(&s).unwrap();
        assert_eq!(serde_json::from_str::<Scale>(&text).unwrap(), s);
    }
    for bad in [
        r#"{"knots": {"at": [1], "to": [1]}}"#,
        r#"{"knots": {"at": [1, 1], "to": [1, 2]}}"#,
        r#"{"knots": {"at": [1, 2], "to": [1]}}"#,
        r#"{"knots": {"at": [1, null], "to": [1, 2]}}"#,
        r#"{"linear": {"low": 2, "high": 1, "shift": 0, "factor": 1}}"#,
    ] {
        assert!(serde_json::from_str::<Scale>(bad).is_err(), "{bad}");
    }
}
