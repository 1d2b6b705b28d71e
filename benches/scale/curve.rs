//! The curves: what grows, over which points, and what an event costs at each.

use std::fmt::Write;
use std::str::FromStr;

use eda_bench::complain;
use eda_bench::event::BODY_BYTES;
use eda_bench::meter::{Sample, count};
use serde::Serialize;

use crate::serve::Progress;
use crate::stage::{Serving, Stage};
use crate::window::Window;

/// How many deliveries a point has, where it says nothing else.
const DELIVERIES: u64 = 50_000;
/// With a hundred handlers half of the others would lie in the client before the first is handled.
const DELIVERIES_TO_HANDLERS: u64 = 3 * DELIVERIES;
/// What takes longer to publish than all other points together is measured once.
const OFTEN: u64 = 200_000;
/// Processes start one after the other, and the last one is to have its share of the time that is measured.
const DELIVERIES_TO_PROCESSES: u64 = 4 * DELIVERIES;
/// The framework's default.
const CONCURRENCY: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    Body,
    Concurrency,
    Handlers,
    Processes,
    Backlog,
}

/// Points of one kind.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<Point>,
}

/// Medians over the rounds.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Point {
    pub(crate) x: f64,
    /// Events a second.
    pub(crate) rate: f64,
    /// Microseconds of user and system time an event.
    pub(crate) cpu_us: f64,
}

/// What a point consists of.
#[derive(Clone, Copy)]
struct Setting {
    x: u64,
    body: usize,
    concurrency: usize,
    handlers: usize,
    processes: usize,
    /// Published before anything is handled, to each handler's queue.
    backlog: u64,
    /// Handled, all in all.
    deliveries: u64,
}

impl Curve {
    pub(crate) const ALL: [Self; 5] = [Self::Body, Self::Concurrency, Self::Handlers, Self::Processes, Self::Backlog];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Concurrency => "concurrency",
            Self::Handlers => "handlers",
            Self::Processes => "processes",
            Self::Backlog => "backlog",
        }
    }

    /// What grows.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Body => "bytes of the body",
            Self::Concurrency => "events handled at once",
            Self::Handlers => "handlers in the service",
            Self::Processes => "processes on one queue",
            Self::Backlog => "events that wait",
        }
    }

    fn settings(self, divisor: u64) -> Vec<Setting> {
        let usual = |x| Setting {
            x,
            body: BODY_BYTES,
            concurrency: CONCURRENCY,
            handlers: 1,
            processes: 1,
            backlog: DELIVERIES / divisor,
            deliveries: DELIVERIES / divisor,
        };
        let number = |x: u64| usize::try_from(x).unwrap_or(usize::MAX);
        match self {
            Self::Body => [100, 1_000, 10_000, 100_000, 1_048_000]
                .map(|x| {
                    let events = (300_000_000 / x).min(DELIVERIES) / divisor;
                    Setting { body: number(x), backlog: events, deliveries: events, ..usual(x) }
                })
                .to_vec(),
            Self::Concurrency => [1, 4, 16, 64, 256].map(|x| Setting { concurrency: number(x), ..usual(x) }).to_vec(),
            Self::Handlers => [1, 4, 16, 64, 100]
                .map(|x| {
                    let each = DELIVERIES_TO_HANDLERS / divisor / x;
                    Setting { handlers: number(x), backlog: each, deliveries: each * x, ..usual(x) }
                })
                .to_vec(),
            Self::Processes => [1, 2, 4, 8]
                .map(|x| {
                    // the time that processes take to start can't be divided
                    let all = DELIVERIES_TO_PROCESSES / divisor.min(2);
                    Setting { processes: number(x), backlog: all, deliveries: all, ..usual(x) }
                })
                .to_vec(),
            Self::Backlog => [10_000, 50_000, 200_000, 1_000_000]
                .map(|x| {
                    let backlog = x / divisor;
                    Setting { backlog, deliveries: backlog.min(DELIVERIES / divisor), ..usual(backlog) }
                })
                .to_vec(),
        }
    }
}

impl FromStr for Curve {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|curve| curve.name() == name);
        found.ok_or_else(|| format!("no such curve: {name}; there are {}, start", Self::ALL.map(Self::name).join(", ")))
    }
}

/// Rounds go over all points, so that what changes with time changes all points alike.
pub(crate) async fn measure(curve: Curve, stage: &Stage, rounds: usize, divisor: u64) -> Result<Vec<Line>, String> {
    let settings = curve.settings(divisor);
    let mut samples: Vec<Vec<(Sample, Sample)>> = settings.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        for (setting, samples) in settings.iter().zip(&mut samples) {
            if round > 1 && setting.backlog > OFTEN {
                continue;
            }
            let both = point(stage, setting).await?;
            let told = |sample: &Sample| format!("{:>9.0} events/s {:>7.2} µs", sample.rate(), sample.cpu_us());
            let (published, handled) = (told(&both.0), told(&both.1));
            complain(&format!(
                "{round}/{rounds}  {:<12} {:>8}  publish {published}   handle {handled}",
                curve.name(),
                setting.x
            ));
            samples.push(both);
        }
    }
    let line = |name, of: fn(&(Sample, Sample)) -> &Sample| {
        let points = settings.iter().zip(&samples).map(|(setting, samples)| {
            let median =
                |value: fn(&Sample) -> f64| median(&mut samples.iter().map(|both| value(of(both))).collect::<Vec<_>>());
            Point { x: count(setting.x), rate: median(Sample::rate), cpu_us: median(Sample::cpu_us) }
        });
        Line { name, points: points.collect() }
    };
    let handled = line("handle", |both| &both.1);
    Ok(if curve == Curve::Body { vec![handled, line("publish", |both| &both.0)] } else { vec![handled] })
}

/// What publishing took, and then handling.
async fn point(stage: &Stage, setting: &Setting) -> Result<(Sample, Sample), String> {
    stage.make(setting.handlers).await?;
    let published = stage.publish(setting.body, setting.backlog).await?;
    let mut serving = Vec::new();
    for _ in 0..setting.processes {
        serving.push(stage.serve(setting.handlers, setting.concurrency).await?);
    }
    let mut window = Window::new(setting.processes, setting.deliveries);
    let handled = loop {
        let (index, progress) = progress(&mut serving).await?;
        if let Some(sample) = window.enter(index, progress)? {
            break sample;
        }
    };
    for process in serving {
        process.end().await?;
    }
    stage.delete(setting.handlers).await?;
    Ok((published, handled))
}

/// The news of whichever process has some.
async fn progress(serving: &mut [Serving]) -> Result<(usize, Progress), String> {
    let news = serving
        .iter_mut()
        .enumerate()
        .map(|(index, process)| Box::pin(async move { process.progress().await.map(|progress| (index, progress)) }));
    futures_util::future::select_all(news).await.0
}

/// As a table for documents.
pub(crate) fn shown(curve: Curve, lines: &[Line]) -> String {
    let mut text = format!("\n| {} |", curve.unit());
    for line in lines {
        let _ = write!(text, " {0} events/s | {0} CPU µs/event |", line.name);
    }
    let _ = write!(text, "\n|{}", "---:|".repeat(1 + 2 * lines.len()));
    for (index, point) in lines[0].points.iter().enumerate() {
        let _ = write!(text, "\n| {} |", point.x);
        for line in lines {
            let Point { rate, cpu_us, .. } = line.points[index];
            let _ = write!(text, " {rate:.0} | {cpu_us:.1} |");
        }
    }
    text
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
