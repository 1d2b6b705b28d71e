//! Why a handler did not succeed: transient or permanent.

use std::error::Error as StdError;
use std::fmt;

use crate::error::texts;
use crate::transport::{FailureRecord, Reason};

/// Why a handler did not succeed. A *transient* failure is tried again; a *permanent* one is a dead letter at once.
///
/// `?` makes every error a transient failure; say so where it is permanent:
///
/// ```
/// use eda_core::Failure;
///
/// fn parse(text: &str) -> Result<u64, Failure> {
///     text.parse().map_err(Failure::permanent)
/// }
///
/// assert!(parse("x").is_err_and(|failure| !failure.is_transient()));
/// ```
pub struct Failure {
    reason: Reason,
    error: Box<dyn StdError + Send + Sync>,
}

/// An error that a handler may return: it knows whether trying again can help.
///
/// `#[derive(HandlerError)]` writes it for an error type whose permanent variants are marked `#[permanent]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether to try again",
    label = "derive `HandlerError` for it, or return `Result<_, eda::Failure>`, which takes any error with `?`"
)]
pub trait HandlerError: Send + 'static {
    /// Classes the error.
    fn into_failure(self) -> Failure;
}

/// What `#[derive(HandlerError)]` needs: an error that can be kept with the dead letter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no error",
    label = "implement `std::error::Error` for it, or derive it with `thiserror::Error`"
)]
pub trait Cause: StdError + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<E: StdError + Send + Sync + 'static> Cause for E {}

impl Failure {
    /// A failure that another attempt may mend.
    pub fn transient(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::because(Reason::Transient, error)
    }

    /// A failure that no further attempt can mend.
    pub fn permanent(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::because(Reason::Permanent, error)
    }

    pub(crate) fn because(reason: Reason, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { reason, error: error.into() }
    }

    /// Whether another attempt may succeed.
    pub fn is_transient(&self) -> bool {
        self.reason.is_transient()
    }

    /// The class of the failure.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The error and its causes in one line, cut to [`FailureRecord::DETAIL_LIMIT`] bytes.
    pub fn detail(&self) -> String {
        cut(self.text())
    }

    pub(crate) fn text(&self) -> String {
        texts(&*self.error).join(": ")
    }
}

/// Of a text what is kept.
pub(crate) fn cut(mut detail: String) -> String {
    let fits = (0..=FailureRecord::DETAIL_LIMIT.min(detail.len())).rev().find(|end| detail.is_char_boundary(*end));
    detail.truncate(fits.unwrap_or(0));
    detail
}

#[diagnostic::do_not_recommend]
impl HandlerError for Failure {
    fn into_failure(self) -> Failure {
        self
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::transient(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
