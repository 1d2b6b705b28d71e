//! A curve as a picture: events a second above, CPU below, over what grows.

use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

use crate::curve::{Curve, Line, Point};

const SIZE: (u32, u32) = (720, 520);
const COLOURS: [RGBColor; 2] = [RGBColor(0x1f, 0x4e, 0x9e), RGBColor(0xc2, 0x55, 0x1d)];
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);

pub(crate) fn draw(curve: Curve, lines: &[Line], file: &Path) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("drawing {}: {error}", file.display());
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    let (above, below) = area.split_vertically(SIZE.1 / 2);
    panel(&above, curve, lines, "events/s", |point| point.rate).map_err(|error| failed(&error))?;
    panel(&below, curve, lines, "CPU µs/event", |point| point.cpu_us).map_err(|error| failed(&error))?;
    area.present().map_err(|error| failed(&error))
}

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// Both axes are logarithmic where values go over more than a decade.
fn panel<'a>(
    area: &DrawingArea<SVGBackend<'a>, Shift>,
    curve: Curve,
    lines: &[Line],
    what: &str,
    value: impl Fn(&Point) -> f64 + Copy,
) -> Drawn<'a> {
    let all = || lines.iter().flat_map(|line| &line.points);
    let (from, to) = all().fold((f64::MAX, 0.0_f64), |(from, to), point| (from.min(point.x), to.max(point.x)));
    let least = all().map(value).fold(f64::MAX, f64::min);
    let most = all().map(value).fold(0.0, f64::max);
    let across = (from * 0.9..to * 1.1).log_scale();
    let mut chart = ChartBuilder::on(area);
    let chart = chart.margin(12).x_label_area_size(40).y_label_area_size(76);
    if most > 10.0 * least {
        fill(chart.build_cartesian_2d(across, (least * 0.8..most * 1.25).log_scale())?, curve, lines, what, value)?;
    } else {
        fill(chart.build_cartesian_2d(across, 0.0..most * 1.2)?, curve, lines, what, value)?;
    }
    // which is which, where there is more than one
    for (index, (line, colour)) in lines.iter().zip(COLOURS).enumerate().filter(|_| lines.len() > 1) {
        let at = (96 + 90 * i32::try_from(index).unwrap_or_default(), 4);
        area.draw(&Circle::new((at.0 - 8, at.1 + 7), 4, colour.filled()))?;
        area.draw(&Text::new(line.name, at, ("sans-serif", 13).into_font().color(&INK)))?;
    }
    Ok(())
}

fn fill<'a, Y: Ranged<ValueType = f64> + ValueFormatter<f64>>(
    mut chart: ChartContext<'_, SVGBackend<'a>, Cartesian2d<LogCoord<f64>, Y>>,
    curve: Curve,
    lines: &[Line],
    what: &str,
    value: impl Fn(&Point) -> f64,
) -> Drawn<'a> {
    let label = |value: &f64| if *value >= 1e6 { format!("{:.0}M", value / 1e6) } else { format!("{value:.0}") };
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(curve.unit()).y_desc(what).x_label_formatter(&label).y_label_formatter(&label).draw()?;
    for (line, colour) in lines.iter().zip(COLOURS) {
        let points = || line.points.iter().map(|point| (point.x, value(point)));
        chart.draw_series(LineSeries::new(points(), colour.stroke_width(2)))?;
        chart.draw_series(points().map(|at| Circle::new(at, 3, colour.filled())))?;
    }
    Ok(())
}
