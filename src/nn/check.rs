//! The numeric gradient check, for the tests of this room and of the models.

/// Fails unless `gradient` is that of `value` at `x`: central differences, each relative to the larger of 1 and its size.
///
/// `value` is computed in 32 bits inside, so `step` is a compromise (1e-2 for smooth functions) and the tolerance 1 %.
pub(crate) fn gradient_check(x: &[f32], gradient: &[f32], value: impl Fn(&[f32]) -> f64, step: f32, what: &str) {
    assert_eq!(x.len(), gradient.len());
    let mut x = x.to_vec();
    for i in 0..x.len() {
        let at = x[i];
        x[i] = at + step;
        let above = value(&x);
        x[i] = at - step;
        let below = value(&x);
        let numeric = (above - below) / f64::from((at + step) - (at - step));
        x[i] = at;
        let given = f64::from(gradient[i]);
        assert!((numeric - given).abs() <= 1e-2 * given.abs().max(1.0), "{what}: element {i}: numeric {numeric}, given {given}");
    }
}
