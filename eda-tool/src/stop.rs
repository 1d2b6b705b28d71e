//! Why the tool stopped, and what the process answers.

use std::fmt;

use eda_core::{Error, ErrorKind};

use crate::text::printable;

/// Why a command stopped before its end. `Display` is what a person reads, in whole lines.
#[non_exhaustive]
#[derive(Debug)]
pub enum Stop {
    /// The arguments were not understood, or asked for help.
    Arguments(clap::Error),
    /// The command failed.
    Failed(Error),
    /// The command was asked to check, and found this.
    Found(Vec<String>),
}

impl Stop {
    /// What the process answers: 0 where help was asked for, 2 where the broker is away or has not confirmed something in time, else 1. So a script can tell what
    /// to try again later from what has to be changed.
    ///
    /// ```
    /// use eda_core::{Error, ErrorKind};
    /// use eda_tool::Stop;
    ///
    /// let away = Stop::from(Error::new(ErrorKind::Unavailable, "could not reach the broker"));
    /// assert_eq!(away.exit_code(), 2);
    /// ```
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Arguments(error) if !error.use_stderr() => 0,
            Self::Failed(error) if is_away(error) => 2,
            Self::Arguments(_) | Self::Failed(_) | Self::Found(_) => 1,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(error) => f.write_str(&without_passwords(&error.to_string())),
            // the way to a broker that is away has many steps, and none of them helps
            Self::Failed(error) if is_away(error) => lines(f, &format!("error: {error}")),
            Self::Failed(error) => lines(f, &format!("error: {error:?}")),
            Self::Found(findings) => findings.iter().try_for_each(|finding| lines(f, &format!("found: {finding}"))),
        }
    }
}

/// Whether to try again later is all that can be done.
fn is_away(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unconfirmed)
}

/// Also where a URL stands where none is expected, and a password holds what should have been encoded.
fn without_passwords(text: &str) -> String {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(|letter: char| letter.is_whitespace() || "'\"`".contains(letter)).unwrap_or(after.len());
        let host = after[..end].rfind('@').unwrap_or_default();
        shown.extend([before, "://", if host > 0 { "…" } else { "" }]);
        rest = &after[host..];
    }
    shown + rest
}

/// What others have sent may be part of it, and steers no terminal.
fn lines(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.lines().try_for_each(|line| writeln!(f, "{}", printable(line)))
}

impl std::error::Error for Stop {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Arguments(error) => Some(error),
            Self::Failed(error) => Some(error),
            Self::Found(_) => None,
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<clap::Error> for Stop {
    fn from(error: clap::Error) -> Self {
        Self::Arguments(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_wrong_place_is_not_repeated() {
        let told = without_passwords("no 'amqp://ada:hun@t/e://r2@host/%2f', nor http://host nor \"x://b:c@d\"\n");
        assert_eq!(told, "no 'amqp://…@host/%2f', nor http://host nor \"x://…@d\"\n");
        let misplaced = clap::Command::new("tool").try_get_matches_from(["tool", "amqp://ada:hunter2@host"]);
        let told = Stop::from(misplaced.expect_err("it takes nothing")).to_string();
        assert!(told.contains("amqp://…@host") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn what_others_have_sent_steers_no_terminal() {
        let found = Stop::Found(vec!["ev\u{1b}[2Jil is handled by nobody".to_owned()]);
        assert_eq!(found.to_string(), "found: ev\\u{1b}[2Jil is handled by nobody\n");
        let failed = Stop::from(Error::new(ErrorKind::Invalid, "odd").with("id", "\u{202e}txt"));
        assert!(failed.to_string().ends_with("id: \\u{202e}txt\n"), "{failed}");
    }
}
