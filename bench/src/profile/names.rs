//! The names of components' functions, which the host leaves for `perf`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// A file of addresses, lengths and names. It is removed with this.
pub(crate) struct Names(PathBuf);

impl Names {
    /// Those of a process, made ready to be read by `perf`.
    pub(crate) fn of(process: u32) -> anyhow::Result<Self> {
        // Where `perf` looks for it.
        let names = Self(PathBuf::from(format!("/tmp/perf-{process}.map")));
        fs::write(&names.0, whole(&fs::read_to_string(&names.0)?))?;
        Ok(names)
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The engine tells every function once for each module of its component, and calls it by its whole
/// name only once: the other times by a number and what fits of the name.
fn whole(map: &str) -> String {
    let mut lines: BTreeMap<&str, &str> = BTreeMap::new();
    for line in map.lines() {
        let (address, rest) = line.split_once(' ').unwrap_or_default();
        let is_whole = !rest.contains(" wasm[");
        lines
            .entry(address)
            .and_modify(|known| {
                if is_whole {
                    *known = line
                }
            })
            .or_insert(line);
    }
    lines.into_values().flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_function_has_its_whole_name() {
        let map = "0x10 8 wasm[0]::function[1]::a::lo\n0x18 8 wasm[0]::trampoline[2]\n\
                   0x10 8 a::long_name\n0x10 8 wasm[0]::function[1]::a::lo\n";
        assert_eq!(whole(map), "0x10 8 a::long_name\n0x18 8 wasm[0]::trampoline[2]\n");
    }
}
