//! What the tool does at a broker: a RabbitMQ.

use std::io::Write;
use std::time::Duration;

use eda::prelude::*;
use eda::tool::Stop;
use eda::{EventId, HandlerDef, HandlerMeta};
use rabbit_node::{Node, Options};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::dead::until_dead;
use crate::support::described;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize, Event)]
#[event(name = "tool.tried", routing_key = "tool.{run}.tried")]
struct ToolTried {
    run: String,
    number: u32,
}

/// Of one test alone, which counts what waits.
#[derive(Serialize, Deserialize, Event)]
#[event(name = "tool.pruned")]
struct ToolPruned {
    number: u32,
}

#[derive(Serialize, Deserialize, Event)]
#[event(name = "tool.mended")]
struct ToolMended {}

#[tokio::test]
async fn a_topology_is_planned_applied_and_found_complete() {
    let service = fresh("plan");
    let app = || only_listening(&service);
    let (queue, dead) = (format!("{service}.hear"), format!("{service}.hear.dead"));
    let planned = told(app(), &["topology", "plan"]).await.expect("nothing stands in the way");
    for line in [format!("declare   queue {queue}\n"), format!("declare   queue {dead}\n")] {
        assert!(planned.contains(&line), "`{line}` is missing:\n{planned}");
    }
    assert!(planned.contains(&format!("bind      queue {queue} to eda.events by tool.*.tried\n")), "{planned}");
    // it was only a plan
    assert_eq!(
        found(told(app(), &["health"]).await),
        [format!("queue `{queue}` does not exist: run the service, or `topology apply`")]
    );
    told(app(), &["topology", "apply"]).await.expect("it can be made");
    let after: Value = json(app(), &["topology", "plan", "--json"]).await.expect("nothing stands in the way");
    let changes = after["changes"].as_array().expect("a list");
    assert!(changes.iter().all(|change| change["action"] == "bind"), "{changes:?}");
    assert_eq!(found(told(app(), &["health"]).await), [format!("nobody consumes from queue `{queue}`")]);
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_with_both_values() {
    let service = fresh("conflict");
    told(only_listening(&service), &["topology", "apply"]).await.expect("it can be made");
    // dead letters have a queue of other arguments than handlers
    let queue: &'static str = format!("{service}.hear.dead").leak();
    let options = move |options: HandlerMeta| options.queue(queue);
    let handler = HandlerDef::from_fn("steal", |_: ToolTried| async {}).configure(options);
    let thief = || App::from(Service::new(fresh("thief")).register(handler.clone()));
    for command in ["plan", "apply"] {
        let conflicts = found(told(thief(), &["topology", command]).await);
        let [conflict] = &conflicts[..] else { panic!("expected one conflict: {conflicts:?}") };
        assert!(conflict.starts_with(&format!("queue {queue} stands in the way")), "{conflict}");
        assert!(conflict.contains("expected eda.dead, found none"), "{conflict}");
    }
}

#[tokio::test]
async fn what_a_handler_left_behind_is_pruned_when_it_is_empty() {
    let service = fresh("prune");
    let (heard, mut inbox) = unbounded_channel();
    let both = || {
        let heard = heard.clone();
        let hear = move |event: ToolPruned| {
            heard.send(event.number).expect("the test listens");
            async {}
        };
        Service::new(service.clone()).on("mend", |_: ToolMended| async {}).on("hear", hear)
    };
    let former = json(App::from(both()), &["describe", "--json"]).await.expect("no broker is needed");
    let file = described(&service, &former).to_string_lossy().into_owned();
    told(App::from(both()), &["topology", "apply"]).await.expect("it can be made");
    let mended = || App::from(Service::new(service.clone()).on("mend", |_: ToolMended| async {}));

    told(App::from(both()), &["publish", "tool.pruned", r#"{"number": 1}"#]).await.expect("it is an event");
    let kept = told(mended(), &["topology", "prune", "--yes", "--former", &file]).await.expect("it is kept");
    assert_eq!(
        kept,
        format!(
            "keep      queue {service}.hear: it holds messages (1): let them be handled, replayed or discarded first\n"
        )
    );

    // the queue of a handler does not go while its dead letters stay
    let broker = eda::connect(&url()).await.expect("the broker is there");
    let refusing = App::from(
        Service::new(service.clone())
            .on("mend", |_: ToolMended| async {})
            .on("hear", |_: ToolPruned| async { Err::<(), _>(Failure::permanent("it is refused")) }),
    );
    let running = refusing.start(&broker).await.expect("it starts");
    let dead = format!("{service}.hear.dead");
    until_dead(&format!("{service}.hear"), &broker, 1).await;
    running.shutdown().await.expect("it ends");
    let kept = told(mended(), &["topology", "prune", "--yes", "--former", &file]).await.expect("both are kept");
    let why = "it holds messages (1): let them be handled, replayed or discarded first";
    assert_eq!(kept, format!("keep      queue {dead}: {why}\n"));
    told(App::from(both()), &["dead", "replay", "--yes"]).await.expect("it goes back");

    let running = App::from(both()).start(&broker).await.expect("it starts");
    assert_eq!(next(&mut inbox).await, 1, "nothing was lost");
    running.shutdown().await.expect("it ends");
    broker.close().await.expect("it ends");

    let unasked = told(mended(), &["topology", "prune", "--former", &file]).await;
    assert!(unasked.is_err_and(|stop| stop.to_string().contains("add `--yes`")));
    let pruned = told(mended(), &["topology", "prune", "--yes", "--former", &file]).await.expect("it is empty");
    let hear = format!("{service}.hear");
    assert_eq!(
        pruned,
        format!(
            "delete    queue {hear}: with its bindings to eda.retry by {hear}, eda.events by tool.pruned, \
             eda.events.strict by tool.pruned\n\
             delete    queue {dead}: with its bindings to eda.dead by {hear}\n"
        )
    );
    let again = told(mended(), &["topology", "prune", "--yes", "--former", &file]).await.expect("nothing is left");
    assert_eq!(again, "nothing to change\n");
}

#[tokio::test]
async fn what_permissions_grants_is_enough_for_all_but_deleting_and_following() {
    let node = Node::start(Options::default()).expect("a private node starts");
    let url = format!("amqp://ada:secret@127.0.0.1:{}", node.port());
    let at = async |app: App, arguments: &[&str]| told_at(&url, app, arguments).await;
    let service = || Service::new("billing").publishes::<ToolPruned>();
    let mended = || App::from(service().on("mend", |_: ToolMended| async {}));
    let granted = at(mended(), &["permissions", "--json"]).await.expect("no broker is asked");
    let rights: Value = serde_json::from_str(&granted).expect("it is one document");
    let [configure, write, read] =
        ["configure", "write", "read"].map(|right| rights[right].as_str().expect("a pattern"));
    node.ctl(&["add_user", "ada", "secret"]).expect("the node answers");
    node.ctl(&["set_permissions", "ada", configure, write, read]).expect("the node answers");

    // an earlier build had another handler, and this one took another event
    let former = App::from(service().on("mend", |_: ToolPruned| async {}).on("gone", |_: ToolTried| async {}));
    let admin = node.url();
    let json = told_at(&admin, former, &["describe", "--json"]).await.expect("no broker is asked");
    let file = described("granted", &serde_json::from_str(&json).expect("it is one document"));
    let file = file.to_string_lossy();
    let former = App::from(service().on("mend", |_: ToolPruned| async {}).on("gone", |_: ToolTried| async {}));
    told_at(&admin, former, &["topology", "apply"]).await.expect("an admin may");

    let planned = at(mended(), &["topology", "plan", "--former", &file]).await.expect("it may look");
    let stale = "unbind    queue billing.mend to eda.events by tool.pruned\n";
    assert!(planned.contains(stale) && planned.contains("delete    queue billing.gone"), "{planned}");
    let applied = at(mended(), &["topology", "apply", "--former", &file]).await.expect("it may bind and unbind");
    assert!(applied.contains(stale) && !applied.contains("delete"), "{applied}");
    let bindings = node.ctl(&["list_bindings", "--silent"]).expect("the node answers");
    let mend: Vec<_> =
        bindings.lines().filter(|line| line.contains("billing.mend\t") && line.contains("tool.")).collect();
    assert!(mend.len() == 2 && mend.iter().all(|line| line.contains("tool.mended")), "{mend:?}");
    at(mended(), &["publish", "tool.pruned", r#"{"number": 1}"#]).await.expect("it may publish");
    assert_eq!(found(at(mended(), &["health"]).await), ["nobody consumes from queue `billing.mend`"]);
    for (refused, file) in [(&["topology", "prune", "--yes", "--former"][..], Some(&*file)), (&["tail"], None)] {
        let arguments = [refused, file.as_slice()].concat();
        let stop = at(mended(), &arguments).await.expect_err("a service needs no such right");
        assert!(stop.exit_code() == 1 && stop.to_string().contains("the user lacks a permission"), "{stop}");
    }

    // of a handler that is gone both queues go, or none, and until then each gets what it got
    let prune = ["topology", "prune", "--yes", "--former", &file];
    let of_gone = || {
        let bindings = node.ctl(&["list_bindings", "--silent"]).expect("the node answers");
        bindings.lines().filter(|line| line.contains("billing.gone")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = of_gone();
    let (one, both) = (r"^billing\.gone$", r"^billing\.gone(\.dead)?$");
    for (configured, is_read) in [(both, one), (one, both), (both, both)] {
        let (configure, read) = (format!("{configure}|{configured}"), format!("{read}|{is_read}"));
        node.ctl(&["set_permissions", "ada", &configure, write, &read]).expect("the node answers");
        let pruned = at(mended(), &prune).await;
        let is_enough = (configured, is_read) == (both, both);
        assert_eq!(pruned.is_ok(), is_enough, "{pruned:?}");
        assert_eq!(of_gone(), if is_enough { Vec::new() } else { before.clone() });
    }
}

#[tokio::test]
async fn tail_shows_what_passes_and_takes_it_from_nobody() {
    let service = fresh("tail");
    let (heard, mut inbox) = unbounded_channel();
    let broker = eda::connect(&url()).await.expect("the broker is there");
    let running = App::from(listening(&service, heard)).start(&broker).await.expect("it starts");
    let pattern = format!("tool.{service}.*");
    let arguments = ["tail", &pattern, "--limit", "1", "--show-payload", "--json"];
    let mut sent = 0;
    let publisher = broker.publisher("web");
    let publishing = async {
        loop {
            sent += 1;
            let event = ToolTried { run: service.clone(), number: sent };
            publisher.publish(&event).await.expect("it is confirmed");
        }
    };
    let seen = tokio::select! {
        seen = json(only_listening(&service), &arguments) => seen.expect("an event has passed"),
        () = publishing => unreachable!("it is published until one is seen"),
    };
    let expected = json!({ "run": service, "number": seen["body"]["number"] });
    assert_eq!((&seen["event"], &seen["source"], &seen["body"]), (&json!("tool.tried"), &json!("web"), &expected));
    assert_eq!(seen["routing_key"], format!("tool.{service}.tried"));
    // the last one may have been cut off before it was sent
    for number in 1..sent {
        assert_eq!(next(&mut inbox).await, number);
    }
    let healthy = json(only_listening(&service), &["health", "--json"]).await.expect("it is consumed from");
    assert_eq!((&healthy["healthy"], &healthy["queues"][0]["consumers"]), (&json!(true), &json!(1)));
    running.shutdown().await.expect("it ends");
    broker.close().await.expect("it ends");
}

#[tokio::test]
async fn tail_ends_when_nobody_reads_on() {
    let service = fresh("tail-closed");
    let broker = eda::connect(&url()).await.expect("the broker is there");
    let running = App::from(listening(&service, unbounded_channel().0)).start(&broker).await.expect("it starts");
    let publisher = broker.publisher("web");
    let publishing = async {
        loop {
            publisher.publish(&ToolTried { run: service.clone(), number: 1 }).await.expect("it is confirmed");
        }
    };
    let (url, pattern) = (url(), format!("tool.{service}.*"));
    let arguments = ["service", "--broker", &url, "tail", &pattern].map(Into::into);
    let mut closed = Closed;
    tokio::select! {
        ended = eda::tool::execute(only_listening(&service), arguments, &mut closed) => ended.expect("all is well"),
        () = publishing => unreachable!("it is published until it ends"),
    }
    running.shutdown().await.expect("it ends");
    broker.close().await.expect("it ends");
}

/// As `head`, when it has had enough.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn health_asks_a_running_process() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    let answers = async {
        let ready = "HTTP/1.1 200 OK\r\n\r\n{\"ready\":true}";
        let steers = "HTTP/1.1 200 OK\r\n\r\n\u{1b}]0;owned\u{7}";
        for answer in [ready, "HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready", steers] {
            let (mut stream, _) = listener.accept().await.expect("it is asked");
            let mut request = [0; 1_000];
            let length = stream.read(&mut request).await.expect("it asks");
            let path = if answer == steers { "/healthz" } else { "/health/ready" };
            assert!(request[..length].starts_with(format!("GET {path} HTTP/1.0\r\n").as_bytes()));
            stream.write_all(answer.as_bytes()).await.expect("it listens");
        }
    };
    let url = format!("http://{address}");
    let asks = async {
        let ready = told(only_listening("health"), &["health", "--process", &url]).await.expect("it is ready");
        assert_eq!(ready, "{\"ready\":true}\n");
        let down = found(told(only_listening("health"), &["health", "--process", &url]).await);
        assert_eq!(down, ["the process is not ready: it answered 503"]);
        let other = format!("{url}/healthz");
        let foreign = told(only_listening("health"), &["health", "--process", &other]).await.expect("it is ready");
        assert_eq!(foreign, "\\u{1b}]0;owned\\u{7}\n");
    };
    tokio::join!(answers, asks);
    drop(listener);
    let away = told(only_listening("health"), &["health", "--process", &url]).await;
    assert_eq!(away.map_err(|stop| stop.exit_code()), Err(2));
}

fn listening(service: &str, heard: UnboundedSender<u32>) -> Service {
    let run = service.to_owned();
    let hear = move |event: ToolTried| {
        // other tests have keys that match, too
        let heard = (event.run == run).then(|| heard.clone());
        async move {
            // nobody listens after the end
            let _ = heard.map(|heard| heard.send(event.number));
        }
    };
    Service::new(service.to_owned())
        .register(HandlerDef::from_fn("hear", hear).configure(|options| options.concurrency(1)))
        .publishes::<ToolTried>()
}

fn only_listening(service: &str) -> App {
    listening(service, unbounded_channel().0).into()
}

pub(crate) async fn told(app: App, arguments: &[&str]) -> Result<String, Stop> {
    told_at(&url(), app, arguments).await
}

pub(crate) async fn told_at(url: &str, app: App, arguments: &[&str]) -> Result<String, Stop> {
    let arguments = ["service", "--broker", url].into_iter().chain(arguments.iter().copied()).map(Into::into);
    let mut out = Vec::new();
    let done = timeout(PATIENCE, eda::tool::execute(app, arguments, &mut out)).await.expect("it ends");
    done.map(|()| String::from_utf8(out).expect("it is text"))
}

pub(crate) async fn json(app: App, arguments: &[&str]) -> Result<Value, Stop> {
    told(app, arguments).await.map(|text| serde_json::from_str(&text).expect("it is one document"))
}

pub(crate) fn found(done: Result<String, Stop>) -> Vec<String> {
    match done {
        Err(Stop::Found(found)) => found,
        other => panic!("expected findings: {other:?}"),
    }
}

async fn next(inbox: &mut UnboundedReceiver<u32>) -> u32 {
    timeout(PATIENCE, inbox.recv()).await.expect("it comes").expect("the handler lives")
}

pub(crate) fn fresh(what: &str) -> String {
    format!("tool-{what}-{}", EventId::new())
}

pub(crate) fn url() -> String {
    std::env::var("AMQP_URL").expect("no broker: run `cargo xtask test`, or set AMQP_URL")
}
