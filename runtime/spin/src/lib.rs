//! Muster on Spin: the outside world as the Spin SDK offers it. Only this crate and the entry files
//! of the components name `spin_sdk`, so that moving to another SDK touches nothing else.

mod adapter;
mod client;
mod clock;
mod log;
mod redis;
mod server;
mod settings;

pub use adapter::ComposedAdapter;
pub use client::SpinClient;
pub use clock::SpinClock;
pub use log::JsonLog;
pub use redis::SpinRedis;
pub use server::serve;
pub use settings::Variables;
