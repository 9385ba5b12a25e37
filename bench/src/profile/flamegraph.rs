//! Flame graphs as SVG, drawn by hand: a frame is a box as wide as the time spent in it, and stands on
//! the frame that called it.

use std::fmt::Write as _;

use crate::plot::escape;
use crate::profile::frame::{Frame, Place};
use crate::profile::perf::Sample;

const WIDTH: f64 = 1_200.0;
const ROW: f64 = 16.0;
const TOP: f64 = 60.0;
/// Boxes narrower than this are not drawn, nor what stands on them.
const NARROWEST: f64 = 1.5;
/// So many rows of the kernel are drawn: what was asked of it, and not how it goes about it.
const KERNEL_ROWS: usize = 6;
/// How wide a letter is, near enough.
const LETTER: f64 = 6.4;
const PADDING: f64 = 3.0;
/// A box with room for fewer letters has no name.
const FEWEST_LETTERS: usize = 3;
/// Whose code has which colour.
const COLOURS: [(Place, &str, &str); 3] = [
    (Place::Component, "components (WebAssembly)", "#8fc49b"),
    (Place::Program, "the program: the host, or Redis", "#9fbbdb"),
    (Place::Kernel, "the kernel", "#e3b981"),
];

/// A function, as called by what stands before it.
struct Call {
    frame: Frame,
    ns: u64,
    calls: Vec<Call>,
}

impl Call {
    /// Adds a stack, what is left of it.
    fn add(&mut self, stack: &[Frame], ns: u64) {
        self.ns += ns;
        let Some((frame, rest)) = stack.split_first() else { return };
        let known = self.calls.iter().position(|call| call.frame == *frame);
        let place = known.unwrap_or_else(|| {
            self.calls.push(Self { frame: frame.clone(), ns: 0, calls: Vec::new() });
            self.calls.len() - 1
        });
        self.calls[place].add(rest, ns);
    }

    /// How many rows it and what it calls take, as far as they are wide enough.
    fn rows(&self, scale: f64) -> usize {
        if self.ns as f64 * scale < NARROWEST {
            return 0;
        }
        1 + self.calls.iter().map(|call| call.rows(scale)).max().unwrap_or_default()
    }
}

/// A stack without the depths of the kernel.
fn shown(stack: &[Frame]) -> &[Frame] {
    let kernel = stack.iter().position(|frame| frame.place == Place::Kernel);
    let end = kernel.map_or(stack.len(), |place| stack.len().min(place + KERNEL_ROWS));
    &stack[..end]
}

/// One line a sample, as other tools read them.
pub(crate) fn folded(processes: &[(&str, &[Sample])]) -> String {
    let mut text = String::new();
    for (process, samples) in processes {
        for Sample { ns, stack } in *samples {
            text.push_str(process);
            for frame in stack {
                let _ = write!(text, ";{:?}:{}", frame.place, frame.name);
            }
            let _ = writeln!(text, " {ns}");
        }
    }
    text
}

/// Draws the samples of processes, each under its name.
pub(crate) fn draw(title: &str, processes: &[(&str, &[Sample])]) -> String {
    let frame = |name: &str| Frame { place: Place::Program, name: name.to_owned() };
    let mut all = Call { frame: frame("all"), ns: 0, calls: Vec::new() };
    for (process, samples) in processes {
        for sample in *samples {
            let stack = [&[frame(process)], shown(&sample.stack)].concat();
            all.add(&stack, sample.ns);
        }
    }
    let scale = WIDTH / all.ns.max(1) as f64;
    let bottom = TOP + all.rows(scale) as f64 * ROW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"16\" font-weight=\"bold\">{}</text>\n",
        escape(title),
        height = bottom + ROW,
    );
    for (number, (_, meaning, colour)) in COLOURS.iter().enumerate() {
        let x = 12.0 + 240.0 * number as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"46\">{meaning}</text>",
            x + 18.0
        );
    }
    svg.push_str("<g stroke=\"#ffffff\" stroke-width=\".5\">\n");
    let mut texts = String::new();
    boxes(&all, 0.0, bottom - ROW, scale, &mut svg, &mut texts);
    let _ = write!(svg, "</g>\n<g pointer-events=\"none\">\n{texts}</g>\n</svg>\n");
    svg
}

/// Draws a function and what it calls from `x` on, standing at `y`.
fn boxes(call: &Call, x: f64, y: f64, scale: f64, svg: &mut String, texts: &mut String) {
    let width = call.ns as f64 * scale;
    if width < NARROWEST {
        return;
    }
    let colour = COLOURS.iter().find(|(place, ..)| *place == call.frame.place);
    let colour = colour.map_or("#cccccc", |(_, _, colour)| colour);
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{ROW}\" fill=\"{colour}\">\
         <title>{} ({:.1} %)</title></rect>",
        escape(&call.frame.name),
        width / WIDTH * 100.0
    );
    let room = ((width - 2.0 * PADDING) / LETTER) as usize;
    if room >= FEWEST_LETTERS {
        let label: String = call.frame.label().chars().take(room).collect();
        let _ = writeln!(
            texts,
            "<text x=\"{:.1}\" y=\"{}\">{}</text>",
            x + PADDING,
            y + ROW - 4.5,
            escape(&label)
        );
    }
    let mut calls: Vec<&Call> = call.calls.iter().collect();
    calls.sort_by(|one, other| one.frame.name.cmp(&other.frame.name));
    let mut from = x;
    for inner in calls {
        boxes(inner, from, y - ROW, scale, svg, texts);
        from += inner.ns as f64 * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::profile::frame::{Frame, Place};
    use crate::profile::perf::Sample;

    #[test]
    fn a_function_is_as_wide_as_the_time_of_all_its_stacks() {
        let frame = |name: &str| Frame { place: Place::Component, name: name.to_owned() };
        let stacks = [vec![frame("a"), frame("b<c")], vec![frame("a")], vec![frame("d")], vec![]];
        let samples = stacks.map(|stack| Sample { ns: 5, stack });
        let svg = draw("Title", &[("host", &samples)]);
        for title in ["all (100.0 %)", "host (100.0 %)", "a (50.0 %)", "b&lt;c (25.0 %)"] {
            assert!(svg.contains(&format!("<title>{title}</title>")), "{title}: {svg}");
        }
        assert_eq!(svg.matches(">a (").count(), 1);
    }
}
