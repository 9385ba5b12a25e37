//! Numbers as Redis and Lua write them.

/// A number as Redis writes it: whole numbers without a point, others with all their digits.
pub(super) fn number_text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if number.fract() == 0.0 && number.abs() < 9.0e15 {
        #[allow(clippy::cast_possible_truncation, reason = "whole and small enough")]
        return (number as i64).to_string();
    }
    number.to_string()
}
