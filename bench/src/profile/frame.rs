//! One frame of a stack: whose code it is, and its name for people.

/// Whose code a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Kernel,
    /// A component: what the host compiled from WebAssembly.
    Component,
    /// The program itself, and the libraries it is linked with.
    Program,
}

/// The name of what has none in its file.
const UNNAMED: &str = "unnamed";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) place: Place,
    /// The function's path, without what its types are generic over.
    pub(crate) name: String,
}

impl Frame {
    /// Reads a line of `perf script`: address, name, and the file the code is from in brackets.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let line = line.replace(" (deleted))", ")");
        let (_, rest) = line.trim().split_once(' ')?;
        let (symbol, file) = rest.strip_suffix(')')?.rsplit_once(" (")?;
        let place = match file {
            "[kernel.kallsyms]" => Place::Kernel,
            file if file.ends_with(".map") => Place::Component,
            _ => Place::Program,
        };
        let name = match (symbol.trim(), file) {
            // A caller that is made up: what it called kept no frame pointer.
            ("[unknown]", "[unknown]") => return None,
            ("[unknown]", _) => UNNAMED.to_owned(),
            (symbol, _) => path(&format!("{:#}", rustc_demangle::demangle(symbol))),
        };
        Some(Self { place, name })
    }

    pub(crate) fn is_unnamed(&self) -> bool {
        self.name == UNNAMED
    }

    /// The last two parts of the name: what fits into a picture.
    pub(crate) fn label(&self) -> &str {
        let mut parts = self.name.rmatch_indices("::");
        match (parts.next(), parts.next()) {
            (Some(_), Some((place, separator))) => &self.name[place + separator.len()..],
            _ => &self.name,
        }
    }
}

/// A demangled name as a plain path: `<a::B<C> as d::E>::f` is `a::B::f`.
fn path(name: &str) -> String {
    let mut path = String::new();
    let mut rest = name;
    if let Some(within) = name.strip_prefix('<')
        && let Some(end) = closing(within)
    {
        let own = &within[..end];
        let trait_at = own.match_indices(" as ").find(|(place, _)| depth(&own[..*place]) == 0);
        path = self::path(trait_at.map_or(own, |(place, _)| &own[..place]));
        rest = &within[end + 1..];
    }
    let mut depth = 0_usize;
    for (place, character) in rest.char_indices() {
        match character {
            '<' => depth += 1,
            // The arrow of a function's type closes nothing.
            '>' if !rest[..place].ends_with('-') => depth = depth.saturating_sub(1),
            _ if depth == 0 => path.push(character),
            _ => {}
        }
    }
    path.replace("::::", "::").trim_end_matches("::").to_owned()
}

/// Where the bracket that was opened before `text` is closed.
fn closing(text: &str) -> Option<usize> {
    text.match_indices('>')
        .map(|(place, _)| place)
        .find(|place| !text[..*place].ends_with('-') && depth(&text[..*place]) == 0)
}

/// How many angle brackets are open at the end of `text`.
fn depth(text: &str) -> usize {
    let opened = text.matches('<').count();
    let closed = text.matches('>').count() - text.matches("->").count();
    opened.saturating_sub(closed)
}

#[cfg(test)]
mod tests {
    use super::{Frame, Place, path};

    #[test]
    fn a_line_is_a_frame_with_its_place() {
        let read = |line| Frame::read(line).map(|frame| (frame.place, frame.name));
        for (line, place, name) in [
            ("\tffffffff81 tcp_sendmsg ([kernel.kallsyms])", Place::Kernel, "tcp_sendmsg"),
            (
                " 7f12 _ZN5store4Task4read17h0123456789abcdefE (/tmp/perf-1.map)",
                Place::Component,
                "store::Task::read",
            ),
            ("55aa [unknown] (/usr/bin/redis-check-rdb)", Place::Program, "unnamed"),
            ("55aa fast (x) (/usr/lib/a (deleted))", Place::Program, "fast (x)"),
        ] {
            assert_eq!(read(line), Some((place, name.to_owned())), "{line}");
        }
        assert_eq!(read(""), None);
    }

    #[test]
    fn a_name_loses_what_it_is_generic_over() {
        for (name, plain) in [
            ("malloc", "malloc"),
            ("<a::B<C> as d::E<F>>::f", "a::B::f"),
            ("a::B<C, D<E>>::f::<G>", "a::B::f"),
            ("<fn(A) -> B as c::D>::e::{{closure}}", "fn(A) -> B::e::{{closure}}"),
            ("<<a::B as c::D>::E as f::G>::h", "a::B::E::h"),
        ] {
            assert_eq!(path(name), plain, "{name}");
        }
    }

    #[test]
    fn a_label_is_the_end_of_a_name() {
        let label =
            |name: &str| Frame { place: Place::Kernel, name: name.to_owned() }.label().to_owned();
        assert_eq!(label("a::B::f"), "B::f");
        assert_eq!(label("B::f"), "B::f");
        assert_eq!(label("f"), "f");
    }
}
