//! The type of every response.

use futures::stream::LocalBoxStream;
use http::Response;

/// A response, whose body may come bit by bit.
pub type Reply = Response<Body>;

/// The body of a response.
pub enum Body {
    Whole(Vec<u8>),
    /// Each item is to be sent as soon as it is there.
    Stream(LocalBoxStream<'static, Vec<u8>>),
}
