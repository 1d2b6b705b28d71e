//! Python programs, and handlers under test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use eda::{App, Broker, EventId, HandlerDef, HandlerMeta, Policy, Running, Service};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tracing_subscriber::EnvFilter;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn url() -> String {
    std::env::var("AMQP_URL").expect("no broker: run `cargo xtask test`, or set AMQP_URL")
}

/// A name that no other test and no earlier run has used.
pub(crate) fn fresh(what: &str) -> String {
    format!("foreign-{what}-{}", EventId::new())
}

/// Runs a Python program of this folder on the broker, and gives what it prints.
pub(crate) fn python(script: &str, arguments: &[&str]) -> String {
    let output = try_python(script, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {arguments:?}: {}\n{error}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8")
}

pub(crate) fn try_python(script: &str, arguments: &[&str]) -> Output {
    // the broker's answers are handled by other threads
    tokio::task::block_in_place(|| {
        let mut command = Command::new("timeout");
        command.arg(PATIENCE.as_secs().to_string()).args(self::command(script, arguments));
        command.output().expect("`timeout` starts")
    })
}

/// A Python program whose lines are read one by one.
pub(crate) struct Program {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Program {
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Self {
        let command = command(script, arguments);
        let child = Command::new(&command[0]).args(&command[1..]).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("the Python starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    pub(crate) fn line(&self) -> String {
        tokio::task::block_in_place(|| self.lines.recv_timeout(PATIENCE)).expect("the program prints a line")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // has ended, unless the test failed
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command line of a program: of this folder, or with a whole path.
fn command(script: &str, arguments: &[&str]) -> Vec<String> {
    let python = std::env::var("EDA_PYTHON").unwrap_or_default();
    assert!(!python.is_empty(), "no Python with pika: run `cargo xtask test`, or set EDA_PYTHON to one");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(script);
    let script = script.to_str().expect("a path in UTF-8");
    let url = url();
    let words = [&python, "-u", "-X", "utf8", script, &url].into_iter().chain(arguments.iter().copied());
    words.map(str::to_owned).collect()
}

/// Waits until there is a message in a queue; the broker tells nobody when it has moved one.
pub(crate) fn until_there(queue: &str) {
    let deadline = Instant::now() + PATIENCE;
    while python("declare_queue.py", &[queue, r#"{"passive": true}"#]).starts_with("0 ") {
        assert!(Instant::now() < deadline, "nothing comes into {queue}");
    }
}

/// Where handlers put what they took, in order: handlers of these tests run one at a time.
pub(crate) struct Taken<T>(UnboundedReceiver<T>);

pub(crate) type Take<T> = UnboundedSender<T>;

impl<T> Taken<T> {
    pub(crate) async fn next(&mut self) -> T {
        timeout(PATIENCE, self.0.recv()).await.expect("one comes in time").expect("the service runs")
    }

    /// Called after the shutdown, it holds what came beside all that was expected.
    pub(crate) fn rest(&mut self) -> Vec<T> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// A service whose handlers put into `Taken` what they take.
pub(crate) fn service<T: Send + 'static>(name: &str) -> (Service<Take<T>>, Taken<T>) {
    let (take, taken) = unbounded_channel();
    let policy = Policy { concurrency: 1, ..Policy::default() };
    (Service::new(name).state(take).policy(policy), Taken(taken))
}

/// A handler of the queue of others, which has another name in each run.
pub(crate) fn at<S: Send + Sync + 'static>(queue: &str, handler: HandlerDef<S>) -> HandlerDef<S> {
    let queue = String::leak(queue.to_owned());
    handler.configure(|options: HandlerMeta| options.queue(queue))
}

/// A service that runs.
pub(crate) struct Bench {
    pub(crate) broker: Broker,
    running: Running,
}

impl Bench {
    pub(crate) async fn start<S: Send + Sync + 'static>(service: Service<S>) -> Self {
        // a test that fails shows what the framework said
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "eda_core=debug,eda_rabbit=debug".into());
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let app = App::new().service(service);
        let broker = eda::connect(&restricted(&app)).await.expect("the broker answers");
        let running = app.start(&broker).await.expect("the service starts");
        Self { broker, running }
    }

    pub(crate) async fn stop(self) {
        self.running.shutdown().await.expect("it ran well");
        self.broker.close().await.expect("it closes");
    }
}

/// The URL of a new user with the rights that the app says it needs, and no others. Only of a private node it is known how to
/// run `rabbitmqctl`: on a broker of somebody's own, the tests run as the user of its URL.
fn restricted(app: &App) -> String {
    let (admin, user) = (url(), fresh("user"));
    let (scheme, rest) = admin.split_once("://").expect("AMQP_URL is a URL");
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let own = format!("{scheme}://{user}:secret@{host}");
    match rabbit_node::ctl_at(&admin, &["add_user", &user, "secret"]) {
        Err(why) if why.contains("no private node") => return admin,
        added => added.expect("the user is made"),
    };
    let config: eda::rabbit::Config = own.parse().expect("a URL");
    let rights = app.permissions(&config).expect("the app is well made").publishing();
    let words = ["set_permissions", &user, &rights.configure(), &rights.write(), &rights.read()];
    rabbit_node::ctl_at(&admin, &words).expect("the user has its rights");
    own
}

/// What a program prints in hexadecimal.
pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let byte = |at| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    (0..text.len()).step_by(2).map(|at| byte(at).expect("two digits")).collect()
}

/// What a dead letter says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    pub(crate) body: Vec<u8>,
    pub(crate) attempt: u32,
    pub(crate) reason: String,
    pub(crate) detail: String,
}

/// Takes so many dead letters of a queue, as a Python program sees them.
pub(crate) fn dead_letters(queue: &str, count: usize) -> Vec<DeadLetter> {
    let printed = python("dead_letters.py", &[&format!("{queue}.dead"), &count.to_string()]);
    let letters = printed.lines().map(|line| {
        let [body, attempt, reason, detail] = line.split('\t').collect::<Vec<_>>().try_into().expect("four columns");
        DeadLetter {
            body: from_hex(body),
            attempt: attempt.parse().expect("a number"),
            reason: reason.into(),
            detail: detail.into(),
        }
    });
    letters.collect()
}
