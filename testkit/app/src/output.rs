//! What a host prints.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// More than anybody reads; a rollback storm that lasts a whole measurement says still more.
const KEPT_BYTES: usize = 16 << 20;

/// The lines printed so far, of all streams that are read into it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output(Arc<Mutex<String>>);

impl Output {
    /// Reads on a thread of its own, so that the host is never held up by a full pipe.
    pub(crate) fn read(&self, stream: impl Read + Send + 'static) {
        let output = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut kept = output.0.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() < KEPT_BYTES {
                    kept.push_str(&line);
                    kept.push('\n');
                }
            }
        });
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first line that `is_it` holds of.
    pub(crate) fn find(&self, is_it: impl Fn(&str) -> bool) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.lines().find(|line| is_it(line)).map(str::to_owned)
    }
}
