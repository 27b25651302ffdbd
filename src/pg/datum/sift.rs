//! Forgetting rows of a column while it is read: in place, so that nothing is allocated where memory is short.

/// Keeps the values of the rows that `kept` is true of.
pub(crate) fn rows<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    values.retain(|_| kept.next().is_none_or(|k| *k));
}

/// The same of `width` values a row.
pub(crate) fn blocks<T: Copy>(values: &mut Vec<T>, width: usize, kept: &[bool]) {
    let mut to = 0;
    for (row, _) in kept.iter().enumerate().filter(|(_, kept)| **kept) {
        values.copy_within(row * width..(row + 1) * width, to);
        to += width;
    }
    values.truncate(to);
}

/// The same of as many values a row as there are up to its end, which `end` finds in what is stored of the row.
pub(crate) fn runs<E, T: Copy>(ends: &mut Vec<E>, end: impl Fn(&mut E) -> &mut usize, values: &mut Vec<T>, kept: &[bool]) {
    let (mut from, mut to) = (0, 0);
    for (row, kept) in ends.iter_mut().zip(kept) {
        let end = end(row);
        let run = std::mem::replace(&mut from, *end)..*end;
        if *kept {
            *end = to + run.len();
            values.copy_within(run, to);
            to = *end;
        }
    }
    values.truncate(to);
    rows(ends, kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: [bool; 4] = [false, true, false, true];

    #[test]
    fn what_is_kept_moves_up() {
        let (mut one, mut two, mut none) = (vec![1, 2, 3, 4], vec![1, 1, 2, 2, 3, 3, 4, 4], Vec::<u8>::new());
        rows(&mut one, &KEPT);
        blocks(&mut two, 2, &KEPT);
        blocks(&mut none, 0, &KEPT);
        rows(&mut none, &KEPT);
        assert_eq!((one, two, none), (vec![2, 4], vec![2, 2, 4, 4], vec![]));
    }

    #[test]
    fn runs_end_where_their_values_end_now() {
        let (mut ends, mut values) = (vec![(2, 'a'), (3, 'b'), (3, 'c'), (6, 'd')], vec![1, 1, 2, 4, 4, 4]);
        runs(&mut ends, |e| &mut e.0, &mut values, &KEPT);
        assert_eq!((ends, values), (vec![(1, 'b'), (4, 'd')], vec![2, 4, 4, 4]));
    }
}
