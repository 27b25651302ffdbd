use super::*;

fn row(baseline: Option<&str>, metric: &str, value: f64, interval: bool) -> MetricRow {
    let at = |by: f64| interval.then_some(value + by);
    MetricRow {
        baseline: baseline.map(str::to_owned),
        metric: metric.into(),
        k: Some(20),
        value,
        low: at(-0.01),
        high: at(0.01),
        rows: 321,
    }
}

fn example() -> Example {
    Example {
        user: crate::dataset::Id::Text("<b>u&1</b>".into()),
        history: vec![(0, 3), (1, 1)],
        items: 14,
        list: vec![Listed { item: 2, had: false, found: true }, Listed { item: 1, had: true, found: false }],
        next: vec![2],
        relevant: 2,
        source: crate::serve::recommender::Source::History,
    }
}

fn page() -> Page {
    let epoch = |n: u32| Epoch {
        epoch: n,
        train_loss: 1.0 / f64::from(n),
        valid_loss: Some(1.1 / f64::from(n)),
        metric: Some(("ndcg@20".into(), 0.1 * f64::from(n))),
        seconds: 0.5,
    };
    let names = [(0, "\"><script>alert(1)</script>", None), (1, "tea", Some("T\u{e9}a")), (2, "cup", None)];
    Page {
        model: "<script>m</script>".into(),
        version: 3,
        kind: "mult_vae".into(),
        facts: vec![("trained".into(), "today & <now>".into())],
        epochs: (1..=5).map(epoch).collect(),
        no_curve: "No epochs.".into(),
        figures: vec![
            row(None, "recall", 0.25, true),
            row(None, "coverage", 0.5, false),
            row(Some("popularity"), "recall", 0.125, true),
            row(Some("popularity"), "coverage", 0.01, false),
        ],
        measured: "On held-out events.".into(),
        lists: Some(Shown { examples: vec![example()], shown: vec![40, 0, 7], popularity: vec![90.0, 3.0, 1.0], lists: 47, k: 20 }),
        no_examples: String::new(),
        names: names.into_iter().map(|(i, id, title)| (i, (id.to_owned(), title.map(str::to_owned)))).collect(),
        documents: vec![("Parameters".into(), serde_json::json!({"a<b": "</pre><script>"}))],
        ..Page::default()
    }
}

/// Elements stand inside each other: every one that is opened is closed in its turn.
fn nested(html: &str) -> Vec<String> {
    let (mut open, mut seen): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for tag in html.split('<').skip(1).filter_map(|t| t.split_once('>').map(|x| x.0)).filter(|t| !t.starts_with('!')) {
        let word = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap().to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(word));
        } else {
            seen.push(word.clone());
            if !tag.ends_with('/') && word != "meta" {
                open.push(word);
            }
        }
    }
    assert!(open.is_empty(), "{open:?} stay open");
    seen
}

