//! Builds the OpenAPI 3.1 document from the very types and table that serve the routes. It knows no
//! endpoint: the table adds each route, and the route's endpoint completes its description.

mod description;
mod document;
mod inputs;
mod problems;

pub(crate) use description::Description;
pub(crate) use document::Document;
