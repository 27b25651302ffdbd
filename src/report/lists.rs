//! The part of a recommender: what its lists show how often, and some lists beside what their users had.

use super::examples::{Example, Shown};
use super::markup::{Words, count, escape, figure, name};
use super::{Page, chart};
use crate::base::Result;
use crate::serve::recommender::Source;

impl Page {
    pub(super) fn exposure(&self, shown: &Shown) -> Result<String> {
        let (Some(scatter), Some(curve)) =
            (chart::exposure(&shown.popularity, &shown.shown)?, chart::concentration(&shown.popularity, &shown.shown)?)
        else {
            return Ok(String::new());
        };
        let seen = shown.shown.iter().filter(|n| **n > 0).count();
        let said = format!(
            "Of {} items {} are in any of {} lists of {}.",
            count(shown.shown.len() as i64),
            count(seen as i64),
            count(shown.lists as i64),
            shown.k
        );
        let told = format!("{said} The most popular items come first.");
        Ok(format!(
            "<h2>What it shows</h2>\n<p>{said} A model that only follows the crowd shows the popular items more than users choose them.</p>\n\
             <div class=\"charts\">\n{}{}</div>\n",
            figure(
                &scatter,
                &Words {
                    title: "Popularity against exposure",
                    told: "Across: how many users have an item. Up: how many lists show it. Both axes are logarithmic.",
                    keys: &[],
                    said: "Each item by how many users have it and how many lists show it; larger dots are several items."
                }
            ),
            figure(
                &curve,
                &Words {
                    title: "Concentration of lists and of choices",
                    told: &told,
                    keys: &["places in lists", "what users have"],
                    said: "the share that goes to the most popular items."
                }
            )
        ))
    }

    pub(super) fn examples(&self, shown: &Shown) -> String {
        let mut out = "<h2>Lists beside histories</h2>\n".to_owned();
        if shown.examples.is_empty() || !self.no_examples.is_empty() {
            out.push_str(&format!("<p>{}</p>\n", escape(&self.no_examples)));
            return out;
        }
        out.push_str("<div class=\"users\">\n");
        shown.examples.iter().for_each(|e| out.push_str(&self.example(e)));
        out.push_str("</div>\n");
        out
    }

    fn example(&self, e: &Example) -> String {
        let item = |i: u32| match self.names.get(&i) {
            Some((_, Some(title))) => name(title),
            Some((id, None)) => name(id),
            None => String::new(),
        };
        let had = e
            .history
            .iter()
            .map(|&(i, n)| if n > 1 { format!("<li>{} &times; {n}</li>", item(i)) } else { format!("<li>{}</li>", item(i)) });
        let list = e.list.iter().map(|l| {
            let class = match (l.found, l.had) {
                (true, _) => " class=\"hit\"",
                (false, true) => " class=\"had\"",
                (false, false) => "",
            };
            format!("<li{class}>{}</li>", item(l.item))
        });
        let next = e
            .next
            .iter()
            .map(|&i| format!("<li{}>{}</li>", if e.list.iter().any(|l| l.item == i) { " class=\"hit\"" } else { "" }, item(i)));
        let more = |shown: usize, all: usize| {
            if all > shown { format!("<p class=\"quiet\">and {} more</p>", count((all - shown) as i64)) } else { String::new() }
        };
        let source = match e.source {
            Source::History => "",
            Source::NoEvents | Source::NothingKnown => " (what is popular)",
        };
        let next = if e.relevant == 0 {
            String::new()
        } else {
            format!("<div><h4>Had next</h4><ul>{}</ul>{}</div>", next.collect::<String>(), more(e.next.len(), e.relevant))
        };
        format!(
            "<section class=\"user\"><h3>User {}</h3><div class=\"sides\"><div><h4>Had, latest first</h4><ul>{}</ul>{}</div>\
             <div><h4>List{source}</h4><ol>{}</ol></div>{next}</div></section>\n",
            name(&e.user.to_string()),
            had.collect::<String>(),
            more(e.history.len(), e.items),
            list.collect::<String>(),
        )
    }
}
