//! JSON bodies, read so that they can mean one thing only: no name twice in an object, and no array
//! where an object is expected.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};

use crate::problem::{Problem, shown};
use crate::problem_kinds;

/// Reads a body.
pub(crate) fn read(body: &[u8]) -> Result<Value, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Unambiguous.deserialize(&mut reader);
    value.and_then(|value| reader.end().map(|()| value)).map_err(|error| {
        // The only thing that reading finds fault with in good JSON is a name that is there twice.
        let kind = match error.classify() {
            Category::Data => &problem_kinds::BAD_FIELD,
            _ => &problem_kinds::NOT_JSON,
        };
        Problem::new(kind, format!("The body could not be read as JSON: {error}."))
    })
}

/// Reads any value in which no object has a name twice.
struct Unambiguous;

impl<'de> DeserializeSeed<'de> for Unambiguous {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(Self)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!("{} is there twice", shown(&name))));
            }
            fields.insert(name, members.next_value_seed(Self)?);
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(body: &str) -> u16 {
        read(body.as_bytes()).map_or_else(|problem| problem.answer().status, |_| 200)
    }

    #[test]
    fn a_body_has_one_meaning_or_none() {
        for (body, expected) in [
            ("{\"a\": [1, -2, 0.5, true, null, \"x\", {}]}", 200),
            ("{\"a\": 1, \"a\": 1}", 422),
            ("{\"a\": 1, \"\\u0061\": 2}", 422),
            ("[{\"x\": {\"b\": 1, \"c\": 2, \"b\": 3}}]", 422),
            ("{\"a\": 1} {}", 400),
            ("{\"a\": 1,}", 400),
            ("{\"a\": 1e999}", 400),
            ("\"\\ud800\"", 400),
            ("", 400),
        ] {
            assert_eq!(status(body), expected, "{body}");
        }
        assert_eq!(status(&"[".repeat(100_000)), 400);
    }

    #[test]
    fn values_are_those_that_were_sent() {
        let body =
            "{\"a\": [1, -2, 0.5, true, null, \"\\u00e9\", {}], \"b\": 18446744073709551615}";
        assert_eq!(read(body.as_bytes()).unwrap(), body.parse::<Value>().unwrap());
    }
}
