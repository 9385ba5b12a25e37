//! A real `redis-server` for one test: its own port, its own folder, gone with the test. And one that only
//! says what it was told to.

mod client;
mod scripted;
mod server;

pub use client::Client;
pub use scripted::Scripted;
pub use server::Server;
