//! What a list holds, whatever scored it: without Postgres, on a model of 24 items.

#![allow(clippy::unwrap_used)]

use pg_affinity::base::{Error, Result};
use pg_affinity::dataset::{Column, Frame, IdKind, Interactions, Values};
use pg_affinity::serve::list::{ListRequest, Surroundings, choose};
use pg_affinity::serve::recommender::Recommender;
use pg_affinity::serve::rerank::Options;
use pg_affinity::train::recommender::fit;
use pg_affinity::train::recommender_params::Request;
use serde_json::json;
use shared::{category, columns, with};
use std::cell::RefCell;

mod shared;

const ITEMS: usize = 24;

/// 60 users who go round the even or the odd items.
fn model() -> Recommender {
    let rows: Vec<(usize, usize)> = (0..60).flat_map(|u| (0..8).map(move |s| (u, (u + 2 * s) % ITEMS))).collect();
    let text = |of: fn(&(usize, usize)) -> usize| rows.iter().map(|r| of(r).to_string()).collect::<Vec<_>>();
    let at = Column { name: "at".into(), values: Values::Time((0..rows.len() as i64).collect()) };
    let frame = Frame::new(vec![category("user_id", &text(|r| r.0)), category("item_id", &text(|r| r.1)), at]).unwrap();
    with(2, 1, |ctx| {
        let (data, _) = Interactions::from_frame(&frame, &columns(), IdKind::Integer, IdKind::Integer, ctx).unwrap();
        let trained = fit(&data, &Request::new("item_knn", &json!({})).unwrap(), 0, None, ctx).unwrap();
        Recommender::load(&trained.state, &trained.tensors).unwrap()
    })
}

/// A user of whom `seen` was read, and who had `before` as well.
#[derive(Default)]
struct User {
    seen: Vec<u32>,
    before: Vec<u32>,
    looked_up: RefCell<usize>,
    supplied: RefCell<Vec<u32>>,
}

impl Surroundings for User {
    fn seen(&self) -> &[u32] {
        &self.seen
    }
    fn has_older(&self) -> bool {
        !self.before.is_empty()
    }
    fn had(&self, items: &[u32]) -> Result<Vec<u32>> {
        *self.looked_up.borrow_mut() += 1;
        Ok(items.iter().copied().filter(|i| self.seen.contains(i) || self.before.contains(i)).collect())
    }
    fn supply(&self, items: &[u32]) -> Result<()> {
        self.supplied.borrow_mut().extend(items);
        Ok(())
    }
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Item `i` has the score −i: the list of all is 0, 1, 2 …
fn scores() -> Vec<f32> {
    (0..ITEMS).map(|i| -(i as f32)).collect()
}

fn items(model: &Recommender, request: &ListRequest, user: &User) -> Vec<u32> {
    choose(model, &scores(), request, user).unwrap().into_iter().map(|(i, _)| i).collect()
}

#[test]
fn only_what_is_asked_for_is_shown() {
    let (model, user) = (model(), User { seen: vec![1, 3], ..User::default() });
    let of = |request: ListRequest| items(&model, &ListRequest { k: 4, ..request }, &user);
    assert_eq!(of(ListRequest::default()), [0, 1, 2, 3]);
    assert_eq!(of(ListRequest { exclude_seen: true, ..ListRequest::default() }), [0, 2, 4, 5]);
    assert_eq!(of(ListRequest { among: Some(vec![9, 3, 20, 9]), ..ListRequest::default() }), [3, 9, 20]);
    assert_eq!(of(ListRequest { among: Some(vec![9, 3]), exclude: vec![9], exclude_seen: true, ..ListRequest::default() }), [0u32; 0]);
    assert_eq!(of(ListRequest { among: Some(Vec::new()), ..ListRequest::default() }), [0u32; 0]);
    assert_eq!(items(&model, &ListRequest::default(), &user), [0u32; 0]);
    assert_eq!(items(&model, &ListRequest { k: 1000, exclude: vec![0], ..ListRequest::default() }, &user).len(), ITEMS - 1);
    assert_eq!(*user.looked_up.borrow(), 0, "all events were read");
}

#[test]
fn what_a_user_had_before_is_looked_up_as_far_as_the_list_needs_it() {
    let model = model();
    let user = User { seen: vec![0], before: (1..22).collect(), ..User::default() };
    assert_eq!(items(&model, &ListRequest { k: 2, exclude_seen: true, ..ListRequest::default() }, &user), [22, 23]);
    let once = User { seen: vec![0], before: vec![1, 2], ..User::default() };
    assert_eq!(items(&model, &ListRequest { k: 3, exclude_seen: true, ..ListRequest::default() }, &once), [3, 4, 5]);
    assert_eq!(*once.looked_up.borrow(), 1);
    let all = User { before: (0..24).collect(), ..User::default() };
    assert!(items(&model, &ListRequest { k: 5, exclude_seen: true, ..ListRequest::default() }, &all).is_empty());
}

#[test]
fn a_share_of_the_list_is_new() {
    let model = model();
    let user = User { seen: vec![0, 1, 2], before: vec![3, 4], ..User::default() };
    let options = Options { new_share: 0.5, ..Options::default() };
    let list = items(&model, &ListRequest { k: 4, options, ..ListRequest::default() }, &user);
    assert_eq!(list, [0, 1, 5, 6], "two of four are none that the user had, now or before");
}

#[test]
fn a_diverse_list_asks_for_likeness_of_its_candidates_alone() {
    let (model, user) = (model(), User::default());
    let options = Options { diversity: 0.5, ..Options::default() };
    let list = items(&model, &ListRequest { k: 3, options, exclude: vec![0], ..ListRequest::default() }, &user);
    assert_eq!((list.len(), list[0]), (3, 1));
    assert!(!user.supplied.borrow().is_empty() && !user.supplied.borrow().contains(&0));
    let long = choose(&model, &scores(), &ListRequest { k: 5000, options, ..ListRequest::default() }, &user);
    assert!(matches!(long, Err(Error { code: pg_affinity::base::Code::InvalidParameter, .. })));
}

#[test]
fn a_request_says_which_items_come_into_question() {
    let request = ListRequest { exclude: vec![7, 2], exclude_seen: true, among: Some(vec![9, 7, 9, 1]), ..ListRequest::default() };
    let left_out = request.left_out(&[5, 1]);
    assert_eq!(left_out, [1, 2, 5, 7]);
    assert_eq!(request.candidates(&left_out), Some(vec![9]));
    assert_eq!(ListRequest::default().candidates(&[]), None);
}
