//! The example shop as a user runs it: in memory, on RabbitMQ, on RabbitMQ as three processes, and with the old shop.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// What each order's lines hold, in this order.
const PAID_AND_SHIPPED: &[&str] =
    &["orders    placed by", "billing   paid", "orders    confirmed", "shipping  parcel", "orders    completed"];
const RETRIED: &[&str] = &[
    "orders    placed by Chen",
    "billing   attempt 1 failed: the card network did not answer; retry in 200ms",
    "billing   attempt 2 failed: the card network did not answer; retry in 400ms",
    "billing   paid 34.50 €",
    "orders    confirmed",
    "shipping  parcel",
    "orders    completed",
];
const NO_MONEY: &str = "billing   dead letter: card declined: insufficient funds";
const NOT_DELIVERED: &str = "orders    cancelled, and Dora knows why: insufficient funds";

#[test]
fn tells_every_order_in_memory() {
    let begin = Instant::now();
    let output = shop(&[]);
    assert!(begin.elapsed() < Duration::from_secs(30), "took {:?}", begin.elapsed());
    let story = story(&output);
    assert_tells_all_orders(&story);
    assert!(story.ends_with(" s\n"), "no totals in {story}");
    assert!(story.contains("\n7 orders, 6 completed, 1 cancelled, 2 retries, 1 dead letter, "), "no totals in {story}");
}

#[test]
fn a_pipe_gets_no_colours() {
    assert!(!story(&shop(&[])).contains('\x1b'));
}

#[test]
fn help_names_every_option() {
    let help = story(&shop(&["--help"]));
    for option in ["--broker", "--service", "--legacy", "--permissions", "--help"] {
        assert!(help.contains(option), "no {option} in {help}");
    }
}

#[test]
fn wrong_arguments_are_refused() {
    for (arguments, expected) in [
        (&["--brokr", "x"][..], "there is no option `--brokr`"),
        (&["--broker"], "`--broker` needs a URL"),
        (&["--service", "accounting"], "there is no service `accounting`"),
        (&["--service", "billing"], "`--service` needs a broker that processes can share"),
        (&["--broker=memory://", "--broker=memory://"], "`--broker` is given twice"),
        (&["--legacy"], "`--legacy` needs a broker that Python can reach"),
        (&["--permissions"], "`--permissions` needs a broker that has users"),
        (&["--legacy=yes"], "`--legacy` takes no value"),
        (&["--legacy", "--service", "billing", "--broker", "amqp://localhost"], "`--legacy` brings orders"),
        (&["--broker", "kafka://user:secret@host"], "scheme: kafka"),
        (&["user:secret@host"], "expected options, or a command"),
    ] {
        let output = shop(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.starts_with("error: ") && error.contains(expected), "{arguments:?}: {error}");
        assert!(!error.contains("secret"), "{arguments:?}: {error}");
    }
}

