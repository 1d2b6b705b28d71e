//! What is kept, as the tool looks at it, sends it back and discards it.

mod sender;
#[cfg(test)]
pub(crate) mod shelf;

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
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

/// Which letters were counted, and are to go. Others are not, whether they came while the question stands or were in the hands of
/// somebody else when it was asked.
#[derive(Default)]
pub(crate) struct Chosen(RefCell<HashMap<u64, u32>>);

impl Chosen {
    pub(crate) fn add(&self, letter: &Letter) {
        *self.0.borrow_mut().entry(fingerprint(letter)).or_default() += 1;
    }

    /// Whether it is one of them; each is taken once.
    pub(crate) fn take(&self, letter: &Letter) -> bool {
        let mut chosen = self.0.borrow_mut();
        let same = chosen.get_mut(&fingerprint(letter)).filter(|same| **same > 0);
        same.map(|same| *same -= 1).is_some()
    }
}

/// The same at each look, and of two letters the same only where one is as good as the other.
fn fingerprint(letter: &Letter) -> u64 {
    let Letter { message, queue, failure, .. } = letter;
    let failed = failure.as_ref().map(|failure| (&failure.reason, &failure.detail, failure.last_failed_at));
    let mut hasher = DefaultHasher::new();
    (queue, &message.routing_key, message.id_or_dash().to_string(), &message.body, failed).hash(&mut hasher);
    hasher.finish()
}

/// What one look has seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// How many it was to see, or has seen where that is all that could be.
    pub(crate) of: u64,
    /// How many others look at the same, as far as that is known.
    pub(crate) others: u64,
}

impl Seen {
    /// Adds what a walk has seen: it was to see so many, and ended by itself or not. Tells whether somebody else has some.
    pub(crate) fn add(&mut self, kept: &dyn Kept, count: u64, is_whole: bool) -> bool {
        // who came when this one had been opened has what it does not get
        let lacks = is_whole && count < kept.count();
        self.of += if is_whole { count } else { kept.count() };
        self.others += kept.others().max(u64::from(lacks));
        lacks || kept.others() > 0
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
        let letter = |queue: Option<&str>, body: &'static str| {
            let (token, message) = (Token { generation: 1, tag: 1 }, Message::new("order.created", body));
            Letter::new(token, message, queue.map(str::to_owned), None, ())
        };
        let chosen = Chosen::default();
        let charge = Some("billing.charge");
        for (queue, body) in [(charge, "1"), (charge, "1"), (charge, "2"), (None, "1")] {
            chosen.add(&letter(queue, body));
        }
        let asked =
            [(charge, "3"), (charge, "1"), (charge, "1"), (charge, "1"), (None, "1"), (None, "1"), (Some("x"), "2")];
        let taken = asked.map(|(queue, body)| chosen.take(&letter(queue, body)));
        assert_eq!(taken, [false, true, true, false, true, false, false]);
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
