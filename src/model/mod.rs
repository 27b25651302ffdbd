//! One file per kind of model.

pub mod held;
pub mod item_knn;
pub mod links;
pub mod mlp;
pub mod popularity;
pub mod recommender;
pub mod transition;
