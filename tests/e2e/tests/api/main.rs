//! The API as clients, operators and programs meet it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once when something is not as it expects"
)]

mod access;
mod callback_receivers;
mod callbacks;
mod cookbook;
mod dead_letters;
mod document;
mod events;
mod fuzz;
mod groups;
mod log;
mod operate;
mod submit;
mod tasks;
