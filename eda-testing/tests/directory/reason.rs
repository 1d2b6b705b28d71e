//! Why a delivery is dead, as a file that a person reads: a line for each fact, and the error at the end.

use std::time::{Duration, SystemTime};

use eda_core::Result;
use eda_core::transport::FailureRecord;

pub(crate) fn encode(failure: &FailureRecord) -> Vec<u8> {
    let FailureRecord { reason, handler, attempt, detail, failed_at } = failure;
    let seconds = failed_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{reason}\n{handler}\n{attempt}\n{seconds}\n{detail}").into_bytes()
}

/// What [`encode`] has written; `None` for anything else.
pub(crate) fn decode(file: &[u8]) -> Option<Result<FailureRecord>> {
    let mut lines = std::str::from_utf8(file).ok()?.splitn(5, '\n');
    let reason = lines.next()?.parse();
    let (handler, attempt) = (lines.next()?.to_owned(), lines.next()?.parse().ok()?);
    let failed_at = SystemTime::UNIX_EPOCH + Duration::from_secs(lines.next()?.parse().ok()?);
    let detail = lines.next()?.to_owned();
    Some(reason.map(|reason| FailureRecord { reason, detail, handler, attempt, failed_at }))
}
