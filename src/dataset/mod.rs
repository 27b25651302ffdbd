//! Data on its way to a model: typed columns, encoders, splits, interactions.

pub mod attributes;
pub mod encode;
pub mod event;
pub mod event_context;
pub mod event_weights;
pub mod frame;
pub mod groups;
pub mod id;
pub mod input;
pub mod interactions;
pub mod mixed;
pub mod pairs;
pub mod profile;
pub mod recognise;
mod row_hash;
pub mod snapshot;
pub mod split;
pub mod step;
pub mod texts;
pub mod value_type;
pub mod vocabulary;

pub use attributes::{Attribute, Described, attributes};
pub use encode::Encoder;
pub use event::Event;
pub use event_context::{Codes, EventContext};
pub use event_weights::event_weights;
pub use frame::{Cell, Column, Frame, Labels, MISSING_CODE, MISSING_TIME, Values};
pub use id::{Id, IdKind};
pub use input::{Family, Input, Key};
pub use interactions::{EventColumns, Interactions, Skipped};
pub use pairs::Pairs;
pub use snapshot::Snapshot;
pub use step::{SESSION_GAP, Step};
pub use texts::{TextRows, Texts};
pub use value_type::ValueType;
pub use vocabulary::Vocabulary;
