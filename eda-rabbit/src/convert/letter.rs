//! Letters: what a dead letter says of its failure, and the copy that is sent back.

use std::time::SystemTime;

use eda_core::envelope;
use eda_core::transport::{Letter, LetterFailure, Place, Token};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::copy::{DETAIL, EXCHANGE, EXPIRATION, FIRST_FAILED_AT, HANDLER, LAST_FAILED_AT, LEFT_OUT, REASON, USER_ID};
use super::value::{long, number, text};
use super::{ATTEMPT, ROUTING_KEY, incoming, is_brokers_or_ours, properties};
use crate::topology::{EVENTS_STRICT, RETRY};
use crate::wire::{Arrived, Outgoing};

/// What a copy keeps of what was written beside the original: where it came from. Why it failed is gone.
const ORIGIN: [&str; 5] = [EXCHANGE, ROUTING_KEY, EXPIRATION, USER_ID, LEFT_OUT];

/// A letter of a place. Its original is the [`Outgoing`] that sends it back.
pub(crate) fn letter(place: &Place, token: Token, arrived: Arrived) -> Letter {
    match place {
        Place::DeadLettersOf(queue) => dead(queue, token, arrived),
        Place::Orphaned => {
            // a retry goes on where it was: its queue is its routing key, and its attempt counts
            let queue = arrived.routing_key.clone();
            let kept = |name: &str| name.starts_with(super::OWN) || !is_brokers_or_ours(name);
            let headers = only(&arrived.properties, kept);
            back(token, RETRY, queue.clone(), Some(queue), None, headers, arrived)
        }
        _ => {
            let headers = only(&arrived.properties, |name| !is_brokers_or_ours(name));
            let routing_key = arrived.routing_key.clone();
            // what still goes nowhere is returned by this one, and would be parked once more by the other
            back(token, EVENTS_STRICT, routing_key, None, None, headers, arrived)
        }
    }
}

/// Our own copies have no `x-death`, so what has one was parked by the broker: its queue was the last one there, and what
/// stands in headers of ours is believed only where a retry, which nobody else can publish, brought them.
fn dead(queue: &str, token: Token, arrived: Arrived) -> Letter {
    let parked = death(&arrived.properties);
    let is_ours = parked.as_ref().is_none_or(|death| death.exchange.as_deref() == Some(RETRY));
    let own = |name: &str| headers(&arrived.properties).find(|(own, _)| is_ours && own.as_str() == name);
    let said = |name: &str| own(name).and_then(|(_, value)| text(value)).map(str::to_owned);
    let time = |name: &str| said(name).as_deref().and_then(envelope::read_time);
    let mut failure = LetterFailure::default();
    failure.exchange = said(EXCHANGE).or_else(|| parked.as_ref()?.exchange.clone());
    failure.first_failed_at = time(FIRST_FAILED_AT);
    match &parked {
        None => {
            failure.reason = said(REASON).unwrap_or_else(|| LetterFailure::UNKNOWN.to_owned());
            failure.detail = said(DETAIL).unwrap_or_default();
            failure.handler = said(HANDLER).unwrap_or_else(|| queue.to_owned());
            failure.attempt = own(ATTEMPT).and_then(|(_, value)| number(value));
            failure.last_failed_at = time(LAST_FAILED_AT);
        }
        Some(death) => {
            LetterFailure::SUSPECT.clone_into(&mut failure.reason);
            failure.detail = format!("the broker parked it, since it was never settled: {}", death.reason);
            queue.clone_into(&mut failure.handler);
            failure.last_failed_at = death.time;
        }
    }
    let kept = |name: &str| (is_ours && ORIGIN.contains(&name)) || !is_brokers_or_ours(name);
    let mut back_headers = only(&arrived.properties, kept);
    if let Some(Death { routing_key: Some(key), .. }) = parked.filter(|_| !is_ours) {
        back_headers.insert(ROUTING_KEY.into(), long(&key));
    }
    back(token, RETRY, queue.to_owned(), Some(queue.to_owned()), Some(failure), back_headers, arrived)
}