#[test]
fn a_page_shows_everything_and_nothing_of_it_can_run() {
    let html = page().html().unwrap();
    assert!(html.is_ascii());
    let tags = nested(&html);
    assert!(!tags.iter().any(|t| ["script", "b", "link", "img", "iframe", "object"].contains(&t.as_str())), "{tags:?}");
    assert!(!html.contains("http://") || html.matches("http://").count() == html.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    assert!(!html.contains("https://") && !html.contains("url("));
    // Loss, what was watched, intervals, popularity against exposure, concentration.
    assert_eq!(tags.iter().filter(|t| *t == "svg").count(), 5);
    for part in [
        "&lt;script&gt;m&lt;/script&gt;",
        "<th scope=\"row\" role=\"rowheader\"><bdi>recall</bdi>@20<span class=\"way\">&#8593; higher is better</span><small class=\"what\">Of what is to be found",
        "<td role=\"cell\" class=\"win\" data-label=\"&lt;script&gt;m&lt;/script&gt;\"><span>0.2500 <small>0.2400 to 0.2600</small></span></td>\
         <td role=\"cell\" data-label=\"popularity\"><span>0.1250 <small>0.1150 to 0.1350</small></span></td><td role=\"cell\" data-label=\"measured on\">321</td>",
        "<svg role=\"img\" aria-label=\"ndcg@20 over epochs\" ",
        "<title>Loss over epochs</title>\n<desc>From 1.0000 at epoch 1 to 0.2000 at epoch 5.</desc>",
        "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</bdi> &times; 3</li>",
        "User <bdi>&lt;b&gt;u&amp;1&lt;/b&gt;</bdi>",
        "<ol><li class=\"hit\"><bdi>cup</bdi></li><li class=\"had\"><bdi>T&#233;a</bdi></li></ol>",
        "<ul><li class=\"hit\"><bdi>cup</bdi></li></ul><p class=\"quiet\">and 1 more</p>",
        "and 12 more",
        "Of 3 items 2 are in any of 47 lists of 20.",
        "&lt;/pre&gt;&lt;script&gt;",
        "ndcg@20",
        "<polyline",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
}

#[test]
fn what_is_not_there_is_said() {
    let bare = Page { no_examples: "Not for you.".into(), epochs: Vec::new(), figures: Vec::new(), ..page() };
    let html = bare.html().unwrap();
    nested(&html);
    assert!(html.contains("No epochs.") && html.contains("Not for you.") && !html.contains("User <bdi>"));
    let html = Page { lists: None, ..Page::default() }.html().unwrap();
    nested(&html);
    assert!(!html.contains("<svg"));
}

#[test]
fn odd_numbers_draw_too() {
    let odd = [f64::NAN, f64::INFINITY, 1e300, -1e29, 0.0, 5.0];
    for a in odd {
        for b in odd {
            let one = |n: u32, x: f64| Epoch { epoch: n, train_loss: x, valid_loss: Some(b), metric: Some(("x".into(), a)), seconds: a };
            let figures = vec![row(None, "m", a, true), row(Some("other"), "m", b, true), row(None, "n", 0.5, true)];
            let shown = Shown { shown: vec![0, 1], popularity: vec![a as f32, b as f32], ..Shown::default() };
            for epochs in [vec![one(1, a)], vec![one(1, a), one(1_000_000, b)]] {
                nested(&Page { epochs, figures: figures.clone(), lists: Some(shown.clone()), ..page() }.html().unwrap());
            }
        }
    }
    let none = Shown { shown: vec![0; 3], popularity: vec![0.0; 3], ..Shown::default() };
    nested(&Page { lists: Some(none), ..page() }.html().unwrap());
}

#[test]
fn stored_metrics_are_figures_by_their_path() {
    let metrics =
        serde_json::json!({"auc": 0.9, "columns": {"price": {"r2": 0.5}}, "kind": "x", "baseline": {"logistic": {"auc": 0.8}, "note": 1}});
    let rows: Vec<_> = stored_figures(metrics.as_object().unwrap()).into_iter().map(|r| (r.baseline, r.metric, r.value)).collect();
    let expected = [(None, "auc", 0.9), (None, "columns.price.r2", 0.5), (Some("logistic"), "auc", 0.8)];
    assert_eq!(rows, expected.map(|(b, m, v)| (b.map(str::to_owned), m.to_owned(), v)));
}

#[test]
fn the_simple_model_of_a_training_stands_beside_it() {
    let metrics = serde_json::json!({"auc": 0.9, "rows": 50, "epochs": 3, "evaluated_by": "log_loss", "baseline": {"auc": 0.8, "kind": "logistic"},
        "average": {"log_loss": 0.7}, "silhouettes": {"2": 0.3}});
    let rows: Vec<_> = stored_figures(metrics.as_object().unwrap()).into_iter().map(|r| (r.baseline, r.metric, r.value)).collect();
    let expected = [(None, "auc", 0.9), (Some("logistic"), "auc", 0.8), (Some("average"), "log_loss", 0.7)];
    assert_eq!(rows, expected.map(|(b, m, v)| (b.map(str::to_owned), m.to_owned(), v)));
}

#[test]
fn errors_have_axes_of_their_own() {
    let of = |metric: &str| [row(None, metric, 0.5, true), row(Some("logistic"), metric, 0.6, true)];
    let figures: Vec<MetricRow> = ["log_loss", "auc", "accuracy", "brier"].iter().flat_map(|m| of(m)).collect();
    let drawn = chart::intervals(&figures, Some("logistic")).unwrap();
    assert_eq!(drawn.iter().map(|d| d.0.as_deref()).collect::<Vec<_>>(), [None, Some("log_loss@20"), Some("brier@20")]);
    assert!(drawn[0].1.contains("auc") && !drawn[0].1.contains("log_loss") && drawn[1].1.contains("log_loss"));
    assert!(chart::intervals(&[row(None, "auc", 0.5, false)], None).unwrap().is_empty());
}

#[test]
fn what_is_watched_has_an_axis_of_its_own() {
    let drawn = |page: &Page| page.html().unwrap().matches("held out</bdi>").count();
    let mut page = page();
    assert_eq!(drawn(&page), 0);
    page.epochs.iter_mut().for_each(|e| e.metric = None);
    assert_eq!(drawn(&page), 1);
}

#[test]
fn a_blend_names_its_bases_and_whose_curve_it_is() {
    let base = |kind: &str, weight, alone| Base { kind: kind.into(), weight, alone, without: None };
    let bases = vec![base("ease", 0.75, Some(0.2)), base("<als>", 0.25, None)];
    let html = Page { kind: "blend".into(), bases, curve_of: Some("als".into()), ..page() }.html().unwrap();
    nested(&html);
    for part in [
        "weight 0.7500 (75 %); alone its NDCG is 0.2000",
        "<bdi>&lt;als&gt;</bdi>",
        "This is the curve of <bdi>als</bdi>",
        "<title>Loss of als over epochs</title>",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn segments_are_drawn_with_what_sets_them_apart() {
    use crate::dataset::{Family, Input, ValueType};
    use crate::train::features::Apart;
    let input = |name: &str, family| Input { name: name.into(), family, value_type: ValueType::Plain, key: None };
    let inputs = [input("city", Family::Text), input("spend", Family::Number), input("new", Family::Bool), input("since", Family::Time)];
    let line = |segment: &str, rows, column: &str, mean, overall, effect| Apart {
        segment: segment.into(),
        rows,
        column: column.into(),
        mean,
        overall,
        effect,
    };
    let apart = vec![
        line("1", 600, "city = </style><script>", 1.0, 0.25, 1.5),
        line("1", 600, "spend", 12.5, 100.0, -0.75),
        line("1", 600, "since", 2020.25, 2022.5, -0.5),
        line("1", 600, "new", 0.5, 0.5, 0.0),
        line("2", 200, "new", 0.9, 0.5, 9.0),
    ];
    let page = Page { segments: segments(apart, &inputs), silhouettes: vec![(2, 0.7), (3, 0.4)], lists: None, ..page() };
    let html = page.html().unwrap();
    assert!(!nested(&html).contains(&"script".to_owned()));
    for part in [
        "2 groups of 800 rows",
        "600 rows, 75 %</span>",
        "<bdi>city = &lt;/style&gt;&lt;script&gt;</bdi>",
        "left:50.0%;width:37.5%",
        "100 % here, 25 % over all: 1.5 sd above",
        "12.5 here, 100.0 over all: 0.8 sd below",
        "2020.2 here, 2022.5 over all",
        // A bar ends at two deviations.
        "left:50.0%;width:50.0%",
        "90 % here, 50 % over all: 9.0 sd above",
        "<span class=\"of\">2 segments</span>",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    // What hardly differs sets nothing apart.
    assert!(!html.contains("0.0 sd"));
}

#[cfg(test)]
mod rows_tests;
