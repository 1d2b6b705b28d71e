//! The process, and a client for it.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// The example as a process, on a port of its own; dropped, it ends.
pub(crate) struct Web {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) url: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) body: String,
}

impl Web {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        // cargo builds the examples with the tests, into the folder beside theirs
        let test = std::env::current_exe().expect("a test is a file");
        let folder = test.parent().and_then(Path::parent).expect("tests are in `deps`");
        let program = folder.join("examples").join(format!("web{}", std::env::consts::EXE_SUFFIX));
        let mut child = Command::new(program)
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("`cargo test` builds the example; with `--test web`, run `cargo build --example web` before");
        let stdout = child.stdout.take().expect("it is piped");
        let mut web = Self { child, lines: BufReader::new(stdout).lines(), url: String::new() };
        let line = web.line();
        web.url = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("no address: {line}")).to_owned();
        web
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        self.lines.next().expect("it runs").expect("it is text")
    }

    /// Ends it as a supervisor does.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        let ended = self.child.wait().expect("it ends");
        assert!(sent.success() && ended.success(), "{ended}");
    }

    pub(crate) fn until_ready(&self) {
        let began = Instant::now();
        while self.get("/health/ready").status != 200 {
            assert!(began.elapsed() < PATIENCE, "it is not ready: {}", self.get("/health/ready").body);
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.0\r\n\r\n"))
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {length}");
        self.ask(&format!("{head}\r\n\r\n{body}"))
    }

    fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a minute is a time");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status");
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
        Answer { status, kind: kind.to_owned(), body: body.to_owned() }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.body))
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
