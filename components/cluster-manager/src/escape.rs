//! Group ids as part of a URL.

use std::fmt::Write as _;

/// `text` as one segment of a path: every byte but RFC 3986's unreserved ones is percent-encoded,
/// so no slash, dot segment, query or escape in it is taken for the URL's own.
pub(crate) fn path_segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            segment.push(char::from(byte));
        } else {
            // Writing to a string never fails.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}
