//! The model of Redis beside a real one: the same commands and the same store operations must come
//! to the same, answer by answer and key by key.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

mod both;
mod commands;
mod operations;
