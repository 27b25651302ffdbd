//! What a model's page shows: the stored version, its learning curve, its figures, and a recommender's lists with the titles of their
//! items.

use crate::base::{Code, Epoch, Error, Result};
use crate::dataset::Vocabulary;
use crate::pg::backend::snapshot_stamp::Stamp;
use crate::pg::backend::text::{literal, quote};
use crate::pg::datum::array;
use crate::pg::datum::value_form::Form;
use crate::pg::evaluate;
use crate::pg::query::owner::as_extension;
use crate::pg::query::relation::{Attribute, Relation};
use crate::pg::query::spi::{self, Arg, Plan};
use crate::pg::recommender::serving;
use crate::pg::rows::scoring;
use crate::pg::store::cache;
use crate::pg::store::models::{self, ModelRow, VersionRow};
use crate::report::{Page, bases, curve_of, segments, stored_figures};
use crate::train::Family;
use crate::train::row_model::RowModel;
use pgrx::pg_sys;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// The page of the model called `name`: evaluated on `source` as [`evaluate::rows::figures`] does, in lists of `k`; `titles` says what a
/// recommender's items are called. The learning curve, and users' histories, are shown to whoever has the rights of the model's owner.
///
/// # Errors
/// Those of [`evaluate::rows::figures`]; what is wrong with `titles`.
pub(crate) fn page(name: &str, source: Option<pg_sys::Oid>, k: i32, titles: Option<pg_sys::Oid>) -> Result<String> {
    let found = cache::find(name, Stamp::now())?;
    let (model, version) = (&found.model, models::version(found.model.id, found.version)?);
    let owns = model.owner.held();
    let (facts, metrics) = told(&version)?;
    let mut page = Page {
        model: model.name.clone(),
        version: version.version,
        kind: version.kind.clone(),
        facts,
        epochs: if owns { epochs(&version)? } else { Vec::new() },
        no_curve: if owns { "This kind learns in one step: there is no curve." } else { "The curve is shown to the model's owner." }.into(),
        loss: loss(&metrics),
        bases: bases(&version.kind, &version.params, &metrics),
        curve_of: curve_of(&version.kind, version.call.get("params").unwrap_or(&Value::Null), &version.params, &metrics),
        documents: vec![("Parameters".into(), version.params.clone()), ("Metrics of the training".into(), metrics.clone())],
        ..Page::default()
    };
    match serving::source(&version)? {
        Some(events) => {
            lists(&mut page, model, &version, source, k, owns)?;
            let items: Vec<u32> = page.lists.iter().filter(|_| owns).flat_map(|l| l.items()).collect();
            let ready = serving::ready(name)?;
            page.names = named(ready.recommender().items(), &items, titles, &events.item_col)?;
        }
        None if titles.is_some() => {
            return Err(Error::new(Code::Unsupported, format!("model \"{name}\" scores rows: it has no items to be titled"))
                .detail(format!("Its kind is {}.", version.kind))
                .hint(format!("SELECT affinity.report({});", literal(name))));
        }
        None => rows(&mut page, &version, source, k, &metrics)?,
    }
    page.html()
}

/// The part of a recommender: its figures and lists.
fn lists(page: &mut Page, model: &ModelRow, version: &VersionRow, source: Option<pg_sys::Oid>, k: i32, owns: bool) -> Result<()> {
    let (figures, shown) = evaluate::recommender::seen(&model.name, model, version, source, k)?;
    let users = figures.first().map_or(0, |f| f.rows);
    page.measured = match source {
        Some(source) => format!("Lists of {k} for {users} users, against what they had in {}.", Relation::open(source)?.sql()),
        None if figures.is_empty() => {
            "No events were held out to evaluate this version by. Name a relation of later events: affinity.report(model, 'relation')."
                .into()
        }
        None => format!("Lists of {k} for {users} users by the model as it was before it saw their last events, against these events."),
    };
    page.no_examples = match owns {
        false => "Users' histories are shown to the model's owner.".into(),
        true if shown.examples.is_empty() => "There are no users to make lists for.".into(),
        true => String::new(),
    };
    page.figures = figures;
    page.lists = Some(shown);
    Ok(())
}

/// What the loss of a learning curve is, by the figure that versions are compared by.
fn loss(metrics: &Value) -> String {
    let name = match metrics.get("evaluated_by").and_then(Value::as_str) {
        Some("log_loss") => "log loss",
        Some("rmse") => "squared error",
        _ => "loss",
    };
    name.to_owned()
}

