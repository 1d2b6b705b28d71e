//! What is kept, as the tool looks at it, sends it back and discards it.

mod sender;
#[cfg(test)]
pub(crate) mod shelf;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use eda_core::transport::{Keep, Kept, Letter, LetterFailure};
use eda_core::{Broker, Error, ErrorKind, Message, Result, envelope};

pub(crate) use self::sender::Sender;
use crate::text::{counted, printable};

/// How long a replay may be paced. RabbitMQ ends a channel on which anything is unsettled for 30 minutes, and what does not
/// match is, from when it was passed over until the walk ends.
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// How letters are sent back.
#[derive(Args, Debug)]
pub(crate) struct Sending {
    /// So many at most, oldest first of each queue.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// So many a second at most.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Only tell what would be done.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

impl Sending {
    /// # Errors
    /// Where so many, one after the other, would take longer than a broker lets them.
    pub(crate) fn check_time(&self, count: u64, what: &str) -> Result<()> {
        let Some(rate) = self.rate else { return Ok(()) };
        let fits = u64::from(rate) * LONGEST.as_secs();
        if count <= fits {
            return Ok(());
        }
        let took = humantime::format_duration(Duration::from_secs(count.div_ceil(rate.into())));
        let text = format!(
            "{} at {rate} a second take {took}, more than the 20m before which no broker takes back what is in hand: \
             send them by `--rate {}`, or in parts by `--limit {fits}`",
            counted(count, what),
            count.div_ceil(LONGEST.as_secs())
        );
        Err(Error::new(ErrorKind::Invalid, text))
    }
}

/// What the broker keeps.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) where nothing is kept that could be looked at.
pub(crate) fn keeper(broker: &Broker) -> Result<&dyn Keep> {
    broker.transport().keep().ok_or_else(|| {
        let text = "this broker keeps nothing that could be looked at: expected a URL such as `amqp://localhost`";
        Error::new(ErrorKind::Unsupported, text).with("broker", broker.transport().describe())
    })
}

/// The next letter of a walk, [`unfolded`]. Cancel safe.
pub(crate) async fn next(kept: &mut dyn Kept) -> Result<Option<Letter>> {
    let letter = kept.next().await?;
    Ok(letter.map(|mut letter| {
        letter.message = unfolded(letter.message);
        letter
    }))
}

/// A message with the name, the ids and the rest of what a `CloudEvent` in structured mode says in its body, where only the
/// runtime of a handler looks. Its body, content type and headers are as they came, and so is all of it where the body can't
/// be read.
pub(crate) fn unfolded(message: Message) -> Message {
    if !envelope::is_structured(&message) {
        return message;
    }
    let mut said = message.clone();
    match envelope::unfold(&mut said) {
        Ok(()) => {
            let Message { body, content_type, headers, .. } = message;
            Message { body, content_type, headers, ..said }
        }
        Err(_) => message,
    }
}

/// How many of each queue were counted, and are to go: what comes while the question stands is not theirs. What belongs to
/// no queue counts under `""`.
pub(crate) struct Left(RefCell<BTreeMap<String, u64>>);

impl Left {
    pub(crate) fn of(counted: &BTreeMap<String, u64>) -> Self {
        Self(RefCell::new(counted.clone()))
    }

    pub(crate) fn take(&self, letter: &Letter) -> bool {
        let mut left = self.0.borrow_mut();
        let of_queue = left.get_mut(letter.queue.as_deref().unwrap_or_default()).filter(|left| **left > 0);
        of_queue.map(|left| *left -= 1).is_some()
    }
}

/// For the log: metadata only.
pub(crate) fn told(letter: &Letter) -> String {
    let message = &letter.message;
    let (event, id) = (message.name.as_deref().unwrap_or(&message.routing_key), message.id_or_dash());
    let queue = letter.queue.as_deref().unwrap_or("eda.unrouted");
    let LetterFailure { reason, .. } = letter.failure.clone().unwrap_or_default();
    let reason = if reason.is_empty() { reason } else { format!(", {reason}") };
    printable(&format!("{event} {id} of {queue}{reason}")).into_owned()
}

/// How many are done, such as `discarded 3 dead letters of 7`.
pub(crate) fn done(word: &str, count: u64, what: &str, matched: u64) -> String {
    let of = if count == matched { String::new() } else { format!(" of {matched}") };
    format!("{word} {}{of}", counted(count, what))
}

/// So many were counted, and are there no more.
pub(crate) fn gone(count: u64, what: &str) -> String {
    let (were, them) = if count == 1 { ("was counted and is", "it") } else { ("were counted and are", "them") };
    format!("{} {were} not there: somebody else has taken or holds {them}", counted(count, what))
}

#[cfg(test)]
mod tests {
    use eda_core::transport::Token;

    use super::shelf::structured;
    use super::*;

    #[test]
    fn what_was_not_counted_is_not_taken() {
        let letter = |queue: Option<&str>| {
            let (token, message) = (Token { generation: 1, tag: 1 }, Message::new("order.created", "{}"));
            Letter::new(token, message, queue.map(str::to_owned), None, ())
        };
        let counted = [("billing.charge", 2), ("", 1)].map(|(queue, count)| (queue.to_owned(), count));
        let left = Left::of(&BTreeMap::from(counted));
        let taken = [Some("billing.charge"), None, None, Some("billing.charge"), Some("billing.charge"), Some("other")];
        assert_eq!(taken.map(|queue| left.take(&letter(queue))), [true, true, false, true, false, false]);
    }

    #[test]
    fn what_would_take_too_long_is_refused_with_what_fits() {
        let sending = |rate| Sending { limit: None, rate, yes: true, dry_run: false };
        for (rate, count) in [(None, u64::MAX), (Some(1), 1_200), (Some(u32::MAX), 100_000)] {
            assert!(sending(rate).check_time(count, "letter").is_ok(), "{count} at {rate:?}");
        }
        let refused = sending(Some(2)).check_time(6_001, "letter").expect_err("it takes over 20 minutes").to_string();
        assert!(refused.starts_with("6001 letters at 2 a second take 50m 1s, more than the 20m"), "{refused}");
        assert!(refused.ends_with("send them by `--rate 6`, or in parts by `--limit 2400`"), "{refused}");
        assert!(sending(Some(6)).check_time(6_001, "letter").is_ok());
    }

    #[test]
    fn a_structured_event_is_known_by_what_its_body_says_and_stays_as_it_came() {
        let seen = unfolded(structured());
        assert_eq!((seen.name.as_deref(), seen.source.as_deref()), (Some("order.created"), Some("shop")));
        assert_eq!(seen.id.as_ref().map(ToString::to_string).as_deref(), Some("7"));
        let Message { body, content_type, headers, .. } = structured();
        assert_eq!((&seen.body, &seen.content_type, &seen.headers), (&body, &content_type, &headers));
        let broken = Message { body: "no JSON".into(), ..structured() };
        assert_eq!(unfolded(broken.clone()), broken);
    }
}
