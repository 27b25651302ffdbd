//! What the page is written with: escaped text, numbers for people, drawings with their words.

/// Characters of a name that are shown; of a longer one its beginning.
const LONGEST: usize = 120;

/// `text` as HTML, in an element or in a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No page may hold them; a reader sees that something was there.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A name that somebody else gave (an id, a title), whatever is in it: escaped, not too long, and without effect on the direction of what
/// stands around it.
pub fn name(text: &str) -> String {
    named(text, LONGEST)
}

/// As [`name`], of so many characters.
pub fn named(text: &str, most: usize) -> String {
    format!("<bdi>{}</bdi>", escape(&cut(text, most)))
}

/// The beginning of a text that is longer than `most` characters, with dots.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}\u{2026}", &text[..at]),
        None => text.to_owned(),
    }
}

/// A name for an attribute, as [`name`] cuts it.
pub fn label(text: &str) -> String {
    escape(&cut(text, LONGEST))
}

/// Plain ASCII: everything else as a reference, so that a page reads the same whatever encoding a client asks the server for.
pub fn ascii(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    for c in html.chars() {
        if c.is_ascii() { out.push(c) } else { out.push_str(&format!("&#{};", u32::from(c))) }
    }
    out
}

/// A figure to four places or so.
pub fn number(x: f64) -> String {
    let size = x.abs();
    match size {
        _ if !x.is_finite() => "-".to_owned(),
        0.0 => "0".to_owned(),
        _ if !(0.001..1e7).contains(&size) => format!("{x:.2e}"),
        _ if size < 10.0 => format!("{x:.4}"),
        _ if size < 1000.0 => format!("{x:.1}"),
        _ => count(x.round() as i64),
    }
}

/// A figure to three places or so, where more would only be in the way.
pub fn short(x: f64) -> String {
    match x.abs() {
        size if (0.01..1000.0).contains(&size) => {
            let places = if size < 1.0 {
                3
            } else if size < 10.0 {
                2
            } else {
                1
            };
            format!("{x:.places$}")
        }
        _ => number(x),
    }
}

/// An integer in groups of three digits.
pub fn count(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = if n < 0 { "-".to_owned() } else { String::new() };
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',')
        }
        out.push(c)
    }
    out
}

/// A share in percent.
pub fn percent(share: f64) -> String {
    let x = 100.0 * share;
    match x.abs() {
        _ if !x.is_finite() => "-".to_owned(),
        size if size >= 10.0 || size == 0.0 => format!("{x:.0} %"),
        size if size >= 0.1 => format!("{} %", format!("{x:.1}").trim_end_matches(".0")),
        _ => format!("{x:.2} %"),
    }
}

/// A count of rows or users.
pub fn counted(n: u64) -> String {
    count(i64::try_from(n).unwrap_or(i64::MAX))
}

/// A drawing in words: what it is called, and what it shows.
pub struct Words<'a> {
    /// Its name.
    pub title: &'a str,
    /// For whoever cannot see it.
    pub told: &'a str,
    /// One key for each line.
    pub keys: &'a [&'a str],
    /// A sentence that goes on from the keys.
    pub said: &'a str,
}

/// A drawing with its words, which a screen reader reads in its place.
pub fn figure(svg: &str, words: &Words<'_>) -> String {
    let one = |(key, class): (&&str, &str)| format!("<span class=\"key {class}\" aria-hidden=\"true\"></span>{}", name(key));
    let mut keys = words.keys.iter().zip(["one", "two"]).map(one).collect::<Vec<_>>().join(", ");
    if !keys.is_empty() {
        keys.push_str(": ");
    }
    let (title, told) = (label(words.title), escape(words.told));
    let svg = match svg.split_once('>').and_then(|(open, rest)| Some((open.strip_prefix("<svg ")?, rest))) {
        Some((of, rest)) => format!("<svg role=\"img\" aria-label=\"{title}\" {of}>\n<title>{title}</title>\n<desc>{told}</desc>{rest}"),
        None => svg.to_owned(),
    };
    format!("<figure>\n{svg}<figcaption>{keys}{}</figcaption></figure>\n", escape(words.said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::style::STYLE;

    #[test]
    fn hostile_names_are_text() {
        assert_eq!(name("<script>alert('x')&\""), "<bdi>&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;</bdi>");
        assert_eq!(name("a\u{0}b\u{1b}"), "<bdi>a\u{fffd}b\u{fffd}</bdi>");
        assert_eq!(name(&"\u{e9}".repeat(121)).chars().filter(|c| *c == '\u{e9}').count(), 120);
        assert_eq!(ascii("\u{e9}\u{4e2d}<"), "&#233;&#20013;<");
    }

    #[test]
    fn drawings_have_words() {
        let words = Words { title: "a <b>", told: "1 & 2", keys: &["x"], said: "goes on." };
        let html = figure("<svg width=\"1\">\n</svg>\n", &words);
        let svg = "<svg role=\"img\" aria-label=\"a &lt;b&gt;\" width=\"1\">\n<title>a &lt;b&gt;</title>\n<desc>1 &amp; 2</desc>\n</svg>";
        assert!(html.contains(svg) && html.contains("</span><bdi>x</bdi>: goes on.</figcaption>"), "{html}");
    }

    #[test]
    fn numbers_are_short() {
        let all = [0.0, 0.12345, 2.0, -12.34, 1234.5, 0.00012, 1e9, f64::NAN].map(number);
        assert_eq!(all, ["0", "0.1235", "2.0000", "-12.3", "1,235", "1.20e-4", "1.00e9", "-"]);
        assert_eq!((count(-1_234_567), count(999), count(0)), ("-1,234,567".to_owned(), "999".to_owned(), "0".to_owned()));
        assert_eq!([0.0, 1.0, 0.025, 0.0004, f64::NAN].map(percent), ["0 %", "100 %", "2.5 %", "0.04 %", "-"]);
        assert_eq!(
            (cut("abc", 3), cut("abcd", 3), named("<b>", 1)),
            ("abc".into(), "abc\u{2026}".into(), "<bdi>&lt;\u{2026}</bdi>".into())
        );
        assert!(STYLE.is_ascii() && !STYLE.contains("url(") && !STYLE.contains('<'));
    }
}
