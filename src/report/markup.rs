//! What the page is written with: escaped text, numbers for people, the style.

/// How a page looks, wide and narrow: dark on light, tables and figures never wider than the window.
pub const STYLE: &str = "*{box-sizing:border-box}\
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:#1c1c1c;background:#fff}\
main{max-width:1120px;margin:0 auto;padding:1rem}\
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0;overflow-wrap:anywhere}\
h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:2px solid #1f5fa8}\
h3{font-size:1rem;margin:0 0 .25rem;overflow-wrap:anywhere}h4{font-size:.9rem;margin:.5rem 0 0;color:#444}\
p{margin:.5rem 0;max-width:72ch}.quiet{color:#555;font-size:.9rem}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0}dt{color:#555}dd{margin:0;overflow-wrap:anywhere}\
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{padding:.3rem .8rem;text-align:right;white-space:nowrap;border-bottom:1px solid #ddd}\
th:first-child,td:first-child{text-align:left}thead th{border-bottom:2px solid #888}\
td small{color:#555}caption{text-align:left;color:#555;font-size:.9rem}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:1.5rem}\
figure{margin:0;max-width:540px}figure svg{display:block;width:100%;height:auto}figcaption{font-size:.9rem;color:#333}\
.key{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 .4em;vertical-align:baseline}\
.key{border-radius:50%}.one{background:#1f5fa8}.two{border:2px solid #b8500c}.key:first-child{margin-left:0}\
.users{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:1rem}\
.user{border:1px solid #ccc;border-radius:.4rem;padding:.75rem;min-width:0}\
.sides{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:.75rem;font-size:.9rem}\
ol,ul{margin:.2rem 0;padding-left:1.6rem}li{overflow-wrap:anywhere}\
.hit{font-weight:600;background:#e2f1e2}.hit::after{content:\" (found)\";font-weight:400}\
.had::after{content:\" (had before)\";color:#555}\
pre{overflow-x:auto;background:#f6f6f6;padding:.75rem;font-size:.85rem}summary{cursor:pointer}\
@media(max-width:560px){.sides{grid-template-columns:1fr}main{padding:.75rem}}\
@media print{.user,figure{break-inside:avoid}}";

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

/// A name that somebody else gave (an id, a title), whatever is in it: escaped, not too long, and without effect on the direction of what stands
/// around it.
pub fn name(text: &str) -> String {
    let cut = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    let more = if cut < text.len() { "\u{2026}" } else { "" };
    format!("<bdi>{}{more}</bdi>", escape(&text[..cut]))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_text() {
        assert_eq!(name("<script>alert('x')&\""), "<bdi>&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;</bdi>");
        assert_eq!(name("a\u{0}b\u{1b}"), "<bdi>a\u{fffd}b\u{fffd}</bdi>");
        assert_eq!(name(&"\u{e9}".repeat(121)).chars().filter(|c| *c == '\u{e9}').count(), 120);
        assert_eq!(ascii("\u{e9}\u{4e2d}<"), "&#233;&#20013;<");
    }

    #[test]
    fn numbers_are_short() {
        let all = [0.0, 0.12345, 2.0, -12.34, 1234.5, 0.00012, 1e9, f64::NAN].map(number);
        assert_eq!(all, ["0", "0.1235", "2.0000", "-12.3", "1,235", "1.20e-4", "1.00e9", "-"]);
        assert_eq!((count(-1_234_567), count(999), count(0)), ("-1,234,567".to_owned(), "999".to_owned(), "0".to_owned()));
        assert!(STYLE.is_ascii() && !STYLE.contains("url(") && !STYLE.contains('<'));
    }
}
