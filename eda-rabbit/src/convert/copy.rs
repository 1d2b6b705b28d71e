//! The copies that retries and dead letters are: everything as it came, and what this transport says beside it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use eda_core::Subscription;
use eda_core::transport::FailureRecord;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use tracing::warn;

use super::value::{encoded_size, long};
use super::{ATTEMPT, ROUTING_KEY, is_brokers_or_ours, properties};
use crate::topology::{DEAD, RETRY, wait_name};
use crate::wire::Outgoing;

pub(super) const EXCHANGE: &str = "eda-exchange";
pub(super) const FIRST_FAILED_AT: &str = "eda-first-failed-at";
const FIRST_REASON: &str = "eda-first-reason";
const FIRST_DETAIL: &str = "eda-first-detail";
pub(super) const LAST_FAILED_AT: &str = "eda-last-failed-at";
pub(super) const REASON: &str = "eda-reason";
pub(super) const DETAIL: &str = "eda-detail";
pub(super) const HANDLER: &str = "eda-handler";
pub(super) const EXPIRATION: &str = "eda-expiration";
pub(super) const USER_ID: &str = "eda-user-id";
pub(super) const LEFT_OUT: &str = "eda-left-out";

/// How many bytes the headers of a copy may have. All properties of a message travel in one frame, 128 KiB unless the
/// broker is told otherwise; one that does not fit ends the connection. The rest is for what the broker adds.
const HEADERS_LIMIT: usize = 112 * 1024;

/// How many bytes a header may have that one copy takes over from the other: the text of an error, and what tells its type
/// and its length.
const KEPT_LIMIT: usize = FailureRecord::DETAIL_LIMIT + 5;

/// What a copy is made of: the delivery as it came.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
}

/// A copy that waits for its time and then returns to its queue: everything as it came, and the next attempt's number.
pub(crate) fn retry_copy(
    original: &Original,
    to: &Subscription,
    milliseconds: u64,
    failure: &FailureRecord,
) -> Outgoing {
    let mut copy = copy(original, failure);
    copy.headers.insert(ATTEMPT.into(), AMQPValue::LongLongInt((failure.attempt.saturating_add(1)).into()));
    copy.outgoing(wait_name(&to.service, milliseconds), &to.queue)
}

/// A copy that is kept with the reason: everything as it came, and why, where and when it failed.
pub(crate) fn dead_copy(original: &Original, queue: &str, failure: &FailureRecord) -> Outgoing {
    let mut copy = copy(original, failure);
    copy.headers.insert(ATTEMPT.into(), AMQPValue::LongLongInt(failure.attempt.into()));
    copy.headers.insert(LAST_FAILED_AT.into(), long(&time(failure.failed_at)));
    copy.outgoing(DEAD.to_owned(), queue)
}

struct Copy<'a> {
    original: &'a Original,
    headers: BTreeMap<ShortString, AMQPValue>,
}

fn copy<'a>(original: &'a Original, failure: &FailureRecord) -> Copy<'a> {
    let old = original.properties.headers().as_ref();
    let is_copy = original.exchange == RETRY;
    // what is larger was not written here, and must not take the room of what is
    let kept = |name: &str| old?.inner().get(name).filter(|value| encoded_size(value) <= KEPT_LIMIT).cloned();
    let mut headers = old.map(|old| old.inner().clone()).unwrap_or_default();
    headers.retain(|name, _| !is_brokers_or_ours(name.as_str()));
    let mut set = |name: &str, value| headers.insert(name.into(), value);
    set(REASON, long(failure.reason.as_str()));
    set(DETAIL, long(&failure.detail));
    set(HANDLER, long(&failure.handler));
    let text = |property: &Option<ShortString>| property.as_ref().map(|text| long(text.as_str()));
    // said once, by the first copy
    for (name, first) in [
        (ROUTING_KEY, Some(long(&original.routing_key))),
        (EXCHANGE, Some(long(&original.exchange))),
        (EXPIRATION, text(original.properties.expiration())),
        (USER_ID, text(original.properties.user_id())),
    ] {
        if let Some(value) = if is_copy { kept(name) } else { first } {
            set(name, value);
        }
    }
    // a copy without them is a dead letter that was sent back, and fails for the first time
    for (name, first) in [
        (FIRST_FAILED_AT, long(&time(failure.failed_at))),
        (FIRST_REASON, long(failure.reason.as_str())),
        (FIRST_DETAIL, long(&failure.detail)),
    ] {
        set(name, kept(name).filter(|_| is_copy).unwrap_or(first));
    }
    Copy { original, headers }
}

impl Copy<'_> {
    fn outgoing(self, exchange: String, routing_key: &str) -> Outgoing {
        // what it leaves out of the properties stands in the headers
        let headers = FieldTable::from(fitting(self.headers));
        let properties = properties::for_a_copy(&self.original.properties, headers);
        Outgoing { exchange, routing_key: routing_key.to_owned(), properties, body: self.original.body.clone() }
    }
}

