//! Events of some data as a model knows them: its items by their ids, its codes of the context.

use crate::base::number::AsIndex;
use crate::dataset::event_context::Recoding;
use crate::dataset::{Event, EventContext, Interactions, Vocabulary};

/// How the events of some data become those of a model.
#[derive(Debug)]
pub struct Known {
    /// The model's index of each item of the data; none for those that it does not know.
    pub items: Vec<Option<u32>>,
    codes: Recoding,
}

impl Known {
    /// From `data` to a model of these `items` and `context`.
    pub fn new(data: &Interactions, items: &Vocabulary, context: &EventContext) -> Self {
        let find = |i| items.find(&data.items.id(i));
        let mut known: Vec<Option<u32>> = (0..data.items.len() as u32).map(find).collect();
        // An id may be spelled now as it was not when the model learned; the data know its other spellings.
        for i in (0..items.len() as u32).filter(|_| data.items.has_others()) {
            if let Some(own) = data.items.find(&items.id(i)) {
                known[own.index()].get_or_insert(i);
            }
        }
        Self { items: known, codes: data.context.recode(context) }
    }

    /// The event, where the model knows its item.
    pub fn event(&self, e: &Event) -> Option<Event> {
        self.items[e.item.index()].map(|item| Event { item, context: self.codes.of(e.context), ..*e })
    }

    /// Those of a history that the model knows.
    pub fn events(&self, history: &[Event]) -> Vec<Event> {
        history.iter().filter_map(|e| self.event(e)).collect()
    }
}
