//! `health`: whether the app is consumed from, as the broker sees it, or as a running process says.

mod endpoint;

use std::fmt::Write as _;
use std::io::Write;

use clap::Args;
use eda_core::App;
use serde_json::{Value, json};

use self::endpoint::{Answer, Endpoint, READINESS};
use crate::command::Target;
use crate::text::printable;
use crate::transports::{Transports, operator};
use crate::{Stop, write, write_json};

/// Who is asked.
#[derive(Args, Debug)]
pub(crate) struct HealthOptions {
    /// Ask this process, such as `http://localhost:8080`, whose endpoint is `/health/ready` unless the URL has a path; else
    /// the broker is asked who consumes from the app's queues.
    #[arg(long, visible_alias = "url", value_name = "URL")]
    process: Option<String>,
}

pub(crate) async fn health(
    app: &App,
    target: &Target,
    transports: &impl Transports,
    options: &HealthOptions,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    match &options.process {
        Some(url) => process(url, target.json, out).await,
        None => consumers(app, target, transports, out).await,
    }
}

async fn consumers(app: &App, target: &Target, transports: &impl Transports, out: &mut dyn Write) -> Result<(), Stop> {
    let topology = app.topology()?;
    let broker = transports.connect(target.url()?).await?;
    let states = match operator(&broker) {
        Ok(operator) => operator.queues(&topology).await,
        Err(error) => Err(error),
    };
    let closed = broker.close().await;
    let states = states?;
    closed?;
    let mut problems = Vec::new();
    let mut text = String::new();
    for subscription in &topology.subscriptions {
        let queue = &subscription.queue;
        match states.iter().find(|state| state.queue == *queue) {
            None => problems.push(format!("queue `{queue}` does not exist: run the service, or `topology apply`")),
            Some(state) => {
                // writing to a string can't fail
                let _ = writeln!(
                    text,
                    "{queue}: consumers {}, waiting {}, dead letters {}{}",
                    state.consumers,
                    state.messages,
                    state.dead,
                    if state.dead_others > 0 { ", and those that somebody looks at" } else { "" }
                );
                if state.consumers == 0 {
                    problems.push(format!("nobody consumes from queue `{queue}`"));
                }
            }
        }
    }
    if target.json {
        let queues = states.iter().map(|state| {
            json!({
                "queue": state.queue, "consumers": state.consumers, "waiting": state.messages, "dead": state.dead,
                "dead_others": state.dead_others
            })
        });
        let document = json!({
            "healthy": problems.is_empty(), "queues": queues.collect::<Vec<_>>(), "problems": problems
        });
        write_json(out, &document)?;
    } else {
        write(out, &text)?;
    }
    if problems.is_empty() { Ok(()) } else { Err(Stop::Found(problems)) }
}

async fn process(url: &str, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
    let endpoint = Endpoint::parse(url)?;
    let Answer { status, body } = endpoint.ask().await?;
    let told: Option<Value> = serde_json::from_str(&body).ok();
    let problem = problem(&status, told.as_ref(), endpoint.is_ours());
    if json {
        let mut document = json!({ "healthy": problem.is_none(), "status": status });
        match told {
            Some(told) => document["process"] = told,
            None => document["text"] = body.into(),
        }
        write_json(out, &document)?;
    } else {
        write(out, &told.as_ref().and_then(lines).unwrap_or_else(|| crate::text::body(body.trim_end().as_bytes())))?;
    }
    problem.map_or(Ok(()), |problem| Err(Stop::Found(vec![problem])))
}

/// Why the process is not ready, if so. Another program's endpoint may tell it by the status alone.
fn problem(status: &str, told: Option<&Value>, is_ours: bool) -> Option<String> {
    if status != "200" {
        return Some(format!("the process is not ready: it answered {status}"));
    }
    match told.and_then(|told| told["ready"].as_bool()) {
        Some(true) => None,
        Some(false) => Some("the process is not ready: it answered 200 with `ready` as false".to_owned()),
        None => is_ours.then(|| {
            format!(
                "the process does not say that it is ready: expected JSON with `ready` from `{READINESS}`, found something else; \
                 the URL of another endpoint needs its path"
            )
        }),
    }
}

