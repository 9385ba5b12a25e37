//! The promises, seen from outside: what clients are told, and what the nodes hold and saw.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once when something is not as it expects"
)]

mod suite {
    mod adapters;
    mod bad_input;
    mod cancel;
    mod cost;
    mod crash;
    mod failures;
    mod fastapi_service_defects;
    mod groups;
    mod late_calls;
    mod order;
    mod redis;
    mod rollback;
    mod storms;
}
