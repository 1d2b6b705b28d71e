//! What a caller is told whose message was not confirmed.

use eda_core::{Error, ErrorKind};

use super::Parcel;
use crate::wire::Returned;

pub(crate) fn unconfirmed(trouble: &str) -> Error {
    let error = Error::new(
        ErrorKind::Unconfirmed,
        "the broker did not confirm the message in time: it may or may not have it; publish it again with the same id",
    );
    with_trouble(error, trouble)
}

pub(crate) fn unavailable(trouble: &str) -> Error {
    let error = Error::new(ErrorKind::Unavailable, "the broker could not be reached in time: nothing was published");
    with_trouble(error, trouble)
}

/// The connection is there, and the broker slower than those who publish.
pub(crate) fn no_room(waiting: usize, trouble: &str) -> Error {
    let text = format!("{waiting} messages wait for the broker's word, and none had it in time: nothing was published");
    with_trouble(Error::new(ErrorKind::Unavailable, text), trouble)
}

pub(crate) fn with_trouble(error: Error, trouble: &str) -> Error {
    if trouble.is_empty() { error } else { error.with("last trouble", trouble) }
}

pub(crate) fn unroutable(parcel: &Parcel, returned: &Returned) -> Error {
    let (key, exchange) = parcel.route();
    let text = format!("no queue is bound for `{key}` at exchange `{exchange}`: start a service that handles it");
    Error::new(ErrorKind::Unroutable, text).with("broker", &returned.text)
}

pub(crate) fn rejected() -> Error {
    Error::new(
        ErrorKind::Rejected,
        "the broker refused the message until its time was over: a queue is full or in trouble; try again later",
    )
}
