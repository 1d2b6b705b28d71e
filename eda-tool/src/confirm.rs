//! Asks before something is done that can't be taken back.

use std::io::{IsTerminal, Write, stderr, stdin};

use eda_core::{Error, ErrorKind};

/// Asks a person whether to go on; `what` is what would be done, such as `delete 2 queues`.
///
/// # Errors
/// Where the answer is no, or nobody can be asked.
pub(crate) fn ask(what: &str) -> Result<(), Error> {
    let refused = |text: String| Error::new(ErrorKind::Invalid, text);
    if !stdin().is_terminal() {
        return Err(refused(format!("nobody can be asked whether to {what}: add `--yes`")));
    }
    // whoever closed the stream answers blindly, and the answer is no by default
    let _ = write!(stderr(), "{what}? [y/N] ");
    let mut answer = String::new();
    let read = stdin().read_line(&mut answer);
    read.map_err(|error| refused("could not read the answer".to_owned()).caused_by(error))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(refused("nothing was changed".to_owned())) }
}
