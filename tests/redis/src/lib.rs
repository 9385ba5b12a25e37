//! A real `redis-server` for one test: its own port, its own folder, gone with the test.

mod client;
mod server;

pub use client::Client;
pub use server::Server;
