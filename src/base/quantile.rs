//! Quantiles of the Beta and the Gamma distribution: the ends of intervals around a share, a rate, the ratio of two rates.
//!
//! The distributions by their series and continued fractions (Press et al. 2007, 6.2 and 6.4), their inverses by halving an interval: slow
//! beside Newton's steps, and sure to end; a list needs some hundreds.

/// Halvings: of an interval of 1,400 units of a logarithm what is left is below the rounding of a double.
const HALVINGS: usize = 64;
/// Where the fraction no longer moves.
const EPSILON: f64 = 1e-15;
/// In the place of a denominator of 0.
const TINY: f64 = 1e-300;
/// Terms after which it is left as it is: it takes about the root of its larger parameter.
const TERMS: usize = 20_000;

/// The logarithm of Γ(x), of x above 0 (Lanczos).
pub fn ln_gamma(x: f64) -> f64 {
    const OF: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    // Below .5 by Γ(x + 1) = x Γ(x): the sum loses digits near 0.
    if x < 0.5 {
        return ln_gamma(x + 1.0) - x.ln();
    }
    let x = x - 1.0;
    let sum = OF.iter().zip(1..).fold(0.999_999_999_999_809_9, |sum, (c, i)| sum + c / (x + f64::from(i)));
    let t = x + 7.5;
    (x + 0.5).mul_add(t.ln(), 0.918_938_533_204_672_8 - t) + sum.ln()
}

/// A step of Lentz's way through a continued fraction: multiplies `value` by what the next pair `(a, b)` does to it.
fn lentz(value: &mut f64, c: &mut f64, d: &mut f64, a: f64, b: f64) -> f64 {
    let some = |x: f64| if x.abs() < TINY { TINY } else { x };
    *d = 1.0 / some(a.mul_add(*d, b));
    *c = some(b + a / *c);
    let step = *c * *d;
    *value *= step;
    step
}

/// The probability that a draw of Beta(`a`, `b`) is below `x`.
pub fn beta_below(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x >= 1.0 { 1.0 } else { 0.0 };
    }
    // The fraction converges quickly on this side of the mean.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_below(1.0 - x, b, a);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
    // After the first pair, which is (1, 1).
    let (mut value, mut c, mut d) = (1.0, 1.0 / TINY, 1.0);
    for m in (0..TERMS).map(|m| m as f64) {
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        lentz(&mut value, &mut c, &mut d, odd, 1.0);
        let k = m + 1.0;
        let even = k * (b - k) * x / ((a + 2.0 * k - 1.0) * (a + 2.0 * k));
        if (lentz(&mut value, &mut c, &mut d, even, 1.0) - 1.0).abs() < EPSILON {
            break;
        }
    }
    (front * value).clamp(0.0, 1.0)
}

/// The odds x / (1 - x) of the quantile `share` of Beta(`a`, `b`): the ratio of two Gammas of equal rate.
pub fn beta_odds(share: f64, a: f64, b: f64) -> f64 {
    where_reached(share, |odds| beta_below(odds / (1.0 + odds), a, b))
}

/// The probability that a draw of Gamma(`a`), of rate 1, is below `x`.
pub fn gamma_below(x: f64, a: f64) -> f64 {
    if x <= 0.0 || x == f64::INFINITY {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        // Σ xⁿ / (a (a + 1) … (a + n)).
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..TERMS {
            term *= x / (a + n as f64);
            sum += term;
            if term < sum * EPSILON {
                break;
            }
        }
        return (front * sum).clamp(0.0, 1.0);
    }
    let mut b = x + 1.0 - a;
    let (mut value, mut c, mut d) = (1.0 / b, 1.0 / TINY, 1.0 / b);
    for n in (1..TERMS).map(|n| n as f64) {
        b += 2.0;
        if (lentz(&mut value, &mut c, &mut d, n * (a - n), b) - 1.0).abs() < EPSILON {
            break;
        }
    }
    (1.0 - front * value).clamp(0.0, 1.0)
}

/// The quantile `share` of Gamma(`a`), of rate 1.
pub fn gamma_quantile(share: f64, a: f64) -> f64 {
    where_reached(share, |x| gamma_below(x, a))
}

/// Where a rising function of what is above 0 reaches `share`.
fn where_reached(share: f64, below: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-700.0, 700.0);
    for _ in 0..HALVINGS {
        let ln: f64 = 0.5 * (low + high);
        *(if below(ln.exp()) < share { &mut low } else { &mut high }) = ln;
    }
    (0.5 * (low + high)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(x: f64, y: f64) {
        assert!((x - y).abs() <= 1e-9 * y.abs().max(1e-3), "{x} is not {y}");
    }

    // The figures are scipy 1.x's.
    #[test]
    fn the_gamma_function_is_that_of_scipy() {
        near(ln_gamma(0.001), 6.907178885383853);
        near(ln_gamma(0.3), 1.0957979948180756);
        near(ln_gamma(1.0), 0.0);
        near(ln_gamma(4.5), 2.4537365708424423);
        near(ln_gamma(171.3), 708.1149470389971);
        near(ln_gamma(1000000.0), 12815504.569147611);
    }

    #[test]
    fn quantiles_are_those_of_scipy() {
        near(beta_odds(0.05, 2.5, 9.5), 0.05761126059399864);
        near(beta_odds(0.5, 40.0, 7000.0), 0.005667007913354208);
        near(beta_odds(0.95, 0.4, 12.0), 0.15254064906581885);
        near(beta_odds(0.05, 100000.0, 300000.0), 0.33133554541139687);
        near(beta_odds(0.05, 5.0, 5.0), 0.335769112599183);
    }

    #[test]
    fn quantiles_of_gamma_are_those_of_scipy() {
        near(gamma_quantile(0.05, 0.086), 4.472644375610401e-16);
        near(gamma_quantile(0.05, 1.086), 0.06784631388965681);
        near(gamma_quantile(0.95, 1.086), 3.1602488126745443);
        near(gamma_quantile(0.5, 24.3), 23.967491805406407);
        near(gamma_quantile(0.05, 5000.0), 4884.262567833768);
        near(gamma_quantile(0.95, 3000000.0), 3002849.5384540833);
        near(gamma_quantile(0.01, 0.5), 7.854392895485092e-05);
    }

    #[test]
    fn ends_are_ends() {
        assert_eq!((beta_below(0.0, 2.0, 3.0), beta_below(1.0, 2.0, 3.0)), (0.0, 1.0));
        assert_eq!((gamma_below(0.0, 2.0), gamma_below(f64::INFINITY, 2.0)), (0.0, 1.0));
        assert!(beta_odds(0.05, 1e-3, 1e3).is_finite());
    }
}
