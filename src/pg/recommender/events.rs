//! The relation of a recommender's events: which columns are which, and the SQL that reads all of them or one user's.

use crate::base::number::AsReal;
use crate::base::{Budget, Code, Error, Result};
use crate::dataset::{Event, EventColumns, IdKind, Interactions, Skipped, Values, event_context};
use crate::pg::backend::interrupts;
use crate::pg::backend::text::quote;
use crate::pg::datum::value_form::Form;
use crate::pg::query::id_type::{self, IdType, Recorded, id_kind, id_text};
use crate::pg::query::relation::{Attribute, Relation, Source};
use crate::pg::query::scan;
use crate::pg::recommender::user_range::UserRange;
use crate::train::Family;
use pgrx::pg_sys;
use std::collections::BTreeMap;

/// Where a model's events are; stored with its call.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct EventSource {
    /// The relation's schema.
    pub schema: String,
    /// Its name.
    pub relation: String,
    /// The role that owned it when the model was trained.
    pub owner: String,
    /// The user's id.
    pub user_col: String,
    /// The item's id.
    pub item_col: String,
    /// When.
    pub time_col: Option<String>,
    /// What an event counts.
    pub weight_col: Option<String>,
    /// Its type.
    pub event_col: Option<String>,
    /// What an event of a type counts.
    pub event_weights: Option<BTreeMap<String, f32>>,
    /// Where bare names were found at training: for what stands behind the relation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search_path: Vec<String>,
    /// What else an event may be known by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<String>,
    /// With a version: the type of the users' ids, where these may be equal and their texts not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_type: Option<Recorded>,
    /// The same of the items' ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_type: Option<Recorded>,
}

/// The SQL for one user's events and what its columns are, in this order: item, then time, weight, type and context
/// where there are any, then the user as spelled in the relation where `users_as` is a type.
pub(crate) struct LiveQuery {
    /// With the user as `$1`.
    pub sql: String,
    /// The same without the cut: all of the user's events.
    pub whole: String,
    /// The same without the latest-first cut, for those of `$2` (an array of items) only: the items among them that the user ever had.
    pub seen: String,
    /// All users' events: the same columns, NULLs among them, then the user. Without what puts them in order.
    everyone: String,
    /// What puts the rows of each user together, and the users in the order of their ids.
    user_key: String,
    /// What puts a user's events in order, oldest first; empty without times.
    by_time: String,
    /// The type of `$1`.
    pub user_type: pg_sys::Oid,
    /// What user ids are.
    pub users: IdKind,
    /// The type by which they are equal, where it is not by their text.
    pub users_as: Option<IdType>,
    /// Whether `$1` must be a number in text form.
    pub numeric_user: bool,
    /// What item ids are.
    pub items: IdKind,
    /// The type of which the items' column is, where they are not equal by their text: values of it are read then.
    pub items_as: Option<IdType>,
    /// The time column's type, where there is one.
    pub time: Option<pg_sys::Oid>,
    /// Of each column of context, whether it is read as a number; else as text.
    pub context: Vec<bool>,
}

impl EventSource {
    /// The relation as it is recorded.
    pub(crate) fn source(&self) -> Source {
        Source { schema: self.schema.clone(), name: self.relation.clone(), owner: self.owner.clone() }
    }