/// What RabbitMQ says of the last time that it has moved a message by itself.
struct Death {
    exchange: Option<String>,
    routing_key: Option<String>,
    reason: String,
    time: Option<SystemTime>,
}

fn death(properties: &BasicProperties) -> Option<Death> {
    let (_, value) = headers(properties).find(|(name, _)| name.as_str() == "x-death")?;
    let last = match value {
        AMQPValue::FieldArray(deaths) => match deaths.as_slice().first() {
            Some(AMQPValue::FieldTable(death)) => death.inner(),
            _ => return None,
        },
        _ => return None,
    };
    let said = |name: &str| last.get(name).and_then(text).map(str::to_owned);
    let routing_key = match last.get("routing-keys") {
        Some(AMQPValue::FieldArray(keys)) => keys.as_slice().first().and_then(text).map(str::to_owned),
        _ => None,
    };
    let time = match last.get("time") {
        Some(AMQPValue::Timestamp(seconds)) => {
            SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(*seconds))
        }
        _ => None,
    };
    Some(Death { exchange: said("exchange"), routing_key, reason: said("reason").unwrap_or_default(), time })
}

fn headers(properties: &BasicProperties) -> impl Iterator<Item = (&ShortString, &AMQPValue)> {
    properties.headers().iter().flatten()
}

fn only(properties: &BasicProperties, kept: impl Fn(&str) -> bool) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in headers(properties).filter(|(name, _)| kept(name.as_str())) {
        table.insert(name.clone(), value.clone());
    }
    table
}

