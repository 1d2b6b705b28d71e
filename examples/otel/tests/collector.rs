//! The example against a real collector: the spans that arrive there, and how they hang together.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const EXAMPLE: &str = env!("CARGO_BIN_EXE_eda-example-otel");
const PATIENCE: Duration = Duration::from_secs(60);

/// A span as the collector tells it.
#[derive(Debug)]
struct Span {
    name: String,
    trace: String,
    id: String,
    parent: String,
    status: String,
    /// The trace and the span that it is linked to.
    link: Option<(String, String)>,
    attributes: BTreeMap<String, String>,
}

#[test]
fn a_collector_gets_every_span_and_the_links_between_traces() {
    let Ok(program) = std::env::var("EDA_COLLECTOR") else {
        let why = "skipped: no collector; `cargo xtask test` installs one, or EDA_COLLECTOR names a `rotel-agent`";
        // whoever closed the stream wants to hear nothing
        let _ = writeln!(std::io::stderr(), "{why}");
        return;
    };
    let folder = std::env::temp_dir().join(format!("eda-otel-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let told = folder.join("told");
    let (collector, endpoint) = collect(&program, &folder, &told);
    let ran = Command::new(EXAMPLE).env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).output().expect("it starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    stop(collector);
    let spans = spans(&std::fs::read_to_string(&told).expect("it has told something"));
    std::fs::remove_dir_all(&folder).expect("it is ours");

    let named = |name: &str| -> Vec<&Span> { spans.iter().filter(|span| span.name == name).collect() };
    let [created] = named("publish order.created")[..] else { panic!("one publish: {spans:#?}") };
    let [failed, charged] = named("process billing.charge")[..] else { panic!("two attempts: {spans:#?}") };
    let [completed] = named("publish payment.completed")[..] else { panic!("one publish: {spans:#?}") };
    let [shipped] = named("process shipping.ship")[..] else { panic!("one attempt: {spans:#?}") };

    for attempt in [failed, charged] {
        assert_ne!(attempt.trace, created.trace, "an attempt begins a trace of its own");
        assert_eq!(attempt.link, Some((created.trace.clone(), created.id.clone())));
    }
    assert_eq!((failed.status.as_str(), charged.status.as_str()), ("STATUS_CODE_ERROR", "STATUS_CODE_UNSET"));
    assert_eq!(failed.attributes["error.type"], "transient");
    assert_eq!((&completed.trace, &completed.parent), (&charged.trace, &charged.id));
    assert_eq!((&shipped.trace, &shipped.parent), (&completed.trace, &completed.id), "the service asks for one trace");
    for (name, value) in [
        ("messaging.operation.name", "process"),
        ("messaging.destination.name", "payment.completed:shipping.ship"),
        ("messaging.message.id", completed.attributes["messaging.message.id"].as_str()),
    ] {
        assert_eq!(shipped.attributes[name], value);
    }
}

/// A collector on ports of its own, and where it takes traces.
fn collect(program: &str, folder: &Path, told: &Path) -> (Child, String) {
    let free = || TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").to_string();
    let (http, grpc) = (free(), free());
    let output = File::create(told).expect("a file");
    let collector = Command::new(program)
        .args(["start", "--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"])
        .args(["--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc, "--pid-file"])
        .arg(folder.join("pid"))
        .stdout(output.try_clone().expect("a second handle"))
        .stderr(output)
        .stdin(Stdio::null())
        .spawn()
        .expect("the collector starts");
    let began = Instant::now();
    while TcpStream::connect(&http).is_err() {
        assert!(began.elapsed() < PATIENCE, "it does not listen at {http}");
    }
    (collector, format!("http://{http}"))
}

fn stop(mut collector: Child) {
    let sent = Command::new("kill").args(["-TERM", &collector.id().to_string()]).status().expect("kill runs");
    assert!(sent.success() && collector.wait().is_ok());
}

fn spans(told: &str) -> Vec<Span> {
    told.split("\nSpan #").skip(1).map(span).collect()
}

fn span(text: &str) -> Span {
    let (head, links) = text.split_once("\nLinks:").unwrap_or((text, ""));
    let after = |text: &str, name: &str| -> String {
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix(name)).unwrap_or_default();
        line.trim_start().trim_start_matches(':').trim().to_owned()
    };
    let attributes = head.lines().filter_map(|line| line.trim_start().strip_prefix("-> ")?.split_once(": Str("));
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.trim_end_matches(')').to_owned()));
    let linked = (after(links, "-> Trace ID:"), after(links, "-> ID:"));
    Span {
        name: after(head, "Name  "),
        trace: after(head, "Trace ID"),
        id: after(head, "ID  "),
        parent: after(head, "Parent ID"),
        status: after(head, "Status code"),
        link: (!links.is_empty()).then_some(linked),
        attributes: attributes.collect(),
    }
}