/// What the endpoint of the feature `http` tells, for a person; nothing where another one has answered.
fn lines(told: &Value) -> Option<String> {
    let text = |value: &Value| Some(printable(value.as_str()?).into_owned());
    let consumers = &told["consumers"];
    let (confirmed, expected) = (consumers["confirmed"].as_u64()?, consumers["expected"].as_u64()?);
    let mut lines = format!("{confirmed} of {expected} consumers confirmed\n");
    for subscription in told["subscriptions"].as_array()? {
        let (queue, state) = (text(&subscription["queue"])?, text(&subscription["state"])?);
        let since = text(&subscription["since"]).map_or_else(String::new, |since| format!(" since {since}"));
        let why = text(&subscription["why"]).filter(|why| !why.is_empty());
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        // writing to a string can't fail
        let _ = writeln!(lines, "{queue}: {state}{since}{why}");
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    #[test]
    fn what_a_process_says_is_shown_as_it_is_and_steers_no_terminal() {
        let subscription = json!({ "queue": "billing.charge", "state": "retrying", "why": "no \"vhost\"\u{1b}[2J" });
        let told = json!({ "consumers": { "confirmed": 0, "expected": 1 }, "subscriptions": [subscription] });
        let expected = "0 of 1 consumers confirmed\nbilling.charge: retrying (no \"vhost\"\\u{1b}[2J)\n";
        assert_eq!(lines(&told).as_deref(), Some(expected));
    }

    /// Answers a request so, and closes the connection or leaves it open; gives what the command tells.
    async fn answered(answer: &[u8], path: &str, stays_open: bool) -> Result<String, Stop> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}{path}", listener.local_addr().expect("it listens"));
        let answers = async {
            let (mut stream, _) = listener.accept().await.expect("it is asked");
            let length = stream.read(&mut [0; 1_000]).await.expect("it asks");
            assert!(length > 0);
            // who has read enough does not listen to the rest
            let _ = stream.write_all(answer).await;
            stays_open.then_some(stream)
        };
        let mut out = Vec::new();
        let (_stream, asked) = tokio::join!(answers, process(&url, false, &mut out));
        asked.map(|()| String::from_utf8(out).expect("it is text"))
    }

    #[tokio::test]
    async fn only_a_whole_answer_that_says_ready_is_healthy() {
        let document = br#"{"ready":true}"#;
        let with = |head: &str, body: &[u8]| [head.as_bytes(), b"\r\n\r\n", body].concat();
        let chunks = b"e\r\n{\"ready\":true}\r\n0\r\n\r\n";
        let long = format!("HTTP/1.1 200 OK\r\nPadding: {}", "x".repeat(1_100_000));
        let cases: [(Vec<u8>, &str, Option<u8>); 22] = [
            (with("HTTP/1.1 200 OK\r\ncontent-length:14", document), "", None),
            (with("HTTP/1.0 200", document), "", None),
            (with("HTTP/1.1 200 OK\r\nContent-Length: 14", b"{\"ready\":true}, and more"), "/", None),
            (with("HTTP/1.1 200 OK", b"all is well"), "/healthz?full", None),
            (with("HTTP/1.1 200 OK\r\nContent-Length: 0", b""), "/healthz", None),
            (with("HTTP/1.1 503 Service Unavailable", document), "", Some(1)),
            (with("HTTP/1.1 204 No Content", b""), "/healthz", Some(1)),
            (with("HTTP/1.1 200 OK", br#"{"ready":false}"#), "", Some(1)),
            (with("HTTP/1.1 200 OK", br#"{"ready":false}"#), "/health/ready", Some(1)),
            (with("HTTP/1.1 200 OK", br#"{"ready":"true"}"#), "", Some(1)),
            (with("HTTP/1.1 200 OK", b"all is well"), "", Some(1)),
            (with("HTTP/1.1 200 OK", b"{\"ready\":true"), "", Some(1)),
            (with("x 200 y", b"hi"), "/healthz", Some(1)),
            (with("HTTP/1.1 2000 OK", b"hi"), "/healthz", Some(1)),
            (with("HTTP/2 200", b"hi"), "/healthz", Some(1)),
            (with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", chunks), "", Some(1)),
            (with("HTTP/1.1 200 OK\r\nContent-Length: 14\r\nContent-Length: 9", document), "", Some(1)),
            (with(&long, document), "", Some(1)),
            (with("HTTP/1.1 200 OK\r\nContent-Length: 9999", b"{\"ready\":true,\"cons"), "", Some(2)),
            (with("HTTP/1.1 200 OK\r\nContent-Length: 1", b""), "/healthz", Some(2)),
            (b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(), "/healthz", Some(2)),
            (Vec::new(), "", Some(2)),
        ];
        for (answer, path, expected) in cases {
            let asked = answered(&answer, path, false).await;
            let code = asked.as_ref().err().map(Stop::exit_code);
            assert_eq!(code, expected, "{asked:?} at `{path}` to {:.80}", answer.escape_ascii().to_string());
        }
    }

    #[tokio::test]
    async fn an_answer_ends_where_it_says_though_the_connection_stays_open() {
        let cases = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"ready\":true}", None),
            ("HTTP/1.1 204 No Content\r\n\r\n", Some(1)),
            ("AMQP\0\0\t\u{1}", Some(1)),
        ];
        for (answer, expected) in cases {
            let asked = timeout(Duration::from_secs(5), answered(answer.as_bytes(), "", true)).await;
            let code = asked.map(|asked| asked.err().as_ref().map(Stop::exit_code));
            assert_eq!(code, Ok(expected), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_wrong_url_of_a_process_is_not_to_be_tried_again() {
        let wrong = [
            "localhost:99999",
            "localhost:0",
            "localhost:",
            "localhost:+80",
            "localhost:8080?x",
            "a@localhost",
            "::1",
            "",
        ];
        for url in wrong.map(|rest| format!("http://{rest}")).into_iter().chain(["https://localhost".to_owned()]) {
            let asked = process(&url, false, &mut Vec::new()).await.expect_err("it is wrong");
            assert_eq!(asked.exit_code(), 1, "{url}: {asked}");
            assert!(asked.to_string().contains("expected "), "{url}: {asked}");
        }
    }
}
