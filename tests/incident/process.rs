//! Runs the commands of the page as a shell would, and makes what they tell the same in each run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
/// A time as the tools tell it; which one is of no matter.
const TIME: &str = "2026-11-28T09:14:07Z";
/// As long everything took, and as late it was, whatever it was in a run.
const TOOK: &str = "1.0ms";
const OFFSET: &str = "+0.010s";

/// What the page's orders begin with.
const SERIES: &str = "2969D2";

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

pub(crate) struct Shop {
    /// What stands in the page, and what it is in this run.
    places: Vec<(String, String)>,
    learned: usize,
}

impl Shop {
    pub(crate) fn new(places: &[(&str, String)]) -> Self {
        let places = places.iter().map(|(written, real)| ((*written).to_owned(), real.clone())).collect();
        Self { places, learned: 0 }
    }

    /// Gives ids of this run the names that the page has for them.
    pub(crate) fn learn(&mut self, ids: &[String]) {
        for id in ids {
            if self.places.iter().any(|(_, real)| real == id) {
                continue;
            }
            self.learned += 1;
            self.places.push((format!("0199c8a4-0000-7000-8000-{:012}", self.learned), id.clone()));
        }
    }

    /// All that a command tells, on both streams, as the page would show it.
    ///
    /// # Panics
    /// Where the command fails: none of the page's does.
    pub(crate) fn tell(&self, command: &str) -> String {
        let told = match command.strip_prefix("curl -s http://") {
            Some(rest) => {
                let (url, word) = rest.split_once(" | grep '").expect("what is asked, and what is looked for");
                let found = self.get(url);
                let begin = word.trim_end_matches('\'').trim_start_matches('^');
                let lines: String = found.split_inclusive('\n').filter(|line| line.starts_with(begin)).collect();
                assert!(!lines.is_empty(), "{command}: nothing begins so: {found}");
                lines
            }
            None => self.lines(command),
        };
        self.as_written(&told)
    }

    /// All that a command tells, as it tells it.
    ///
    /// # Panics
    /// Where the command fails.
    pub(crate) fn lines(&self, command: &str) -> String {
        let (status, told) = self.ran(command);
        assert!(status.success(), "{command}: {status}: {told}");
        told
    }

    /// Until a command succeeds, and what it tells is as wanted.
    pub(crate) fn until(&self, command: &str, wanted: impl Fn(&Value) -> bool) {
        let begin = Instant::now();
        loop {
            let (status, told) = self.ran(command);
            if status.success() && serde_json::from_str(&told).is_ok_and(|told| wanted(&told)) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{command}: {status}: {told}");
        }
    }

    fn ran(&self, command: &str) -> (ExitStatus, String) {
        let Output { status, stdout, stderr } =
            self.command(command).output().expect("the shop was built with this test");
        (status, String::from_utf8_lossy(&stderr).into_owned() + &String::from_utf8_lossy(&stdout))
    }

    /// Starts a service, and waits until it runs.
    pub(crate) fn start(&self, command: &str) -> Running {
        let mut running = self.begin(command);
        while !running.told.contains("running on") {
            let line = running.lines.recv_timeout(PATIENCE);
            running.told += &(line.unwrap_or_else(|_| panic!("{command} does not run: {}", running.told)) + "\n");
        }
        running
    }

    pub(crate) fn begin(&self, command: &str) -> Running {
        let mut child =
            self.command(command).stdout(Stdio::piped()).spawn().expect("the shop was built with this test");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Running { child, lines, told: String::new() }
    }

    fn command(&self, command: &str) -> Command {
        let mut words = command.split(' ').map(|word| self.as_real(word));
        assert_eq!(words.next().as_deref(), Some("shop"), "{command}");
        let test = std::env::current_exe().expect("a test is a file");
        let folder: PathBuf = test.ancestors().nth(2).expect("tests are in `deps`").join("examples");
        let mut shop = Command::new(folder.join("shop").with_extension(std::env::consts::EXE_EXTENSION));
        shop.args(words).env_remove("AMQP_URL").env_remove("RUST_LOG").stdin(Stdio::null());
        shop
    }

    fn get(&self, url: &str) -> String {
        let (host, path) = url.split_once('/').expect("a path");
        let mut stream = TcpStream::connect(self.as_real(host)).expect("the process listens");
        write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert_eq!(answer.split(' ').nth(1), Some("200"), "{url}: {answer}");
        answer.split_once("\r\n\r\n").expect("an answer has a body").1.to_owned()
    }

    fn as_real(&self, word: &str) -> String {
        self.places.iter().fold(word.to_owned(), |word, (written, real)| word.replace(written, real))
    }

    /// As the page shows it: the same in each run.
    pub(crate) fn as_written(&self, told: &str) -> String {
        let told = self.places.iter().fold(told.to_owned(), |told, (written, real)| told.replace(real, written));
        let lines = told.lines().map(|line| {
            let mut words: Vec<String> = Vec::new();
            for word in line.split(' ') {
                let quoted = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
                words.push(match quoted {
                    quoted if is_time(quoted) => word.replace(quoted, TIME),
                    quoted if is_offset(word) => word.replace(&format!("+{quoted}"), OFFSET),
                    quoted if is_duration(quoted) && words.last().is_some_and(|word| word == "after") => {
                        word.replace(quoted, TOOK)
                    }
                    _ => word.to_owned(),
                });
            }
            words.join(" ")
        });
        let told: String = lines.map(|line| line + "\n").collect();
        match series(&told) {
            Some(series) => told.replace(&series, SERIES),
            None => told,
        }
    }
}

/// As in RFC 3339, in UTC.
fn is_time(word: &str) -> bool {
    word.len() >= TIME.len() && word.starts_with("20") && word.as_bytes()[10] == b'T' && word.ends_with('Z')
}

/// As `trace` tells how much later something was.
fn is_offset(word: &str) -> bool {
    let seconds = word.strip_prefix('+').and_then(|word| word.strip_suffix('s'));
    seconds.is_some_and(|seconds| seconds.parse::<f64>().is_ok())
}

/// As `trace` tells how long something took.
fn is_duration(word: &str) -> bool {
    let unit = word.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    unit.len() < word.len() && matches!(unit, "µs" | "ms" | "s")
}

/// What the numbers of the orders begin with, which differs from run to run.
fn series(told: &str) -> Option<String> {
    let dash = told.match_indices("-100").map(|(at, _)| at).find(|at| {
        let series = at.checked_sub(SERIES.len()).and_then(|begin| told.get(begin..*at));
        series.is_some_and(|series| series.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')))
    })?;
    Some(told[dash - SERIES.len()..dash].to_owned())
}

/// A process of the shop; killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    told: String,
}

impl Running {
    /// Ends it as `kill` does.
    pub(crate) fn stop(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success() && self.child.wait().expect("it ends").success(), "{}", self.told);
    }

    /// What it has told when it has ended by itself, in good order.
    pub(crate) fn ended(mut self) -> String {
        // the reader ends with the process
        self.told.extend(self.lines.iter().map(|line| line + "\n"));
        assert!(self.child.wait().expect("it ends").success(), "{}", self.told);
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

mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "shop --broker memory:// dead show nowhere: exit status: 1")]
    fn a_command_that_fails_is_no_part_of_the_story() {
        Shop::new(&[]).tell("shop --broker memory:// dead show nowhere");
    }
}
