//! What describes the items of the suites' events, for kinds that learn from it.

use pg_affinity::base::Budget;
use pg_affinity::dataset::{DescribedItems, Frame, Interactions};
use std::sync::Arc;

use crate::shared::category;

/// Gives each item two columns of values: whether its number is even, and which five in a row it is among.
pub fn describe(data: &mut Interactions) {
    let ids: Vec<String> = (0..data.items.len() as u32).map(|i| data.items.id(i).to_string()).collect();
    let number = |id: &String| id.parse::<u32>().unwrap();
    let parity: Vec<String> = ids.iter().map(|i| (number(i) % 2).to_string()).collect();
    let five: Vec<String> = ids.iter().map(|i| (number(i) / 5).to_string()).collect();
    let rows: Vec<u32> = (0..).take(ids.len()).collect();
    let frame = Frame::new(vec![category("item_id", &ids), category("parity", &parity), category("five", &five)]).unwrap();
    data.described = Some(Arc::new(DescribedItems::of(&frame, &rows, &Budget::unlimited()).unwrap()));
}