    /// The columns in their order (user, item, time, weight, type), each of a type that can serve.
    fn columns<'r>(&self, relation: &'r Relation) -> Result<Parts<'r>> {
        if self.user_col == self.item_col {
            return Err(Error::new(Code::InvalidParameter, "user_col and item_col are the same column")
                .detail(format!("Both are \"{}\".", self.user_col))
                .hint("Name the column with the user's id and the one with the item's: user_col => '…', item_col => '…'."));
        }
        if self.context.len() > event_context::MOST {
            return Err(event_context::too_many(self.context.len()));
        }
        let find = |c: &Option<String>| c.as_deref().map(|c| relation.column(c)).transpose();
        let parts = Parts {
            user: relation.column(&self.user_col)?,
            item: relation.column(&self.item_col)?,
            time: find(&self.time_col)?,
            weight: find(&self.weight_col)?,
            event: find(&self.event_col)?,
            context: self.context.iter().map(|c| relation.column(c)).collect::<Result<_>>()?,
        };
        let family = |a: &Attribute| a.form.map(Form::family);
        let instant = |t: &&Attribute| t.form.is_some_and(|f| f.is_instant() || f.is_number());
        if let Some(t) = parts.time.filter(|t| !instant(t)) {
            return Err(wrong_type("time_col", t, "a date, a timestamp or a number (in seconds)"));
        }
        if let Some(w) = parts.weight.filter(|w| !(is_number(w) || family(w) == Some(Family::Bool))) {
            return Err(wrong_type("weight_col", w, "a number"));
        }
        self.check_context(&parts.context)?;
        if self.event_weights.is_some() && parts.event.is_none() {
            return Err(Error::new(Code::InvalidParameter, "event_weights needs event_col")
                .hint("Say event_col => '…': the column that holds the type of each event."));
        }
        Ok(parts)
    }

    /// Whether these columns can be the context of an event.
    fn check_context(&self, context: &[&Attribute]) -> Result<()> {
        for (at, a) in context.iter().enumerate() {
            let taken = [("user_col", Some(&self.user_col)), ("item_col", Some(&self.item_col)), ("time_col", self.time_col.as_ref())];
            let again = self.context[..at].contains(&a.name).then_some("context");
            if let Some(other) = taken.into_iter().find(|t| t.1 == Some(&a.name)).map(|t| t.0).or(again) {
                return Err(Error::new(Code::InvalidParameter, format!("column \"{}\" is named twice", a.name))
                    .detail(format!("It is in parameter \"context\" and in {other}."))
                    .hint("Name in \"context\" what else is known of an event: the store, the channel, the discount."));
            }
            if !(is_number(a) || matches!(a.form.map(Form::family), Some(Family::Text | Family::Bool))) {
                return Err(wrong_type("context", a, "texts, numbers and booleans"));
            }
        }
        Ok(())
    }

    /// All events, by the caller's rights. `absent`: types of `event_weights` that no event has are no error.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], [`Code::WrongType`], [`Code::Data`]; what the scan raises.
    pub(crate) fn read(&self, relation: &Relation, seed: u64, absent: bool, budget: &Budget) -> Result<(Interactions, Skipped)> {
        self.read_some(relation, &[], (seed, absent), budget)
    }

    /// A condition that is true of the events of so large a share of the users, by a hash of their ids.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`].
    pub(crate) fn of_some_users(&self, relation: &Relation, share: f64) -> Result<String> {
        let user = id_text(relation.column(&self.user_col)?);
        Ok(format!(
            "pg_catalog.hashtextextended({user}::pg_catalog.text, 0) OPERATOR(pg_catalog.<) {}::pg_catalog.int8",
            // Hashes are as often below 0 as above.
            ((share - 0.5) * u64::MAX.real()) as i64
        ))
    }

    /// As [`EventSource::read`], of the events of which all `conditions` are true.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn read_some(
        &self,
        relation: &Relation,
        conditions: &[String],
        (seed, absent): (u64, bool),
        budget: &Budget,
    ) -> Result<(Interactions, Skipped)> {
        let p = self.columns(relation)?;
        let text = |a: &Attribute, name: &str| format!("{}::pg_catalog.text AS {name}", quote(&a.name));
        let mut list = vec![format!("{} AS u", id_text(p.user)), format!("{} AS i", id_text(p.item))];
        let mut columns = EventColumns {
            user: "u".into(),
            item: "i".into(),
            event_weights: self.event_weights.clone(),
            absent,
            ..EventColumns::default()
        };
        if let Some(t) = p.time {
            list.push(format!("{} AS t", quote(&t.name)));
            columns.time = Some("t".into());
        }
        if let Some(w) = p.weight {
            list.push(format!("{} AS w", quote(&w.name)));
            columns.weight = Some("w".into());
        }
        if let Some(e) = p.event {
            list.push(text(e, "e"));
            columns.event = Some("e".into());
        }
        for (n, c) in p.context.iter().enumerate() {
            let name = format!("context{n}");
            list.push(format!("{} AS {name}", context_value(c)));
            columns.context.push(name);
        }
        let (user_type, item_type) = (IdType::of(p.user), IdType::of(p.item));
        let pinned = user_type.or(item_type).map(|_| id_type::pinned());
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let sql = format!("SELECT {} FROM {}{filter}", list.join(", "), relation.sql());
        let (frame, booked) = scan::query(&sql, size_of::<(u32, Event)>(), budget)?;
        drop(pinned);
        let same = |t: Option<IdType>, column: &str| match (t, &frame.column(column)?.values) {
            (Some(t), Values::Category { levels, .. }) => t.first_equal(levels).map(Some),
            _ => Ok(None),
        };
        (columns.same_users, columns.same_items) = (same(user_type, "u")?, same(item_type, "i")?);
        let (users, items) = (id_kind(p.user), id_kind(p.item));
        let read = interrupts::run(seed, budget, |_| {}, move |ctx| Interactions::from_frame(&frame, &columns, users, items, ctx));
        drop(booked);
        read
    }

    /// With the types of the ids of `relation`, for a version to be served by.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`]; what reading the catalogues raises.
    pub(crate) fn typed(self, relation: &Relation) -> Result<Self> {
        let recorded = |column: &str| IdType::of(relation.column(column)?).map(IdType::record).transpose();
        let (user_type, item_type) = (recorded(&self.user_col)?, recorded(&self.item_col)?);
        Ok(Self { user_type, item_type, ..self })
    }

    /// The type of the items' ids, where it is that, not their text, which says which are equal.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`].
    pub(crate) fn items_as(&self, relation: &Relation) -> Result<Option<IdType>> {
        relation.column(&self.item_col).map(IdType::of)
    }

    /// The query for one user's latest `limit` events.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], [`Code::WrongType`] when the relation has changed.
    pub(crate) fn live(&self, relation: &Relation, limit: usize) -> Result<LiveQuery> {
        let p = self.columns(relation)?;
        let items = id_kind(p.item);
        let (users_as, items_as) = (IdType::of(p.user), IdType::of(p.item));
        let item = match (items, items_as) {
            (IdKind::Integer, _) => format!("{}::pg_catalog.int8", quote(&p.item.name)),
            (_, Some(_)) => quote(&p.item.name),
            _ => format!("{}::pg_catalog.text", quote(&p.item.name)),
        };
        let (among, item_equals) = match items_as {
            Some(t) => (format!("$2::{}[]", t.sql()), t.equals()?),
            None => (format!("$2::pg_catalog.{}[]", if items == IdKind::Integer { "int8" } else { "text" }), EQUALS.to_owned()),
        };
        let mut list = vec![item.clone()];
        let mut by_time = String::new();
        let mut filter = format!("{} AND {} IS NOT NULL", user_is(p.user, users_as)?, quote(&p.item.name));
        let mut order = String::new();
        if let Some(t) = p.time {
            let time = quote(&t.name);
            list.push(time.clone());
            filter.push_str(&format!(" AND {time} IS NOT NULL"));
            order = format!(" ORDER BY {time} DESC");
            by_time = format!(", {time}");
        }
        if let Some(w) = p.weight {
            list.push(double(w));
        }
        if let Some(e) = p.event {
            list.push(format!("{}::pg_catalog.text", quote(&e.name)));
        }
        list.extend(p.context.iter().map(|c| context_value(c)));
        let from = format!("FROM {} WHERE {filter}", relation.sql());
        let (user, by_user) = user_text(p.user, users_as, relation);
        let all = format!("SELECT {}, {user} FROM {} WHERE {} IS NOT NULL", list.join(", "), relation.sql(), quote(&p.user.name));
        list.extend(users_as.map(|_| user));
        Ok(LiveQuery {
            sql: format!("SELECT {} {from}{order} LIMIT {limit}", list.join(", ")),
            whole: format!("SELECT {} {from}", list.join(", ")),
            seen: format!("SELECT DISTINCT {item} {from} AND {item} {item_equals} ANY ({among})"),
            everyone: all,
            user_key: by_user,
            by_time,
            user_type: if id_kind(p.user) == IdKind::Integer { pg_sys::INT8OID } else { pg_sys::TEXTOID },
            users: id_kind(p.user),
            users_as,
            numeric_user: p.user.form == Some(Form::Numeric),
            items,
            items_as,
            time: p.time.map(|t| t.typ),
            context: p.context.iter().map(|c| is_measure(c)).collect(),
        })
    }
}

