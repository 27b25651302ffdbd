//! Names as callers give them: how long they may be, how they are shown in messages, and "did you mean …".
//!
//! Whoever may call a function at all can give it a text of a gigabyte: nothing here takes more than a moment or a few kilobytes for one. (A guess took
//! |given| × |known| × 8 bytes before: a name of 100 MB took 7 GB, or ended the server.)

use crate::base::{Code, Error, Result};
use std::borrow::Cow;

/// The longest name of a model, a kind, a parameter or an option, in bytes: as long as PostgreSQL's own names are.
pub const LONGEST: usize = 63;

/// Characters of a value that a message shows.
const SHOWN: usize = 100;

/// The most names among which the nearest is looked for.
const GUESSES: usize = 10_000;

/// Refuses a name that is longer than a name can be; `what` it names is for the message: `model`, `kind`, `parameter`.
///
/// # Errors
/// [`Code::NameTooLong`].
pub fn check(what: &str, name: &str) -> Result<()> {
    if name.len() <= LONGEST {
        return Ok(());
    }
    Err(Error::new(Code::NameTooLong, format!("{what} name is too long: \"{}\"", shown(name)))
        .detail(format!("It has {} bytes, {LONGEST} are allowed.", name.len()))
        .hint("Give a shorter name."))
}

/// A value as a message shows it: the first 100 characters, and an ellipsis where there are more.
pub fn shown(text: &str) -> Cow<'_, str> {
    cut(text, SHOWN)
}

/// A JSON value as a message shows it.
pub fn shown_json(value: &serde_json::Value) -> String {
    shown(&value.to_string()).into_owned()
}

/// The first `most` characters of a text, and an ellipsis where there are more.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// The known name nearest to `given`, when it is near enough to be a slip of the keys (optimal string alignment distance). None for what is
/// longer than a name, and among the first 10,000 only: a guess is never worth a wait.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if given.len() > LONGEST {
        return None;
    }
    let given: Vec<char> = given.to_lowercase().chars().collect();
    let allowed = (given.len() / 3).clamp(1, 3);
    known
        .into_iter()
        .take(GUESSES)
        .filter(|k| k.len() <= 4 * LONGEST)
        .filter_map(|k| {
            let other: Vec<char> = k.to_lowercase().chars().collect();
            // Each insertion or deletion changes the length by one.
            (other.len().abs_diff(given.len()) <= allowed).then(|| (distance(&given, &other), k))
        })
        .filter(|(d, _)| *d <= allowed)
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`. Three rows of the table are held.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = [vec![0; b.len() + 1], (0..=b.len()).collect::<Vec<_>>(), vec![0; b.len() + 1]];
    for i in 1..=a.len() {
        let [before, last, row] = &mut rows;
        row[0] = i;
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row[j] = best;
        }
        rows.rotate_left(1);
    }
    rows[1][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let known = ["epochs", "hidden", "dropout", "learning_rate"];
        assert_eq!(nearest("epohcs", known), Some("epochs"));
        assert_eq!(nearest("Hiden", known), Some("hidden"));
        assert_eq!(nearest("learningrate", known), Some("learning_rate"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(distance(&['a', 'b'], &[]), 2);
        assert_eq!(distance(&[], &['a', 'b']), 2);
    }

    #[test]
    fn what_is_too_long_is_refused_and_shown_in_part() {
        let long = "ä".repeat(10_000_000);
        assert_eq!(nearest(&long, [long.as_str()]), None);
        assert_eq!(nearest("short", [long.as_str()]), None);
        let e = check("model", &long).unwrap_err();
        assert_eq!((e.code, e.message.chars().count()), (Code::NameTooLong, "model name is too long: \"\"".len() + 101));
        assert_eq!(e.detail.unwrap(), "It has 20000000 bytes, 63 are allowed.");
        assert!(check("model", &"x".repeat(63)).is_ok() && check("model", &"x".repeat(64)).is_err());
        assert_eq!(shown("abc"), "abc");
        assert_eq!(shown(&"x".repeat(100)), "x".repeat(100));
        assert_eq!(shown(&"x".repeat(101)), format!("{}…", "x".repeat(100)));
        assert_eq!(shown_json(&serde_json::json!(["x".repeat(200)])).chars().count(), 101);
    }
}
