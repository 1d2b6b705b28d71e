//! A broker for tests: the user's, a private node, or a container.

use std::env;
use std::thread::{park, sleep};
use std::time::{Duration, Instant};

use rabbit_node::{Guard, Node, Options, Tools};

use crate::install;
use crate::step::output;

const IMAGE: &str = "rabbitmq:4";
const PULL_SECONDS: u32 = 300;
const CONTAINER_LIMIT: Duration = Duration::from_secs(90);

/// Whatever answers at `url`, for as long as this value lives.
pub(crate) struct Broker {
    pub(crate) url: String,
    pub(crate) what: &'static str,
    _held: Held,
}

/// What ends when the broker is dropped; never looked into.
enum Held {
    Nothing,
    Node { _node: Box<Node> },
    Container { _guard: Guard },
}

/// Provides a broker, and RabbitMQ's programs for the tests that start nodes of their own.
pub(crate) fn provide() -> Result<Broker, String> {
    let installed = install::ensure();
    if let Ok(url) = env::var("AMQP_URL") {
        if let Err(error) = installed {
            println!("tests that start nodes of their own will fail: {error}");
        }
        return Ok(Broker { url, what: "AMQP_URL", _held: Held::Nothing });
    }
    match installed {
        Ok(()) => private(),
        Err(missing) => match engine() {
            Some(engine) => {
                println!("tests that start nodes of their own will fail: {missing}");
                container(engine)
            }
            None => Err(missing),
        },
    }
}

/// `cargo xtask broker`.
pub(crate) fn run() -> Result<(), String> {
    install::ensure()?;
    let broker = private()?;
    println!("{}", broker.url);
    println!("running until Ctrl-C; use it with: export AMQP_URL={}", broker.url);
    loop {
        // the node's guard cleans up when a signal ends this process
        park();
    }
}

fn private() -> Result<Broker, String> {
    Tools::find()?;
    let node = Node::start(Options::default())?;
    Ok(Broker { url: node.url(), what: "a private node", _held: Held::Node { _node: Box::new(node) } })
}

/// A container engine whose daemon really answers.
fn engine() -> Option<&'static str> {
    ["docker", "podman"].into_iter().find(|engine| output(engine, 10, &["info"]).is_ok())
}

fn container(engine: &'static str) -> Result<Broker, String> {
    let name = format!("eda-xtask-{}", std::process::id());
    let guard = Guard::new(&format!("{engine} rm --force --volumes \"$1\""), &[&name])?;
    output(engine, PULL_SECONDS, &["run", "--detach", "--name", &name, "--publish", "127.0.0.1::5672", IMAGE])?;
    let published = output(engine, 10, &["port", &name, "5672"])?;
    let port = published.lines().next().and_then(|line| line.rsplit(':').next()).unwrap_or_default();
    let port: u16 = port.parse().map_err(|_| format!("{engine} port: unexpected answer: {published}"))?;
    let deadline = Instant::now() + CONTAINER_LIMIT;
    while !rabbit_node::answers(port) {
        if Instant::now() > deadline {
            let log = output(engine, 10, &["logs", "--tail", "30", &name]).unwrap_or_else(|error| error);
            return Err(format!("the container did not answer within {} s:\n{log}", CONTAINER_LIMIT.as_secs()));
        }
        sleep(Duration::from_millis(200));
    }
    let url = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
    Ok(Broker { url, what: "a container", _held: Held::Container { _guard: guard } })
}
