//! What happened in a run, line by line, and a digest of it all.

/// The lines of a run. The digest is always kept, the lines only when they are submitted.
#[derive(Clone, Debug)]
pub struct Trace {
    keep: bool,
    lines: Vec<String>,
    digest: u64,
    count: u64,
}

impl Trace {
    pub(crate) fn new(keep: bool) -> Self {
        Self { keep, lines: Vec::new(), digest: 0xcbf2_9ce4_8422_2325, count: 0 }
    }

    pub(crate) fn line(&mut self, now_ms: u64, what: &str) {
        let bytes = now_ms.to_le_bytes();
        for byte in bytes.iter().chain(what.as_bytes()) {
            self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.count += 1;
        if self.keep {
            self.lines.push(format!("{now_ms:>7} ms  {what}"));
        }
    }

    /// The lines, when they were kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// A digest of all lines: two runs with the same one went the same way.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// How many lines there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}
