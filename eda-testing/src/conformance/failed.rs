//! How a case ends that finds something wrong.

use std::fmt;

use eda_core::Error;

/// What was promised and what was found.
#[derive(Debug)]
pub(super) struct Failed(pub(super) String);

pub(super) type Verdict<T = ()> = Result<T, Failed>;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Gives a result the words for what should have been.
pub(super) trait OrFail<T> {
    fn or_fail(self, expected: impl fmt::Display) -> Verdict<T>;
}

impl<T> OrFail<T> for eda_core::Result<T> {
    fn or_fail(self, expected: impl fmt::Display) -> Verdict<T> {
        self.map_err(|error: Error| Failed(format!("expected {expected}, found the error: {error}")))
    }
}

/// Fails the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::conformance::failed::Failed(format!($($text)+)));
        }
    };
}

/// Fails the case unless both are equal.
macro_rules! ensure_eq {
    ($found:expr, $expected:expr, $($text:tt)+) => {
        match (&$found, &$expected) {
            (found, expected) => {
                $crate::conformance::failed::ensure!(
                    found == expected,
                    "{}: expected {}, found {}",
                    format_args!($($text)+),
                    $crate::conformance::failed::brief(expected),
                    $crate::conformance::failed::brief(found)
                );
            }
        }
    };
}

/// A value as it is shown: the beginning of a long one.
pub(super) fn brief(value: &impl fmt::Debug) -> String {
    const LONGEST: usize = 600;
    let text = format!("{value:?}");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

pub(super) use {ensure, ensure_eq};
