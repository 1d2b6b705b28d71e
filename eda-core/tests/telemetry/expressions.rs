//! What the dashboard shows and the guide alerts on, as Prometheus' own tool evaluates it: in a world where all is well, in one
//! where everything is wrong, and in one where every process is away.

use std::path::Path;
use std::process::Command;

use eda_core::telemetry::metrics::{Kind, LIST, Metric};
use serde_json::{Value, json};

use crate::documents::{DASHBOARD, GUIDE, texts};

#[derive(Clone, Copy, PartialEq)]
enum World {
    Well,
    Wrong,
    Away,
}

/// A series for all that a metric can tell apart, every 15 s for 25 minutes.
fn series(metric: &Metric, world: World) -> Vec<Value> {
    let mut told = vec![String::new()];
    for label in metric.labels {
        let values: &[&str] = match *label {
            "state" => &["connecting", "consuming", "blocked", "quarantined", "draining", "stopped"],
            "outcome" => &["handled", "retried", "dead_lettered", "given_back"],
            "error_type" => &["", "unroutable"],
            _ => &["some"],
        };
        let with = |before: &String| values.iter().map(move |value| format!("{before},{label}=\"{value}\"")).collect();
        told = told.iter().flat_map::<Vec<_>, _>(with).collect();
    }
    let (grows, rests) = ("0+10x100", "3+0x100");
    let one = |name: &str, labels: &str, values: &str| json!({ "series": format!("{name}{{job=\"some\"{labels}}}"), "values": values });
    let of = |labels: &String| match metric.kind {
        Kind::Counter => {
            let is_trouble = !labels.contains("handled") && !labels.contains("error_type=\"\"");
            vec![one(metric.name, labels, if is_trouble && world == World::Well { rests } else { grows })]
        }
        Kind::Gauge => {
            let value = match (metric.name, world) {
                ("eda_subscription_state", World::Well) => labels.contains("consuming").into(),
                ("eda_subscription_state", _) => labels.contains("connecting").into(),
                // the time is counted from the begin of the world
                ("eda_oldest_unacked_timestamp_seconds", World::Wrong) => 1,
                _ => 0,
            };
            vec![one(metric.name, labels, &format!("{value}+0x100"))]
        }
        Kind::Histogram => {
            let bucket = |bound: &str| {
                let is_in_time = bound == "1";
                let values = if is_in_time && world == World::Wrong { rests } else { grows };
                one(&format!("{}_bucket", metric.name), &format!("{labels},le=\"{bound}\""), values)
            };
            ["1", "600", "+Inf"].map(bucket).into()
        }
        kind => panic!("how does a {kind:?} look?"),
    };
    told.iter().flat_map(of).collect()
}

fn world(world: World) -> Vec<Value> {
    let up =
        json!({ "series": "up{job=\"some\"}", "values": if world == World::Well { "1+0x100" } else { "0+0x100" } });
    let known = LIST.iter().filter(|_| world != World::Away);
    known.flat_map(|metric| series(metric, world)).chain([up]).collect()
}

/// Whether each expression has something to show in a world, by `promtool test rules`.
fn check(cases: &[(World, String, bool)]) {
    let tests = [World::Well, World::Wrong, World::Away].map(|known| {
        let asked = cases.iter().filter(|(world, ..)| *world == known).map(|(_, expression, is_shown)| {
            // what is no number is nothing to show
            let expected = if *is_shown { json!([{ "labels": "{}", "value": 1 }]) } else { json!([]) };
            json!({ "expr": format!("count(({expression}) >= 0) > bool 0"), "eval_time": "20m", "exp_samples": expected })
        });
        json!({ "interval": "15s", "input_series": world(known), "promql_expr_test": asked.collect::<Vec<_>>() })
    });
    let rules = json!({ "evaluation_interval": "15s", "tests": tests });
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("expressions-{}.json", uuid::Uuid::now_v7()));
    std::fs::write(&file, rules.to_string()).expect("the folder is ours");
    let promtool = std::env::var("EDA_PROMTOOL").unwrap_or_else(|_| "promtool".into());
    let output = Command::new(&promtool).args(["test", "rules"]).arg(&file).output().unwrap_or_else(|error| {
        panic!("starting {promtool}: {error}; install Debian's package `prometheus`, or set EDA_PROMTOOL")
    });
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    std::fs::remove_file(&file).expect("it is ours");
}

#[test]
fn every_panel_of_the_dashboard_shows_what_is_wrong() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("it is JSON");
    let mut queries = Vec::new();
    texts(&dashboard, "expr", &mut queries);
    let filled = queries.iter().map(|query| {
        let filled = query.replace("$job", ".*").replace("$handler", ".*").replace("$__rate_interval", "1m");
        assert!(!filled.contains('$'), "a variable that this test does not know: {filled}");
        (World::Wrong, filled.trim_end_matches(" or vector(0)").to_owned(), true)
    });
    check(&filled.collect::<Vec<_>>());
}

#[test]
fn every_alert_of_the_guide_is_raised_by_what_is_wrong_and_silent_where_all_is_well() {
    let section = GUIDE.split("### What to alert on").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = section.expect("the guide has it").lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    // a `|` inside of a cell is written `\|`
    let cells = rows.map(|row| row.replace("\\|", "\0").split('|').nth(2).expect("three cells").replace('\0', "|"));
    let expressions: Vec<_> =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect();
    assert_eq!(expressions.len(), 10, "{expressions:?}");
    let cases = expressions.iter().flat_map(|expression| {
        let raised_by = if expression.starts_with("absent") { World::Away } else { World::Wrong };
        [(World::Well, expression.clone(), false), (raised_by, expression.clone(), true)]
    });
    check(&cases.collect::<Vec<_>>());
}
