//! SIGTERM, once and twice. A signal is for a whole process, so each service is a process of its own.

#![cfg(unix)]
#![expect(clippy::print_stdout, reason = "one process tells the other")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use eda_core::transport::memory::Memory;
use eda_core::{Broker, Event, Message, Service, event};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);
/// Set in the process that is a service.
const ROLE: &str = "EDA_SIGNALS_SERVICE";
/// The test as which a service runs.
const SERVICE: &str = "the_first_signal_lets_a_handler_finish";

struct Taken;

impl Event for Taken {
    const NAME: &'static str = "signals.taken";

    fn encode(&self) -> event::Encoded {
        Ok("{}".into())
    }

    fn decode(_: &[u8]) -> event::Decoded<Self> {
        Ok(Self)
    }
}

/// A service whose handler goes on when the other process says so.
async fn serve() {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stdout).init();
    let memory = Memory::new();
    let broker = Broker::new(memory.clone()).await.expect("memory always connects");
    let take = |_: Taken| async {
        println!("in hand");
        let wait = || std::io::stdin().read_line(&mut String::new());
        tokio::task::spawn_blocking(wait).await.expect("no panic").expect("it is told");
        println!("finished");
    };
    let running = Service::new("billing").on("take", take).start(&broker).await.expect("it starts");
    // nothing is in hand before it listens, and signals come when something is
    let hand_over = async { memory.send_to_queue("billing.take", Message::new(Taken::NAME, "{}")) };
    let (outcome, sent) = tokio::join!(running.until_stopped(), hand_over);
    sent.expect("the queue is there");
    outcome.expect("it ends in good order");
    let at_rest = async {
        loop {
            match memory.queue("billing.take").expect("it stays") {
                queue if queue.unacked == 0 => return queue.ready,
                // a task that was cancelled gives back when it is dropped
                _ => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    println!("left {}", timeout(PATIENCE, at_rest).await.expect("nothing stays in hand"));
    // the thread that waits for a word would hold the process up
    std::process::exit(0);
}

struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("a test is a file"))
            .args(["--exact", SERVICE, "--nocapture"])
            .env(ROLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Reads until a line has these words.
    fn until(&self, words: &str) {
        let mut told = String::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("expected `{words}`, it told:\n{told}"));
            if line.contains(words) {
                return;
            }
            told += &(line + "\n");
        }
    }

    fn terminate(&self) {
        let sent = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    fn has_ended_well(mut self) {
        assert!(self.child.wait().expect("it is our child").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it has ended, unless the test failed
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_lets_a_handler_finish() {
    if std::env::var_os(ROLE).is_some() {
        return serve().await;
    }
    let mut process = Process::start();
    process.until("in hand");
    process.terminate();
    process.until("a second signal ends at once");
    process.child.stdin.take().expect("it is piped").write_all(b"go on\n").expect("it listens");
    process.until("finished");
    process.until("left 0");
    process.has_ended_well();
}

#[test]
fn the_second_signal_ends_at_once_and_gives_back_what_is_in_hand() {
    let process = Process::start();
    process.until("in hand");
    process.terminate();
    process.until("a second signal ends at once");
    process.terminate();
    // long before the 30 s of a drain, or else it would say nothing
    process.until("again: giving back what is in hand");
    process.until("left 1");
    process.has_ended_well();
}
