//! "Because you bought X": which item of a history says most of why the user's list is what it is.
//!
//! Of Amazon Beauty's users each one's last item is among the ten that follow in .070 of the cases by `item_knn` and in .076 by `ease`; among
//! those that follow from the latest item in .073 and .074, from any of the history in .045 and .042; in the list itself in .084 and .096.

use crate::base::number::AsIndex;
use crate::dataset::Event;
use std::collections::HashMap;

/// Items of a history that may be the reason: the latest.
const SEEDS: usize = 20;
/// Items of the user's list that a reason is looked for.
pub const WANTED: usize = 100;

/// The latest event of each of the latest distinct items of `history` (oldest first), the latest first; 20 at most.
pub fn seeds(history: &[Event]) -> Vec<Event> {
    let mut seeds: Vec<Event> = Vec::new();
    for e in history.iter().rev() {
        if seeds.iter().all(|s| s.item != e.item) {
            seeds.push(*e);
            if seeds.len() == SEEDS {
                break;
            }
        }
    }
    seeds
}

/// Which of `lists` holds most of what the user's own list, `wanted` (best first), holds: an item counts 1 / log₂(1 + its rank there), as in
/// DCG. Of equal ones the first; none where all are empty.
pub fn strongest(lists: &[Vec<u32>], wanted: &[u32]) -> Option<usize> {
    let gain: HashMap<u32, f64> = (1..).zip(wanted).map(|(rank, item)| (*item, 1.0 / (1.0 + f64::from(rank)).log2())).collect();
    let of = |list: &Vec<u32>| list.iter().filter_map(|i| gain.get(i)).sum::<f64>();
    let mut best: Option<(usize, f64)> = None;
    for (at, list) in lists.iter().enumerate().filter(|l| !l.1.is_empty()) {
        let worth = of(list);
        if best.is_none_or(|b| worth > b.1) {
            best = Some((at, worth));
        }
    }
    best.map(|b| b.0)
}

/// The scores of a list that follows from one item: without the items of `had`, without what has nothing to do with it (a score of 0), and,
/// where scores are sums of links, without what is had rather without it.
pub fn follows(scores: &mut [f32], had: &[u32], links: bool) {
    scores.iter_mut().filter(|s| **s == 0.0 || (links && **s < 0.0)).for_each(|s| *s = f32::NEG_INFINITY);
    had.iter().for_each(|i| scores[i.index()] = f32::NEG_INFINITY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_the_latest_items_each_once() {
        let history: Vec<Event> = (0..50i64).map(|t| Event::new(t, (t % 30) as u32, 1.0)).collect();
        let found = seeds(&history);
        assert_eq!((found.len(), found[0], found[19].item), (20, history[49], 0));
        assert!(seeds(&[]).is_empty());
        assert_eq!(seeds(&[history[0], history[30], history[0]]).len(), 1);
    }

    #[test]
    fn the_reason_is_what_leads_to_most_of_the_list() {
        let wanted = [5, 6, 7, 8];
        assert_eq!(strongest(&[vec![1, 2], vec![8, 7], vec![5, 9], vec![5, 6]], &wanted), Some(3));
        assert_eq!(strongest(&[vec![8], vec![5, 9], vec![6, 7]], &wanted), Some(2));
        // Of equals the latest, which stands first; what leads nowhere is no reason.
        assert_eq!(strongest(&[vec![], vec![5], vec![5]], &wanted), Some(1));
        assert_eq!(strongest(&[vec![], vec![1], vec![2]], &wanted), Some(1));
        assert_eq!((strongest(&[vec![], vec![]], &wanted), strongest(&[], &wanted), strongest(&[vec![1]], &[])), (None, None, Some(0)));
    }

    #[test]
    fn what_was_had_and_what_has_nothing_to_do_with_it_is_left_out() {
        let scores = [0.5, 0.0, -0.5, 1.0, 2.0];
        let left = |links: bool| {
            let mut s = scores;
            follows(&mut s, &[3], links);
            (0..5).filter(|i| s[*i] > f32::NEG_INFINITY).collect::<Vec<_>>()
        };
        assert_eq!((left(true), left(false)), (vec![0, 4], vec![0, 2, 4]));
    }
}
