//! How much a request may carry.

/// The most bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// The most characters of a group's id. Characters, because that is what JSON Schema can say.
pub(crate) const GROUP_ID_CHARS_MAX: usize = 256;
/// The most tasks of one bulk request.
pub(crate) const BULK_TASKS_MAX: usize = 100;
/// The most characters of an idempotency key.
pub(crate) const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// The most bytes of a callback's URL.
pub(crate) const CALLBACK_URL_BYTES_MAX: usize = 2_048;
