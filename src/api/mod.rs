//! The SQL face: one file a chapter.

mod aggregates;
mod audience;
mod check;
mod describe;
mod drift;
mod evaluate;
mod generate;
mod kinds;
mod models;
mod pages;
mod predict;
mod profile;
mod progress;
mod recommend;
mod recommend_all;
mod refresh;
mod report;
mod session_stats;
mod tags;
mod train;
mod train_recommender;
mod trends;
mod vectors;
mod version;
