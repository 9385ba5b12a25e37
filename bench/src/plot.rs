//! Bar charts as SVG, drawn by hand: bars are medians, whiskers go from the least to the most.

use std::fmt::Write as _;

use crate::report::Figure;
use crate::table::number;

const WIDTH: f64 = 890.0;
const BAR: f64 = 22.0;
const GAP: f64 = 8.0;
/// Where bars begin: the names stand before that.
const LEFT: f64 = 460.0;
/// Room behind the longest whisker for its number.
const RIGHT: f64 = 90.0;
const TOP: f64 = 44.0;
const COLOURS: [&str; 4] = ["#3b6ea5", "#b0b7bf", "#5f9e6e", "#c28b4b"];

/// One bar.
pub(crate) struct Bar<'a> {
    pub(crate) figure: &'a Figure,
    /// Which of the colours it has.
    pub(crate) colour: usize,
}

/// Draws `bars` under `title`.
pub(crate) fn bars(title: &str, bars: &[Bar<'_>]) -> String {
    let height = TOP + bars.len() as f64 * (BAR + GAP) + GAP;
    let most = bars.iter().map(|bar| bar.figure.max()).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / most;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"26\" font-size=\"16\" font-weight=\"bold\">{}</text>\n",
        escape(title)
    );
    for (place, Bar { figure, colour }) in bars.iter().enumerate() {
        let top = TOP + place as f64 * (BAR + GAP);
        let middle = top + BAR / 2.0;
        let colour = COLOURS[colour % COLOURS.len()];
        let (from, to) = (LEFT + figure.min() * scale, LEFT + figure.max() * scale);
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{top}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <path d=\"M{from:.1} {middle}H{to:.1}\" stroke=\"#222222\"/>\
             <text x=\"{end:.1}\" y=\"{y}\">{value} {unit}</text>",
            x = LEFT - 8.0,
            y = middle + 4.5,
            name = escape(&figure.name),
            width = figure.median() * scale,
            end = to + 6.0,
            value = number(figure.median()),
            unit = escape(figure.unit),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::{Bar, bars};
    use crate::report::Figure;

    #[test]
    fn a_chart_holds_each_bar_with_its_name_and_median() {
        let samples = vec![1.0, 3.0, 2.0];
        let figure = Figure { section: "s", name: "a < b".to_owned(), unit: "/s", samples };
        let svg = bars("Title", &[Bar { figure: &figure, colour: 0 }]);
        assert!(svg.contains("a &lt; b") && svg.contains("2.00 /s"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2);
    }
}
