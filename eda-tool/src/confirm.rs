//! Asks before something is done that can't be taken back.

use std::io::{self, IsTerminal, Write, stderr, stdin};
use std::thread;

use eda_core::{Error, ErrorKind};
use tokio::sync::oneshot;

/// Asks a person whether to go on; `what` is what would be done, such as `delete 2 queues`.
///
/// # Errors
/// Where the answer is no, or nobody can be asked.
pub(crate) async fn ask(what: &str) -> Result<(), Error> {
    let refused = |text: String| Error::new(ErrorKind::Invalid, text);
    if !stdin().is_terminal() {
        return Err(refused(format!("nobody can be asked whether to {what}: add `--yes`")));
    }
    // whoever closed the stream answers blindly, and the answer is no by default
    let _ = write!(stderr(), "{what}? [y/N] ");
    let read = || {
        let mut answer = String::new();
        stdin().read_line(&mut answer).map(|_| answer)
    };
    let answer = aside(read).await;
    let answer = answer.map_err(|error| refused("could not read the answer".to_owned()).caused_by(error))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(refused("nothing was changed".to_owned())) }
}

/// Reads on a thread of its own, so that the connection to the broker lives on meanwhile: a person may take minutes. It is none
/// of the runtime's, which would not end before the answer came.
async fn aside(read: impl FnOnce() -> io::Result<String> + Send + 'static) -> io::Result<String> {
    let (sender, answer) = oneshot::channel();
    // where nobody waits for the answer any more, it is worth nothing
    thread::Builder::new().name("eda-question".to_owned()).spawn(move || drop(sender.send(read())))?;
    answer.await.unwrap_or_else(|_| Err(io::Error::other("what reads it panicked")))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::runtime;
    use tokio::time::{sleep, timeout};

    use super::*;

    /// So long a test would wait for what never comes.
    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_heart_beats_while_an_answer_is_awaited() {
        let (beat, beats) = mpsc::channel();
        tokio::spawn(async move {
            while beat.send(()).is_ok() {
                sleep(Duration::from_millis(1)).await;
            }
        });
        let read = move || {
            let beaten = (0..3).try_for_each(|_| beats.recv_timeout(PATIENCE));
            beaten.map(|()| "y\n".to_owned()).map_err(io::Error::other)
        };
        assert_eq!(aside(read).await.expect("a heart beats"), "y\n");
    }

    #[test]
    fn a_runtime_ends_where_nobody_answers() {
        let (answer, answers) = mpsc::channel();
        let runtime = runtime::Builder::new_current_thread().enable_time().build().expect("it is built");
        runtime.block_on(async {
            let read = move || answers.recv_timeout(PATIENCE).map_err(io::Error::other);
            timeout(Duration::from_millis(1), aside(read)).await.expect_err("nobody answers");
        });
        drop(runtime);
        answer.send("y\n".to_owned()).expect("the question still stands");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_an_error() {
        let panicked = aside(|| panic!("no idea")).await.expect_err("it panicked");
        assert_eq!(panicked.to_string(), "what reads it panicked");
        let failed = aside(|| Err(io::ErrorKind::UnexpectedEof.into())).await.expect_err("it failed");
        assert_eq!(failed.kind(), io::ErrorKind::UnexpectedEof);
    }
}