impl LiveQuery {
    /// The events of the users of a range, user by user and oldest first.
    ///
    /// # Errors
    /// Those of [`UserRange::condition`].
    pub(crate) fn everyone(&self, range: &UserRange) -> Result<String> {
        let condition = range.condition(&self.user_key, self.users, self.users_as)?;
        Ok(format!("{}{condition} ORDER BY {}{}", self.everyone, self.user_key, self.by_time))
    }
}

struct Parts<'r> {
    user: &'r Attribute,
    item: &'r Attribute,
    time: Option<&'r Attribute>,
    weight: Option<&'r Attribute>,
    event: Option<&'r Attribute>,
    context: Vec<&'r Attribute>,
}

/// Whether a column holds numbers or money.
fn is_number(a: &Attribute) -> bool {
    a.form.is_some_and(|f| f.is_number() || f == Form::Money)
}

/// A column of numbers as double precision.
fn double(a: &Attribute) -> String {
    let by_way_of = match a.form {
        Some(Form::Bool) => "::pg_catalog.int4",
        Some(Form::Money) => "::pg_catalog.numeric",
        _ => "",
    };
    format!("{}{by_way_of}::pg_catalog.float8", quote(&a.name))
}

/// Whether a column of context is a number that is more or less; whole numbers are ids of something.
fn is_measure(a: &Attribute) -> bool {
    is_number(a) && !matches!(a.form, Some(Form::Int2 | Form::Int4 | Form::Int8))
}

