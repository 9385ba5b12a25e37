//! Running the scripts, and reading their answers.

use crate::redis::{Redis, Value};
use crate::{PREFIX, Store, StoreError};

/// One transition, put together by `build.rs`.
pub(crate) struct Script {
    name: &'static str,
    sha: &'static str,
    /// Its text, put together only for a Redis that does not know it yet.
    parts: &'static [&'static str],
}

include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

/// The arguments of a script, in order.
#[derive(Default)]
pub(crate) struct Arguments(Vec<Vec<u8>>);

impl Arguments {
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.0.push(text.as_bytes().to_vec());
        self
    }

    pub(crate) fn number(self, number: u64) -> Self {
        self.bytes(number.to_string().into_bytes())
    }

    pub(crate) fn flag(self, flag: bool) -> Self {
        self.text(if flag { "1" } else { "0" })
    }

    pub(crate) fn bytes(mut self, bytes: Vec<u8>) -> Self {
        self.0.push(bytes);
        self
    }
}

impl<R: Redis> Store<R> {
    /// Runs a script by its digest, and by its text where Redis does not know it yet.
    pub(crate) async fn run(
        &self,
        script: &Script,
        arguments: Arguments,
    ) -> Result<Answer, StoreError> {
        let call = |first: &str| {
            let mut all = Vec::with_capacity(arguments.0.len() + 3);
            all.push(first.as_bytes().to_vec());
            all.push(b"1".to_vec());
            all.push(PREFIX.as_bytes().to_vec());
            all.extend(arguments.0.iter().cloned());
            all
        };
        let values = match self.redis.command("EVALSHA", call(script.sha)).await {
            Err(error) if error.is_unknown_script() => {
                self.redis.command("EVAL", call(&script.parts.concat())).await?
            }
            other => other?,
        };
        Ok(Answer { script: script.name, values: values.into_iter() })
    }
}

/// A script's answer, read from front to back.
pub(crate) struct Answer {
    script: &'static str,
    values: std::vec::IntoIter<Value>,
}

impl Answer {
    pub(crate) fn is_empty(&self) -> bool {
        self.values.len() == 0
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        match self.values.next() {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            other => Err(self.unexpected("text", other.as_ref())),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        let text = String::from_utf8(self.bytes()?);
        Ok(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// A text that is there, or `None` for the empty one that stands for "not set".
    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        Ok(Some(self.text()?).filter(|text| !text.is_empty()))
    }

    pub(crate) fn number(&mut self) -> Result<i64, StoreError> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(number),
            Some(Value::Bytes(bytes)) => std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| self.unexpected("a number", Some(&Value::Bytes(bytes)))),
            other => Err(self.unexpected("a number", other.as_ref())),
        }
    }

    pub(crate) fn count(&mut self) -> Result<u64, StoreError> {
        let number = self.number()?;
        u64::try_from(number)
            .map_err(|_| self.unexpected("no negative number", Some(&Value::Int(number))))
    }

    /// A count, or `None` for the empty text that stands for "not set". What is stored and is no count
    /// (any more) counts as not set, for one odd number must not hide all others.
    pub(crate) fn optional_count(&mut self) -> Result<Option<u64>, StoreError> {
        let text = self.text()?;
        Ok(text.parse().ok())
    }

    /// A number that is only shown: what is below 0 counts as 0, and so does what is no number (any more).
    pub(crate) fn shown_count(&mut self) -> Result<u64, StoreError> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(u64::try_from(number).unwrap_or_default()),
            Some(Value::Bytes(bytes)) => {
                let text = std::str::from_utf8(&bytes).unwrap_or_default();
                Ok(text.parse().unwrap_or_default())
            }
            other => Err(self.unexpected("a number", other.as_ref())),
        }
    }

    pub(crate) fn unexpected(&self, expected: &str, got: Option<&Value>) -> StoreError {
        let got = match got {
            None => "nothing".to_owned(),
            Some(Value::Nil) => "nil".to_owned(),
            Some(Value::Int(number)) => number.to_string(),
            Some(Value::Bytes(bytes)) => format!("{} bytes", bytes.len()),
        };
        StoreError::Answer {
            script: self.script,
            reason: format!("expected {expected}, got {got}"),
        }
    }
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Record(error.to_string()))
}