#[cfg(not(feature = "rabbit"))]
#[test]
fn without_the_feature_rabbitmq_is_explained() {
    let output = shop(&["--broker", "amqp://localhost"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("--features rabbit"), "{error}");
}

#[cfg(feature = "rabbit")]
mod on_rabbitmq {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Stdio};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// Tests of one process and of three would take each other's orders.
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());

    #[test]
    fn tells_every_order_twice_in_a_row() {
        let (_alone, url) = broker();
        // the second run meets what the first one left behind
        for _ in 0..2 {
            assert_tells_all_orders(&story(&shop(&["--broker", &restricted(&url, &[])])));
        }
    }

    #[test]
    fn three_processes_make_one_shop() {
        let (_alone, url) = broker();
        let url_of = |service| restricted(&url, &["--service", service]);
        let billing = Running::start(&url_of("billing"), "billing");
        let shipping = Running::start(&url_of("shipping"), "shipping");
        let story = story(&shop(&["--broker", &url_of("orders"), "--service", "orders"]));
        let orders = orders(&story);
        let (billing, shipping) = (billing.stop(), shipping.stop());

        for (order, customer) in orders {
            let told = lines_of(&story, &order);
            if customer == "Dora" {
                assert_in_order(&told, &["orders    placed by Dora", NOT_DELIVERED]);
                assert_in_order(&lines_of(&billing, &order), &[NO_MONEY]);
            } else {
                assert_in_order(&told, &["orders    placed by", "orders    confirmed", "orders    completed"]);
                assert_in_order(&lines_of(&shipping, &order), &["shipping  parcel"]);
                let paid = if customer == "Chen" { &RETRIED[1..4] } else { &["billing   paid"] };
                assert_in_order(&lines_of(&billing, &order), paid);
            }
        }
    }

    #[test]
    fn the_old_shop_sends_orders_from_python() {
        let (_alone, url) = broker();
        python("tests/foreign/delete_queue.py", &[&url, "order_events"]);
        let sent = python("examples/shop/legacy_orders.py", &[&url]);
        let url = restricted(&url, &["--legacy"]);
        let story = story(&shop(&["--broker", &url, "--legacy"]));
        assert_tells_all_orders(&story);
        assert_eq!(sent.lines().count(), 3, "{sent}");
        for line in sent.lines() {
            let (order, customer) = line.strip_prefix("order ").and_then(|line| line.split_once(": ")).expect(line);
            let customer = customer.split(',').next().expect("split gives one at least");
            let told = lines_of(&story, &format!("old-{order}"));
            let placed = format!("legacy    placed by {customer}");
            assert_in_order(&told, &[&placed, "billing   paid", "orders    confirmed to", "shipping  parcel"]);
            assert_in_order(&told, &["orders    completed", "completed, parcel"]);
        }
        let totals = "\n10 orders, 3 from the old shop, 9 completed, 1 cancelled, 2 retries, 1 dead letter, ";
        assert!(story.contains(totals), "no totals in {story}");

        // its queue is empty now, and the shop closes all the same
        let story = self::story(&shop(&["--broker", &url, "--legacy"]));
        assert!(story.contains("the old shop has not come") && story.contains("\n7 orders, 6 completed"), "{story}");
    }

    #[test]
    fn where_the_old_shop_has_never_been_one_is_told_to_start_it() {
        let (_alone, url) = broker();
        python("tests/foreign/delete_queue.py", &[&url, "order_events"]);
        let output = shop(&["--broker", &url, "--legacy"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("no queue 'order_events'"), "{error}");
        assert!(error.contains("first: run `python3 examples/shop/legacy_orders.py`"), "{error}");
    }

    #[test]
    fn the_old_shop_says_what_it_lacks() {
        // without its packages, with nobody to talk to, and with nothing said
        for (arguments, expected) in [
            (&["-S", "examples/shop/legacy_orders.py", "amqp://localhost"][..], "this needs pika."),
            (&["examples/shop/legacy_orders.py", "amqp://127.0.0.1:1"], "no RabbitMQ answers there"),
            (&["examples/shop/legacy_orders.py"], "expected the broker's URL"),
        ] {
            let output = run_python(arguments);
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && error.starts_with(expected), "{arguments:?}: {error}");
        }
    }

    /// What a Python program prints that goes well.
    fn python(program: &str, arguments: &[&str]) -> String {
        let output = run_python(&[&[program], arguments].concat());
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn run_python(arguments: &[&str]) -> Output {
        let python = std::env::var("EDA_PYTHON").unwrap_or_default();
        assert!(!python.is_empty(), "no Python with pika: run `cargo xtask test`, or set EDA_PYTHON to one");
        let mut command = Command::new("timeout");
        command.args(["30", &python]).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
        command.output().expect("`timeout` and the Python start")
    }

    fn broker() -> (std::sync::MutexGuard<'static, ()>, String) {
        let url = std::env::var("AMQP_URL").expect("no broker: run `cargo xtask test`, or set AMQP_URL");
        (ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner), url)
    }

    /// The URL of a user with the rights that the shop says it needs, and no others. Only of a private node it is known how
    /// to run `rabbitmqctl`: on a broker of somebody's own the shop runs as the user of its URL.
    fn restricted(url: &str, part: &[&str]) -> String {
        let (scheme, rest) = url.split_once("://").expect("AMQP_URL is a URL");
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let user = format!("shop{}", part.concat());
        let own = format!("{scheme}://{user}:secret@{host}");
        let shown = story(&shop(&[&["--broker", &own, "--permissions"], part].concat()));
        let command = shown.trim().strip_prefix("rabbitmqctl ").expect("it shows a command");
        match rabbit_node::ctl_at(url, &["add_user", &user, "secret"]) {
            Err(why) if why.contains("no private node") => return url.to_owned(),
            added => assert!(added.is_ok() || added.is_err_and(|why| why.contains("already exists"))),
        }
        let words: Vec<_> = command.split(' ').map(|word| word.trim_matches('\'')).collect();
        rabbit_node::ctl_at(url, &words).expect("the command does it");
        own
    }

    /// A service that runs until it is told to stop.
    struct Running {
        child: Child,
        lines: mpsc::Receiver<String>,
        told: String,
    }

    impl Running {
        /// Returns when the broker has confirmed its consumers.
        fn start(url: &str, service: &str) -> Self {
            let mut child = Command::new(program())
                .args(["--broker", url, "--service", service])
                .stdout(Stdio::piped())
                .spawn()
                .expect("the shop starts");
            let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
            let (sender, lines) = mpsc::channel();
            thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
            let mut this = Self { child, lines, told: String::new() };
            while !this.told.contains("running on") {
                let line = this.lines.recv_timeout(Duration::from_secs(30));
                this.told.push_str(&line.unwrap_or_else(|_| panic!("{service} does not run")));
            }
            this.told.push('\n');
            this
        }

        /// Ends it as a supervisor does, and gives what it told.
        fn stop(mut self) -> String {
            let id = self.child.id().to_string();
            let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
            assert!(sent.success());
            assert!(self.child.wait().expect("it ends").success());
            // the reader ends with the process
            self.told.extend(self.lines.iter().map(|line| line + "\n"));
            std::mem::take(&mut self.told)
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            // has ended, unless the test failed
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn assert_tells_all_orders(story: &str) {
    let orders = orders(story);
    assert_eq!(orders.len(), 7, "{story}");
    for (order, customer) in orders {
        let told = lines_of(story, &order);
        match customer {
            "Chen" => assert_in_order(&told, RETRIED),
            "Dora" => {
                // two services: which of them speaks first is open
                assert_in_order(&told, &["orders    placed by Dora", NO_MONEY]);
                assert_in_order(&told, &["orders    placed by Dora", NOT_DELIVERED]);
                assert_eq!(told.len(), 4, "{told:#?}");
            }
            _ => {
                assert_in_order(&told, PAID_AND_SHIPPED);
                assert_eq!(told.len(), PAID_AND_SHIPPED.len() + 1, "{told:#?}");
            }
        }
        let end = told.last().expect("the summary names every order");
        let expected = if customer == "Dora" { "cancelled: insufficient funds" } else { "completed, parcel" };
        assert!(end.contains(expected), "{end}");
    }
}

fn assert_in_order(lines: &[&str], expected: &[&str]) {
    let mut rest = lines.iter();
    for part in expected {
        assert!(rest.any(|line| line.contains(part)), "no `{part}`, or not in its place, in {lines:#?}");
    }
}

/// Each order and its customer.
fn orders(story: &str) -> Vec<(String, &str)> {
    let placed = story.lines().filter(|line| line.contains("orders    placed by "));
    let columns = placed.map(|line| line.split_whitespace().collect::<Vec<_>>());
    columns.map(|columns| (columns[2].to_owned(), columns[6].trim_end_matches(':'))).collect()
}

fn lines_of<'a>(story: &'a str, order: &str) -> Vec<&'a str> {
    story.lines().filter(|line| line.contains(&format!(" {order} "))).collect()
}

fn shop(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).output().expect("the shop starts")
}

/// What a run that went well has told.
fn story(output: &Output) -> String {
    let story = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "{}\n{story}\n{error}", output.status);
    story
}

/// `cargo test` builds the examples beside the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    let program =
        test.ancestors().nth(2).expect("in deps").join("examples/shop").with_extension(std::env::consts::EXE_EXTENSION);
    let built = program.metadata().and_then(|file| file.modified());
    let sources =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop").read_dir().expect("the sources are there");
    let rust =
        sources.filter_map(Result::ok).filter(|file| file.path().extension().is_some_and(|ending| ending == "rs"));
    let changed = rust.filter_map(|file| file.metadata().ok()?.modified().ok()).max();
    assert!(
        built.is_ok_and(|built| changed.is_none_or(|changed| changed <= built)),
        "the shop is not built as its sources say: run `cargo build --example shop`, or plain `cargo test`, which does"
    );
    program
}
