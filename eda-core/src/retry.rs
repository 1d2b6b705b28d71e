//! Whether to try again: decided here, from the failure's class and the attempt number, and nowhere else.

use std::time::Duration;

use crate::topology::Policy;
use crate::transport::Reason;

/// What happens to a delivery whose attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Another attempt, not before this time has passed.
    Retry(Duration),
    /// No further attempt: it is kept as a dead letter.
    DeadLetter,
}

/// Decides it: a transient failure is tried again until the policy's retries are used up.
///
/// ```
/// use eda_core::retry::{NextStep, next_step};
/// use eda_core::transport::Reason;
/// use eda_core::{Backoff, Policy};
///
/// let policy = Policy { retries: 1, backoff: Backoff::millis(200, 200), ..Policy::default() };
/// assert!(matches!(next_step(&policy, Reason::Transient, 1), NextStep::Retry(_)));
/// assert_eq!(next_step(&policy, Reason::Transient, 2), NextStep::DeadLetter);
/// assert_eq!(next_step(&policy, Reason::Permanent, 1), NextStep::DeadLetter);
/// ```
pub fn next_step(policy: &Policy, reason: Reason, attempt: u32) -> NextStep {
    if reason.is_transient() && attempt <= policy.retries {
        NextStep::Retry(policy.backoff.after(attempt))
    } else {
        NextStep::DeadLetter
    }
}