/// A column of context as it is read.
fn context_value(a: &Attribute) -> String {
    if is_measure(a) { double(a) } else { format!("{}::pg_catalog.text", quote(&a.name)) }
}

const EQUALS: &str = "OPERATOR(pg_catalog.=)";

/// `column = $1` such that an index on the column can serve: the parameter is cast, not the column, where the type allows.
fn user_is(a: &Attribute, typ: Option<IdType>) -> Result<String> {
    let column = quote(&a.name);
    if let Some(t) = typ {
        return Ok(format!("{column} {} $1::{}", t.equals()?, t.sql()));
    }
    let cast = match a.form {
        Some(Form::Int2 | Form::Int4 | Form::Int8 | Form::Text | Form::Name) => "",
        Some(Form::Uuid) => "::pg_catalog.uuid",
        _ => return Ok(format!("{column}::pg_catalog.text {EQUALS} $1")),
    };
    Ok(format!("{column} {EQUALS} $1{cast}"))
}

/// A user's id as it is read, bigint or text, and what puts the rows of each user together: the column itself where its type says which ids
/// are equal, so that an index can give the order; else the text by its bytes.
fn user_text(a: &Attribute, typ: Option<IdType>, relation: &Relation) -> (String, String) {
    let column = quote(&a.name);
    match id_kind(a) {
        IdKind::Integer => (format!("{column}::pg_catalog.int8"), column),
        IdKind::Uuid => (format!("{column}::pg_catalog.text"), column),
        // With its relation, or else ORDER BY would mean the text, which has the column's name in the result.
        IdKind::Text if typ.is_some() => (id_text(a), format!("{}.{column}", relation.sql())),
        IdKind::Text => {
            let text = id_text(a);
            let order = format!("{text} COLLATE pg_catalog.\"C\"");
            (text, order)
        }
    }
}

/// The error for a column that cannot be an argument's.
pub(super) fn wrong_type(argument: &str, a: &Attribute, needed: &str) -> Error {
    Error::new(Code::WrongType, format!("column \"{}\" has type {} and cannot be {argument}", a.name, a.type_name))
        .hint(format!("{argument} takes {needed}."))
}
