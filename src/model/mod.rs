//! One file per kind of model.

pub mod als;
pub mod auto_candidates;
pub mod autoencoder;
pub mod begins;
pub mod blend;
pub mod bpr;
pub mod cfgan;
pub mod coarse;
pub mod describe;
pub mod ease;
pub mod factors;
mod fading;
pub mod figures;
pub mod gan;
pub mod gather;
pub mod history_fit;
pub mod holdout;
pub mod item_knn;
mod item_rows;
pub mod item_vectors;
pub mod kinds;
pub mod least_squares;
pub mod linked;
pub mod links;
pub mod mlp;
pub mod mult_vae;
pub mod network_tensors;
mod outputs;
pub mod pca;
pub mod popularity;
pub mod products;
pub mod ranker;
pub mod recommender;
pub mod row_kind;
mod row_weights;
pub mod rows;
pub mod segments;
pub mod sequence;
pub mod session_knn;
#[cfg(test)]
pub mod test_events;
pub mod transition;
pub mod tune;

pub use row_kind::RowKind;