/// Leaves out the largest headers of a message that has grown over what a frame holds, and names them. The event itself,
/// its body and its properties are whole.
fn fitting(mut headers: BTreeMap<ShortString, AMQPValue>) -> BTreeMap<ShortString, AMQPValue> {
    let size = |(name, value): (&ShortString, &AMQPValue)| 1 + name.as_str().len() + encoded_size(value);
    let mut total: usize = headers.iter().map(size).sum();
    let mut left_out = Vec::new();
    while total > HEADERS_LIMIT {
        let largest =
            headers.iter().filter(|(name, _)| !is_brokers_or_ours(name.as_str())).max_by_key(|entry| size(*entry));
        let Some(name) = largest.map(|(name, _)| name.clone()) else { break };
        if let Some(value) = headers.remove(&name) {
            total -= size((&name, &value));
        }
        left_out.push(name.to_string());
    }
    if !left_out.is_empty() {
        warn!(headers = ?left_out, "the headers of a failed delivery don't fit beside the reason; its copy lacks the largest");
        left_out.truncate(16);
        headers.insert(LEFT_OUT.into(), long(&left_out.join(", ")));
    }
    headers
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use eda_core::Policy;
    use eda_core::transport::Reason;

    fn failure() -> FailureRecord {
        let (detail, handler) = ("x".repeat(FailureRecord::DETAIL_LIMIT), "billing.charge".to_owned());
        FailureRecord { reason: Reason::Permanent, detail, handler, attempt: 1, failed_at: SystemTime::UNIX_EPOCH }
    }

    fn subscription() -> Subscription {
        let (service, queue, bindings) = ("billing".into(), "q".into(), Vec::new());
        Subscription { service, queue, declare: true, bindings, policy: Policy::default() }
    }

    #[test]
    fn a_copy_fits_into_a_frame_whatever_came() {
        let mut headers = FieldTable::default();
        for (name, length) in [("small", 10), ("large", 60_000), ("larger", 65_000)] {
            headers.insert(name.into(), AMQPValue::LongString("x".repeat(length).into()));
        }
        let properties = BasicProperties::default().with_headers(headers);
        let original = Original { exchange: "e".into(), routing_key: "k".into(), properties, body: Bytes::new() };
        let copy = dead_copy(&original, "q", &failure());
        let headers = copy.properties.headers().as_ref().expect("it has some");
        assert!(encoded_size(&AMQPValue::FieldTable(headers.clone())) < 128 * 1024 - 8 * 1024);
        assert!(headers.contains_key("small") && headers.contains_key("large"));
        assert_eq!(headers.inner().get(LEFT_OUT), Some(&long("larger")));
    }

    #[test]
    fn a_forged_copy_fits_into_a_frame_too() {
        let mut headers = FieldTable::default();
        headers.insert(FIRST_DETAIL.into(), AMQPValue::LongString("x".repeat(127_000).into()));
        headers.insert(FIRST_REASON.into(), long("transient"));
        let properties = BasicProperties::default().with_headers(headers);
        let original = Original { exchange: RETRY.into(), routing_key: "q".into(), properties, body: Bytes::new() };
        for copy in [retry_copy(&original, &subscription(), 100, &failure()), dead_copy(&original, "q", &failure())] {
            let headers = copy.properties.headers().as_ref().expect("it has some");
            assert!(encoded_size(&AMQPValue::FieldTable(headers.clone())) < HEADERS_LIMIT);
            assert_eq!(headers.inner().get(FIRST_REASON), Some(&long("transient")));
        }
    }

    #[test]
    fn a_copy_of_a_copy_remembers_the_first_failure() {
        let properties = BasicProperties::default().with_reply_to("r".into()).with_expiration("5".into());
        let original = Original { exchange: "e".into(), routing_key: "k".into(), properties, body: Bytes::new() };
        let first = retry_copy(&original, &subscription(), 100, &failure());
        assert_eq!((&*first.exchange, &*first.routing_key), ("eda.wait.billing.100", "q"));
        let again = Original {
            exchange: RETRY.into(),
            routing_key: "q".into(),
            properties: first.properties,
            body: Bytes::new(),
        };
        let mut later = failure();
        later.failed_at += std::time::Duration::from_secs(60);
        (later.reason, later.detail) = (Reason::TimedOut, "slow".into());
        let dead = dead_copy(&again, "q", &later);
        let headers = dead.properties.headers().as_ref().expect("it has some").inner();
        assert_eq!(headers.get(ROUTING_KEY), Some(&long("k")));
        assert_eq!(headers.get(EXCHANGE), Some(&long("e")));
        assert_eq!(headers.get(FIRST_FAILED_AT), Some(&long("1970-01-01T00:00:00.000Z")));
        assert_eq!(headers.get(LAST_FAILED_AT), Some(&long("1970-01-01T00:01:00.000Z")));
        assert_eq!(headers.get(FIRST_REASON), Some(&long("permanent")));
        assert_eq!((headers.get(REASON), headers.get(DETAIL)), (Some(&long("timed-out")), Some(&long("slow"))));
        assert_eq!(headers.get(EXPIRATION), Some(&long("5")));
        assert_eq!(dead.properties.reply_to().as_ref().map(ShortString::as_str), Some("r"));
        assert_eq!(dead.properties.expiration(), &None);
    }
}
