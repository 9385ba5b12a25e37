//! Group ids as part of a URL.

use alloc::string::String;
use core::fmt::Write as _;

/// `text` as one segment of a path: every byte but RFC 3986's unreserved ones is percent-encoded,
/// so no slash, query or escape in it is taken for the URL's own. A text that is a dot segment as a
/// whole (`.` or `..`) stays one: `cluster_manager.rs` refuses it.
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

#[cfg(test)]
mod tests {
    use super::path_segment;

    #[test]
    fn nothing_in_an_id_is_taken_for_the_urls_own() {
        for (text, escaped) in [
            ("blue-1._~", "blue-1._~"),
            ("a/b", "a%2Fb"),
            ("../../etc", "..%2F..%2Fetc"),
            ("a?b=c&d#e", "a%3Fb%3Dc%26d%23e"),
            ("100%", "100%25"),
            ("%2F", "%252F"),
            ("ü ", "%C3%BC%20"),
        ] {
            assert_eq!(path_segment(text), escaped, "{text}");
        }
    }
}