/// The part of a model of rows: its figures, and what they hide; the segments of one that makes such.
fn rows(page: &mut Page, version: &VersionRow, source: Option<pg_sys::Oid>, k: i32, metrics: &Value) -> Result<()> {
    let model = scoring::model(&page.model, Stamp::now())?;
    if let RowModel::Describes(features) = &*model
        && let Ok(apart) = features.apart()
    {
        page.segments = segments(apart, features.inputs());
        let tried = metrics.get("silhouettes").and_then(Value::as_object).into_iter().flatten();
        page.silhouettes = tried.filter_map(|(k, s)| Some((k.parse().ok()?, s.as_f64()?))).collect();
        page.silhouettes.sort_by_key(|s| s.0);
    }
    let Some(source) = source else {
        page.figures = metrics.as_object().map(stored_figures).unwrap_or_default();
        page.measured = if page.figures.is_empty() {
            "No rows were held out to evaluate this version by.".into()
        } else {
            let n = metrics.get("rows").and_then(Value::as_u64).map_or(String::new(), |n| format!("{n} "));
            format!(
                "As measured at training, on {n}rows that were held out. For intervals name a relation: affinity.report(model, 'relation')."
            )
        };
        if matches!(*model, RowModel::Predicts(_)) {
            page.no_diagnosis = "Calibration, what is mixed up and how much each column matters are evaluated row by row, and without a relation no rows are read. Name one: \
                                 affinity.report(model, 'relation'). The training's own may be named: rows that it held out evaluate, by networks that did not learn from them."
                .into();
        }
        return Ok(());
    };
    let seen = evaluate::rows::seen(&page.model, version, source, k)?;
    let notice = seen.notice.map_or_else(String::new, |n| format!(" Mind: {}.", n.replace(" (all_rows => true: all)", "")));
    page.measured = format!("Measured on the rows of {}.{notice}", Relation::open(source)?.sql());
    page.figures = seen.figures;
    page.diagnosis = seen.diagnosis;
    Ok(())
}

/// What is on record of a version, as facts and the metrics of its training.
fn told(version: &VersionRow) -> Result<(Vec<(String, String)>, Value)> {
    const TOLD: &str = "SELECT pg_catalog.to_char(created, 'YYYY-MM-DD HH24:MI'), rows_used, rows_skipped, seconds, metrics \
         FROM affinity.stored_versions WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2";
    let told = as_extension(|| {
        spi::first(TOLD, &[Arg::Uuid(version.model_id), Arg::Int(version.version)], |r| {
            let count = |i| r.big(i).unwrap_or(0).to_string();
            let seconds = format!("{:.1} s", r.double(4).unwrap_or(0.0));
            let facts =
                [("trained", r.text(1).unwrap_or_default()), ("took", seconds), ("rows used", count(2)), ("rows left out", count(3))];
            Ok((facts.map(|(what, value)| (what.to_owned(), value)).to_vec(), r.json(5)?))
        })
    })?;
    let (mut facts, metrics) = told.ok_or_else(|| models::unknown_version(version.model_id, version.version))?;
    let of = |path: &str| version.call.pointer(path).and_then(Value::as_str);
    if let Some((schema, name)) = of("/events/schema").or(of("/source/schema")).zip(of("/events/relation").or(of("/source/name"))) {
        facts.push(("learnt from".into(), format!("{}.{}", quote(schema), quote(name))));
    }
    if let Some(target) = of("/target") {
        facts.push(("target".into(), target.to_owned()));
    }
    Ok((facts, metrics))
}

/// The learning curve of a version.
fn epochs(version: &VersionRow) -> Result<Vec<Epoch>> {
    const EPOCHS: &str = "SELECT epoch, train_loss, valid_loss, metric, value, seconds FROM affinity.stored_epochs \
         WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2 ORDER BY epoch";
    as_extension(|| {
        spi::select(EPOCHS, &[Arg::Uuid(version.model_id), Arg::Int(version.version)], |r| {
            Ok(Epoch {
                epoch: r.int(1).and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
                train_loss: r.double(2).unwrap_or(f64::NAN),
                valid_loss: r.double(3),
                metric: r.text(4).zip(r.double(5)),
                seconds: r.double(6).unwrap_or(0.0),
            })
        })
    })
}

/// What `items` are called: their ids, and what the relation `titles` says of them, read with the caller's rights. Its column with the ids
/// is called as that of the events; the title is in its column `title` or `name`, or else in its first column of texts.
fn named(items: &Vocabulary, of: &[u32], titles: Option<pg_sys::Oid>, item_col: &str) -> Result<BTreeMap<u32, (String, Option<String>)>> {
    let mut names: BTreeMap<u32, (String, Option<String>)> = of.iter().map(|&i| (i, (items.id(i).to_string(), None))).collect();
    let Some(titles) = titles else { return Ok(names) };
    let relation = Relation::open(titles)?;
    let id = quote(&relation.column(item_col)?.name);
    let text = |c: &&Attribute| c.name != item_col && c.form.map(Form::family) == Some(Family::Text);
    let called = |name: &str| relation.columns.iter().find(|c| c.name == name && c.name != item_col);
    let title = called("title").or_else(|| called("name")).or_else(|| relation.columns.iter().find(text)).ok_or_else(|| {
        Error::new(Code::UndefinedColumn, format!("relation \"{}\" has no column with titles", relation.name))
            .detail(format!("It has no column title or name beside \"{item_col}\", and none of texts."))
            .hint("Give a view with the columns of the item's id and its title.")
    })?;
    let title = quote(&title.name);
    let query = format!(
        "SELECT {id}::pg_catalog.text, {title}::pg_catalog.text FROM {} \
         WHERE {id}::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[]) AND {title} IS NOT NULL",
        relation.sql()
    );
    let plan = Plan::new(&query, &[pg_sys::TEXTOID])?;
    let array = array::of_texts(names.values().map(|n| n.0.as_str()));
    let found = plan.select(&[Arg::Text(&array)], |r| Ok(r.text(1).zip(r.text(2))))?;
    let mut by_id: HashMap<String, String> = HashMap::new();
    for (id, title) in found.into_iter().flatten() {
        by_id.entry(id).or_insert(title);
    }
    names.values_mut().for_each(|n| n.1 = by_id.remove(&n.0));
    Ok(names)
}
