//! The password stands in no log, no error and no `Debug`, in whatever form, and the bodies of messages in no log.
//!
//! Everything that a process logs can be seen in a process of its own only.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, Engine};
use eda_core::transport::Transport;
use eda_core::{Broker, ErrorKind, Message, Topology};
use eda_rabbit::{Config, Rabbit, is_safe_to_log};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::process::Command;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

use crate::proxy::Proxy;
use crate::support::{live_on, node, permissions, subscription, topology};

const USER: &str = "keeper";
const PASSWORD: &str = "Zq7/pass=Wörd@9x";
const BODY: &str = r#"{"card":"4012888888881881"}"#;
/// The test as which a service runs.
const SERVICE: &str = "secrets::a_log_of_everything_that_is_safe_holds_no_password_and_no_body";
/// Where it is set, this process is a service of [`log_of`].
const ADDRESS: &str = "EDA_TEST_SECRETS_ADDRESS";
const LOG: &str = "EDA_TEST_SECRETS_LOG";

/// Every form in which somebody may have written it.
fn forms(secret: &str) -> Vec<String> {
    let hex = |separator: &str, upper: bool| {
        let byte = |byte: u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
        secret.bytes().map(byte).collect::<Vec<_>>().join(separator)
    };
    let decimal = |separator: &str| secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(separator);
    let mut forms = vec![
        secret.to_owned(),
        secret.escape_default().to_string(),
        secret.as_bytes().escape_ascii().to_string(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string().to_lowercase(),
        hex("", false),
        hex("", true),
        hex(" ", false),
        hex(", ", false),
        hex(", 0x", false),
        decimal(", "),
        decimal(","),
        decimal(" "),
        secret.chars().rev().collect(),
    ];
    // whatever stands before it, such as "\0user\0": without the letters that its neighbours have a part in
    for before in 0..3 {
        let bytes = [&vec![0; before], secret.as_bytes()].concat();
        let whole = bytes.len() / 3 * 3;
        let begin = if before == 0 { 0 } else { 4 };
        forms.push(BASE64_STANDARD.encode(&bytes[..whole])[begin..].to_owned());
        forms.push(BASE64_URL_SAFE.encode(&bytes[..whole])[begin..].to_owned());
    }
    forms
}

/// The forms that a text holds.
fn found(secret: &str, text: &str) -> Vec<String> {
    // a pretty `Debug` has a line for each byte
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    forms(secret).into_iter().filter(|form| text.contains(form) || flat.contains(form)).collect()
}

#[test]
fn a_search_finds_every_form() {
    let sasl = format!("\0{USER}\0{PASSWORD}");
    for text in [
        format!("amqp://{USER}:{PASSWORD}@host"),
        format!("{PASSWORD:?}"),
        format!("{:?}", sasl.as_bytes()),
        format!("{:#?}", sasl.as_bytes()),
        format!("{:x?}", sasl.as_bytes()),
        BASE64_STANDARD.encode(&sasl),
        BASE64_STANDARD.encode(PASSWORD),
        utf8_percent_encode(PASSWORD, NON_ALPHANUMERIC).to_string(),
        sasl.bytes().fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
    ] {
        assert!(!found(PASSWORD, &text).is_empty(), "{text}");
    }
    assert_eq!(found(PASSWORD, &format!("{:?}", b"\0keeper\0Zq7/pass=Word@9x")), Vec::<String>::new());
}

/// Runs a service with that log, whose every level reaches us unless the log itself keeps it back.
async fn log_of(log: &str) -> String {
    let node = node().await;
    let ctl = |arguments: &[&str]| node.ctl(arguments);
    let added = ctl(&["add_user", USER, PASSWORD]);
    assert!(added.is_ok() || added.is_err_and(|why| why.contains("already exists")));
    ctl(&["set_permissions", USER, ".*", ".*", ".*"]).expect("it may do everything");
    let child = Command::new(std::env::current_exe().expect("a test is a file"))
        .args(["--exact", SERVICE, "--nocapture"])
        .env(ADDRESS, format!("127.0.0.1:{}", node.port()))
        .env(LOG, log)
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = child.await.expect("it runs");
    let said = String::from_utf8(output.stdout).expect("UTF-8") + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("it is over"), "{said}");
    said
}

