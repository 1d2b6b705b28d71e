//! What an attempt that failed is told as.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::failure::{Failure, cut};
use crate::service::Redact;

/// What is told of a failure: in logs, beside the dead letter, and where it is rehearsed.
pub(super) fn detail(failure: &Failure, redact: Option<&Redact>) -> String {
    let shown = catch_unwind(AssertUnwindSafe(|| failure.text()))
        .unwrap_or_else(|_| "the error could not be shown: its `Display` panicked".to_owned());
    let redacted = match redact {
        // before it is cut, so that no half of a secret is left at the end
        Some(redact) => catch_unwind(AssertUnwindSafe(|| redact(shown)))
            .unwrap_or_else(|_| "the error is not shown: its redaction panicked".to_owned()),
        None => shown,
    };
    cut(redacted)
}