fn back(
    token: Token,
    exchange: &str,
    routing_key: String,
    queue: Option<String>,
    failure: Option<LetterFailure>,
    headers: FieldTable,
    arrived: Arrived,
) -> Letter {
    // not the one that the copy gets where it had none
    let id = incoming(&arrived).0.id;
    let old = arrived.properties;
    // the first copy has kept the others as headers
    let properties = properties::for_a_copy(&old, headers);
    // as a consumer will see it
    let seen = Arrived {
        tag: 0,
        exchange: exchange.to_owned(),
        routing_key,
        redelivered: false,
        properties,
        body: arrived.body,
    };
    let (mut message, _) = incoming(&seen);
    message.id = id;
    let Arrived { exchange, routing_key, properties, body, .. } = seen;
    Letter::new(token, message, queue, failure, Outgoing { exchange, routing_key, properties, body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use eda_core::transport::{FailureRecord, Reason};

    use crate::convert::{Original, dead_copy};
    use crate::topology::DEAD;

    const TOKEN: Token = Token { generation: 0, tag: 1 };

    fn record(reason: Reason) -> FailureRecord {
        let failed_at = SystemTime::UNIX_EPOCH;
        FailureRecord { reason, detail: "broken".into(), handler: "billing.charge".into(), attempt: 3, failed_at }
    }

    fn original() -> Original {
        let mut headers = FieldTable::default();
        headers.insert("tenant".into(), long("acme"));
        headers.insert("x-death".into(), long("forged"));
        headers.insert("cloudEvents_eventversion".into(), long("2"));
        let properties =
            BasicProperties::default().with_headers(headers).with_message_id("7".into()).with_expiration("5".into());
        Original { exchange: "eda.events".into(), routing_key: "order.created".into(), properties, body: Bytes::new() }
    }

    fn kept(Outgoing { exchange, routing_key, properties, body }: Outgoing) -> Arrived {
        Arrived { tag: 1, exchange, routing_key, redelivered: false, properties, body }
    }

    fn names(letter: &Letter) -> Vec<String> {
        let outgoing = letter.original::<Outgoing>().expect("it is ours");
        headers(&outgoing.properties).map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn a_dead_letter_is_sent_back_as_it_came() {
        let place = Place::DeadLettersOf("billing.charge".into());
        let letter = letter(&place, TOKEN, kept(dead_copy(&original(), "billing.charge", &record(Reason::Permanent))));
        let failure = letter.failure.as_ref().expect("it is dead");
        assert_eq!((&*failure.reason, &*failure.detail, failure.attempt), ("permanent", "broken", Some(3)));
        assert_eq!(failure.first_failed_at, Some(SystemTime::UNIX_EPOCH));
        assert_eq!((&*letter.message.routing_key, letter.message.version), ("order.created", Some(2)));
        let back = letter.original::<Outgoing>().expect("it is ours");
        assert_eq!((&*back.exchange, &*back.routing_key), (RETRY, "billing.charge"));
        assert_eq!(back.properties.message_id().as_ref().map(ShortString::as_str), Some("7"));
        let expected = ["cloudEvents_eventversion", "eda-exchange", "eda-expiration", "eda-routing-key", "tenant"]
            .map(String::from);
        assert_eq!(names(&letter), expected);
        let again = kept(back.clone());
        assert_eq!(incoming(&again).1, 1, "it starts anew");
        // and its next failure is its first one
        let Arrived { exchange, routing_key, properties, body, .. } = again;
        let again = Original { exchange, routing_key, properties, body };
        let mut later = record(Reason::TimedOut);
        later.failed_at += std::time::Duration::from_secs(60);
        let letter = self::letter(&place, TOKEN, kept(dead_copy(&again, "billing.charge", &later)));
        let failure = letter.failure.expect("it is dead");
        assert_eq!((&*failure.reason, failure.first_failed_at), ("timed-out", failure.last_failed_at));
        assert_eq!((failure.exchange.as_deref(), &*letter.message.routing_key), (Some("eda.events"), "order.created"));
    }

    #[test]
    fn what_the_broker_parked_is_suspect_and_its_forged_headers_are_nobodys() {
        let mut death = FieldTable::default();
        death.insert("exchange".into(), long("eda.events"));
        death.insert("reason".into(), long("delivery_limit"));
        death.insert("routing-keys".into(), AMQPValue::FieldArray(vec![long("order.created")].into()));
        let mut forged = FieldTable::default();
        forged.insert("x-death".into(), AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into()));
        for name in [REASON, HANDLER, ROUTING_KEY, ATTEMPT] {
            forged.insert(name.into(), long("forged"));
        }
        let arrived = Arrived {
            tag: 1,
            exchange: DEAD.into(),
            routing_key: "billing.charge".into(),
            redelivered: false,
            properties: BasicProperties::default().with_headers(forged),
            body: Bytes::new(),
        };
        let letter = letter(&Place::DeadLettersOf("billing.charge".into()), TOKEN, arrived);
        let failure = letter.failure.as_ref().expect("it is dead");
        assert_eq!((&*failure.reason, &*failure.handler), (LetterFailure::SUSPECT, "billing.charge"));
        assert_eq!((&*letter.message.routing_key, letter.message.id.as_ref()), ("order.created", None));
        assert_eq!(names(&letter), [ROUTING_KEY]);
    }

    #[test]
    fn a_dead_letter_that_says_nothing_is_of_an_unknown_reason() {
        let Original { exchange, routing_key, body, .. } = original();
        let properties = BasicProperties::default();
        let arrived = Arrived { tag: 1, exchange, routing_key, redelivered: false, properties, body };
        let letter = letter(&Place::DeadLettersOf("billing.charge".into()), TOKEN, arrived);
        let failure = letter.failure.expect("it is dead");
        assert_eq!((&*failure.reason, &*failure.handler), (LetterFailure::UNKNOWN, "billing.charge"));
    }

    #[test]
    fn an_unrouted_event_goes_to_the_exchange_that_returns_it() {
        let Original { exchange, routing_key, properties, body } = original();
        let arrived = Arrived { tag: 1, exchange, routing_key, redelivered: false, properties, body };
        let letter = letter(&Place::Unrouted, TOKEN, arrived);
        let back = letter.original::<Outgoing>().expect("it is ours");
        assert_eq!((&*back.exchange, &*back.routing_key), (EVENTS_STRICT, "order.created"));
        assert_eq!(names(&letter), ["cloudEvents_eventversion", "tenant"].map(String::from));
        assert_eq!(back.properties.expiration(), &None);
    }
}
