//! How the cost of an event changes with what a service grows by: bodies, concurrency, handlers, processes, backlog. Draws
//! it, and measures what a service with a hundred handlers takes to start and to wait.
//!
//! The program runs itself as `publish` and as `serve`, so that each measurement has a process of its own.

mod curve;
mod plot;
mod publish;
mod serve;
mod stage;
mod start;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;

use eda_bench::{complain, say};
use rabbit_node::{Node, Options as NodeOptions};

use self::curve::Curve;
use self::stage::Stage;

const HELP: &str = "\
usage: cargo xtask scale [OPTION…]

  --rounds R      how often each point is measured; default 3
  --curves A,B    of body, concurrency, handlers, processes, backlog, start; default all
  --quick         a tenth of the events
  --out DIR       writes an SVG for each curve, and all points as scale.json";

struct Options {
    rounds: usize,
    curves: Vec<Curve>,
    measures_start: bool,
    divisor: u64,
    out: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::ERROR).init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["-h" | "--help"] => {
            say(HELP);
            Ok(())
        }
        ["publish", rest @ ..] => {
            let rest: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
            // in a task, as the requests of a server are
            let publishing = tokio::spawn(async move { publish::run(&rest).await });
            publishing.await.unwrap_or_else(|error| Err(error.to_string()))
        }
        ["serve", rest @ ..] => serve::run(rest).await,
        words => match Options::parse(words) {
            Ok(options) => run(&options).await,
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), String> {
    if let Some(folder) = &options.out {
        // before anything is measured for it
        std::fs::create_dir_all(folder).map_err(|error| format!("making {}: {error}", folder.display()))?;
    }
    let node = Node::start(NodeOptions::default())?;
    let stage = Stage::at(&node.url()).await?;
    let mut drawn = serde_json::Map::new();
    for curve in &options.curves {
        let lines = curve::measure(*curve, &stage, options.rounds, options.divisor).await?;
        say(&curve::shown(*curve, &lines));
        if let Some(folder) = &options.out {
            plot::draw(*curve, &lines, &folder.join(format!("scale-{}.svg", curve.name())))?;
        }
        let lines = serde_json::to_value(&lines).map_err(|error| error.to_string())?;
        drawn.insert(curve.name().to_owned(), lines);
    }
    if options.measures_start {
        let found = start::measure(&stage, options.rounds).await?;
        say(&found.shown());
        drawn.insert("start".to_owned(), serde_json::to_value(&found).map_err(|error| error.to_string())?);
    }
    if let Some(folder) = &options.out {
        let text = serde_json::to_string_pretty(&drawn).map_err(|error| error.to_string())?;
        let file = folder.join("scale.json");
        std::fs::write(&file, text + "\n").map_err(|error| format!("writing {}: {error}", file.display()))?;
    }
    Ok(())
}

impl Options {
    fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self { rounds: 3, curves: Curve::ALL.to_vec(), measures_start: true, divisor: 1, out: None };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if *word == "--quick" {
                options.divisor = 10;
                continue;
            }
            let value = rest.next().ok_or_else(|| format!("{word}: expected a value behind it; see --help"))?;
            match *word {
                "--rounds" => {
                    options.rounds = value
                        .parse()
                        .ok()
                        .filter(|rounds| *rounds > 0)
                        .ok_or_else(|| format!("--rounds: expected a number from 1, found `{value}`"))?;
                }
                "--curves" => {
                    options.measures_start = value.split(',').any(|name| name == "start");
                    let curves = value.split(',').filter(|name| *name != "start").map(str::parse);
                    options.curves = curves.collect::<Result<_, String>>()?;
                }
                "--out" => options.out = Some(value.into()),
                _ => return Err(format!("no such option: {word}; see --help")),
            }
        }
        Ok(options)
    }
}