async fn be_a_service(address: String) {
    let log = std::env::var(LOG).expect("it stands beside the address");
    let safe = (log == "is_safe_to_log").then(|| filter_fn(is_safe_to_log));
    let filter = EnvFilter::new(if safe.is_some() { "trace" } else { &log });
    registry().with(safe).with(fmt::layer().with_ansi(false).with_writer(std::io::stdout).with_filter(filter)).init();

    let mut proxy = Proxy::to(address).await;
    let password = utf8_percent_encode(PASSWORD, NON_ALPHANUMERIC);
    let url = |password: &str| format!("amqp://{USER}:{password}@{}?unrouted=reject", proxy.address());
    let mut told = String::new();
    // errors of every stage, and whatever holds the login
    let good = url(&password.to_string());
    for bad in [
        url(&format!("{password}x")),
        url(&format!("{password}%ff")),
        format!("{good}&prefetch=0"),
        format!("{good}&timeout={password}"),
        good.replacen("amqp://", "amqp:/", 1),
        good.replacen("?unrouted", "/nowhere?unrouted", 1),
        good.replacen(proxy.address(), "127.0.0.1:1", 1) + "&connect_timeout=100ms",
    ] {
        let error = Rabbit::connect(&bad).await.err().expect("it is refused");
        let _ = writeln!(told, "{error} {error:?} {error:#?} {error:#}");
    }
    let config: Config = good.parse().expect("a URL");
    // the tests beside it run at the same time
    let wanted = topology(&subscription(&format!("keeping-{}", std::process::id())));
    let rights = permissions(&good, &wanted);
    let _ = writeln!(told, "{config:?} {config:#?} {} {rights} {rights:?} {rights:#?}", config.address());

    let rabbit = Rabbit::connect(&good).await.expect("it is let in");
    live_on(&rabbit, &wanted, BODY).await.expect("all goes well");
    proxy.cut().await;
    live_on(&rabbit, &wanted, BODY).await.expect("all goes well again");
    let publisher = rabbit.publisher().await.expect("there is one");
    let returned = publisher.send(Message::new("nobody.listens", BODY)).await.expect("there is room").confirmed().await;
    let error = returned.expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::Unroutable);
    let _ = writeln!(told, "{error} {error:?} {error:#?} {error:#}");
    let broker = Broker::new(rabbit).await.expect("a publisher");
    let _ = writeln!(told, "{broker:?} {broker:#?} {}", broker.transport().describe());
    proxy.down().await;
    broker.transport().close().await.ok();
    let error = broker.transport().declare(&Topology::default()).await.expect_err("it is closed");
    let _ = writeln!(told, "{error} {error:?}");
    writeln!(std::io::stdout(), "{told}it is over").expect("it is heard");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_everything_that_is_safe_holds_no_password_and_no_body() {
    if let Ok(address) = std::env::var(ADDRESS) {
        return be_a_service(address).await;
    }
    let log = log_of("is_safe_to_log").await;
    assert!(log.contains("eda_rabbit") && log.contains("DEBUG"), "nothing was logged: {log}");
    assert_eq!(found(PASSWORD, &log), Vec::<String>::new());
    assert_eq!(found(BODY, &log), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_as_the_documentation_sets_it_holds_no_password_and_no_body() {
    for filter in ["info,lapin=warn,lapin::returned_messages=error", "trace,lapin=warn,lapin::returned_messages=error"]
    {
        let log = log_of(filter).await;
        assert!(log.contains("eda_rabbit"), "nothing was logged: {log}");
        assert_eq!(found(PASSWORD, &log), Vec::<String>::new(), "{filter}");
        assert_eq!(found(BODY, &log), Vec::<String>::new(), "{filter}");
    }
}

/// What SECURITY.md says of the rest: the client's own TRACE is not ours to mend. When this fails, it has been mended.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_frames_of_the_client_give_the_password_away() {
    let log = log_of("trace").await;
    let (of_lapin, of_others): (Vec<_>, Vec<_>) = log.lines().partition(|line| line.contains(" lapin::"));
    assert_eq!(found(PASSWORD, &of_others.join("\n")), Vec::<String>::new());
    let decimal = PASSWORD.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    assert_eq!(found(PASSWORD, &of_lapin.join("\n")), [decimal]);
}
