//! The model of Redis beside a real one: the same commands and the same store operations must come
//! to the same, answer by answer and key by key.

mod both;
mod commands;
mod operations;
