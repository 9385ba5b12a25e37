//! A Redis that says what it was told to.

use std::cell::RefCell;
use std::future::{Future, ready};

use store::{Redis, RedisError, Value};

/// Answers commands, whatever they are, with what it was given, from the last to the first; then it is
/// away.
#[derive(Debug)]
pub struct Scripted(RefCell<Vec<Vec<Value>>>);

impl Scripted {
    #[must_use]
    pub fn new(answers: Vec<Vec<Value>>) -> Self {
        Self(RefCell::new(answers))
    }
}

impl Redis for Scripted {
    fn command(
        &self,
        _: &str,
        _: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<Value>, RedisError>> {
        let away = || RedisError::Unreachable("no".to_owned());
        ready(self.0.borrow_mut().pop().ok_or_else(away))
    }
}
