//! Reading a command's arguments.

/// What Redis answers to something that is not a whole number.
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

/// Two arguments that belong together.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// A command's arguments, read from front to back.
pub(super) struct Arguments<'a> {
    command: &'a str,
    rest: &'a [Vec<u8>],
}

impl<'a> Arguments<'a> {
    pub(super) fn new(command: &'a str, rest: &'a [Vec<u8>]) -> Self {
        Self { command, rest }
    }

    pub(super) fn next(&mut self) -> Result<&'a [u8], String> {
        let Some((first, rest)) = self.rest.split_first() else {
            return Err(format!(
                "ERR wrong number of arguments for '{}' command",
                self.command.to_lowercase()
            ));
        };
        self.rest = rest;
        Ok(first)
    }

    pub(super) fn owned(&mut self) -> Result<Vec<u8>, String> {
        self.next().map(<[u8]>::to_vec)
    }

    pub(super) fn integer(&mut self) -> Result<i64, String> {
        let text = self.next()?;
        text_of(text)?.parse().map_err(|_| NOT_AN_INTEGER.to_owned())
    }

    /// Takes the next argument when it is this word.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let found = self.rest.first().is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes()));
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is left; at least one.
    pub(super) fn rest(mut self) -> Result<Vec<Vec<u8>>, String> {
        let mut all = vec![self.owned()?];
        all.extend_from_slice(self.rest);
        Ok(all)
    }

    /// All that is left, two by two; at least one pair.
    pub(super) fn pairs(mut self) -> Result<Vec<Pair>, String> {
        let mut pairs = vec![(self.owned()?, self.owned()?)];
        while !self.is_empty() {
            pairs.push((self.owned()?, self.owned()?));
        }
        Ok(pairs)
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), String> {
        if self.rest.is_empty() { Ok(()) } else { Err("ERR syntax error".to_owned()) }
    }
}

pub(super) fn text_of(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| NOT_AN_INTEGER.to_owned())
}
