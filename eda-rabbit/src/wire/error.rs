//! lapin's errors become ours: what happened, and what to do.

use std::borrow::Cow;

use eda_core::{Error, ErrorKind};
use lapin::ErrorKind as Lapin;

/// An error while doing `what`, such as `declaring queue "a"`.
pub(super) fn from_lapin(what: &str, error: lapin::Error) -> Error {
    let (kind, text) = match error.kind() {
        Lapin::ProtocolError(error) => from_broker(error.get_id(), error.get_message().as_str()),
        Lapin::IOError(error) => from_socket(error),
        Lapin::MissingHeartbeatError => (
            ErrorKind::Unavailable,
            Cow::Borrowed("the broker was silent for two heartbeats: the connection was given up"),
        ),
        Lapin::RuntimeShutdownError(_) => {
            (ErrorKind::Unavailable, Cow::Borrowed("the connection to the broker was lost"))
        }
        Lapin::InvalidConnectionState(_) | Lapin::InvalidChannelState(..) | Lapin::InvalidChannel(_) => {
            (ErrorKind::Unavailable, Cow::Borrowed("the connection to the broker has ended"))
        }
        _ => (ErrorKind::Internal, Cow::Borrowed("the client library met something unexpected")),
    };
    Error::new(kind, text).with("while", what).caused_by(error)
}

fn from_socket(error: &std::io::Error) -> (ErrorKind, Cow<'static, str>) {
    let text = error.to_string();
    match error.kind() {
        // as rustls says it, in text only
        _ if text.contains("invalid peer certificate") => {
            (ErrorKind::AccessRefused, format!("the broker's certificate is not to be trusted: {text}").into())
        }
        std::io::ErrorKind::ConnectionRefused => {
            (ErrorKind::Unavailable, "no broker answers there: is it running?".into())
        }
        // as the resolver says it, in text only
        _ if text.contains("lookup address") => {
            (ErrorKind::Unavailable, format!("there is no such host: {text}").into())
        }
        _ => (ErrorKind::Unavailable, format!("the connection to the broker was lost: {text}").into()),
    }
}

/// Reply codes of AMQP 0-9-1 §1.2, with RabbitMQ's texts.
pub(super) fn from_broker(code: u16, text: &str) -> (ErrorKind, Cow<'static, str>) {
    match code {
        406 if text.contains("inequivalent arg") => (ErrorKind::Conflict, inequivalent(text).into()),
        406 => (ErrorKind::Conflict, format!("the broker refused the request: {text}").into()),
        403 if text.contains("Login was refused") => {
            (ErrorKind::AccessRefused, "the broker refused the login: check user name and password".into())
        }
        403 => (ErrorKind::AccessRefused, format!("the user lacks a permission: {text}").into()),
        404 => (ErrorKind::NotFound, format!("the broker does not have it: {text}").into()),
        530 if text.contains("not found") => (
            ErrorKind::NotFound,
            format!("there is no such virtual host: {text}; create it, or correct the URL").into(),
        ),
        530 if text.contains("channels opened") => (
            ErrorKind::Rejected,
            format!("the broker allows this user no more channels, on all its connections together: {text}; raise `max-channels`").into(),
        ),
        530 => (ErrorKind::AccessRefused, format!("the broker does not let this user in: {text}").into()),
        320 => (ErrorKind::Unavailable, format!("the broker closed the connection: {text}").into()),
        506 => (ErrorKind::Rejected, format!("the broker is out of resources: {text}").into()),
        _ => (ErrorKind::Internal, format!("the broker answered with an error: {code} {text}").into()),
    }
}

/// `PRECONDITION_FAILED - inequivalent arg 'x' for queue 'q' in vhost '/': received '1' but current is '2'`, in which the
/// broker quotes values or says `none`, and may tell a type after each.
fn inequivalent(text: &str) -> String {
    let quoted = |after: &str| text.split_once(after).and_then(|(_, rest)| rest.split('\'').nth(1));
    let thing = if text.contains("for exchange") { "exchange" } else { "queue" };
    let (Some(argument), Some(name)) = (quoted("inequivalent arg "), quoted(&format!("for {thing} "))) else {
        return format!("something of that name exists with other arguments: {text}");
    };
    let value = |after: &str| match text.split_once(after).map(|(_, rest)| rest.trim_start()) {
        Some(rest) if rest.starts_with("none") => "none".to_owned(),
        Some(rest) => rest.split('\'').nth(1).unwrap_or("unknown").to_owned(),
        None => "unknown".to_owned(),
    };
    let remedy = if thing == "exchange" || name.starts_with("eda.") {
        "it is shared by all services, which must agree: delete it if it is of no use, or use another virtual host"
    } else {
        "arguments can't be changed, so take another name, or delete it when it is empty"
    };
    format!(
        "{thing} `{name}` exists with another `{argument}`: expected {}, found {}; {remedy}",
        value("received"),
        value("but current is"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_in_arguments_shows_both_values() {
        for (text, expected) in [
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'a.b' in vhost '/': received the value \
                 '50' of type 'signedint' but current is the value '20' of type 'signedint'",
                "queue `a.b` exists with another `x-delivery-limit`: expected 50, found 20",
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'eda.events' in vhost '/': received 'topic' but \
                 current is 'fanout'",
                "exchange `eda.events` exists with another `type`: expected topic, found fanout",
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received none but current \
                 is the value 'quorum' of type 'longstr'",
                "expected none, found quorum",
            ),
        ] {
            let (kind, found) = from_broker(406, text);
            assert_eq!(kind, ErrorKind::Conflict);
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn what_can_go_wrong_at_the_door_is_told_apart() {
        for (code, text, kind) in [
            (403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.", ErrorKind::AccessRefused),
            (403, "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'u'", ErrorKind::AccessRefused),
            (530, "NOT_ALLOWED - vhost nope not found", ErrorKind::NotFound),
            (530, "NOT_ALLOWED - access to vhost '/' refused for user 'u'", ErrorKind::AccessRefused),
            (320, "CONNECTION_FORCED - broker forced connection closure", ErrorKind::Unavailable),
        ] {
            assert_eq!(from_broker(code, text).0, kind, "{text}");
        }
    }
}
