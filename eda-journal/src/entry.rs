//! One line of a journal.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use eda_core::journal::{Ending, Fact, What};
use serde::{Deserialize, Serialize};

/// The version of the format. It grows when a reader of the older one would misunderstand a line, not when a field is added.
pub const VERSION: u32 = 1;

/// One line of a journal: an event that was published, or an attempt to handle one. What is not known is left out. Of a
/// [`Fact`] it borrows what it can; what was [parsed](Self::parse) is `Entry<'static>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// The version of the format: [`VERSION`].
    pub journal: u32,
    /// When it was written down.
    #[serde(with = "rfc3339")]
    pub time: SystemTime,
    /// What has happened.
    pub kind: Kind,
    /// The event's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Cow<'a, str>>,
    /// The event's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The event's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
    /// What all events of the business process share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Cow<'a, str>>,
    /// The id of the event whose handling published this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Cow<'a, str>>,
    /// Who published it, or handled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Cow<'a, str>>,
    /// The handler, without the service's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<Cow<'a, str>>,
    /// Which attempt it was, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Of what was published: `confirmed`, `unconfirmed` or `failed`. Of what was handled: `handled`, `retry`, `dead-letter`
    /// or `given-back`. Of what was dropped: `dropped`.
    pub outcome: Cow<'a, str>,
    /// How long the attempt took, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_us: Option<u64>,
    /// After how many milliseconds it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Why it failed, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// Why it failed, for a person; what `Service::redact` left of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'a, str>>,
    /// How many lines were dropped about here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An event was published.
    Published,
    /// An attempt to handle an event has ended.
    Handled,
    /// Lines are missing here: they came faster than they could be written.
    Dropped,
}

impl<'a> Entry<'a> {
    /// Of what a program has done.
    pub fn of(fact: &'a Fact<'_>) -> Self {
        let message = fact.message;
        let id = message.id.as_ref().map(|id| Cow::Owned(id.to_string()));
        let mut entry = Self {
            event: Some(message.name.as_deref().unwrap_or(&message.routing_key).into()),
            version: message.version,
            // what a foreign producer begins has none, and its effects take its id for it
            correlation_id: message.correlation_id.as_deref().map(Cow::Borrowed).or_else(|| id.clone()),
            causation_id: message.causation_id.as_deref().map(Cow::Borrowed),
            id,
            ..Self::bare(Kind::Published, fact.time)
        };
        match &fact.what {
            What::Published(word) => {
                entry.service = message.source.as_deref().map(Cow::Borrowed);
                entry.outcome = Cow::Borrowed(match word {
                    Some(Ok(())) => "confirmed",
                    None => "unconfirmed",
                    Some(Err(_)) => "failed",
                });
                entry.error = word.and_then(Result::err).map(|error| Cow::Owned(error.to_string()));
            }
            What::Handled { service, handler, attempt, took, outcome } => {
                entry.kind = Kind::Handled;
                entry.service = Some(Cow::Borrowed(service));
                entry.handler = handler.map(Cow::Borrowed);
                entry.attempt = Some(*attempt);
                entry.took_us = Some(took.as_micros().try_into().unwrap_or(u64::MAX));
                entry.outcome(outcome);
            }
            // a fact of a newer core: what can be said of every event is said
            _ => entry.outcome = Cow::Borrowed("unknown"),
        }
        entry
    }

    /// That lines are missing.
    pub(crate) fn dropped(count: u64) -> Self {
        let bare = Self::bare(Kind::Dropped, SystemTime::now());
        Self { outcome: Cow::Borrowed("dropped"), count: Some(count), ..bare }
    }

    /// The line, with its end.
    ///
    /// # Errors
    /// None that is known; the writer of JSON could give one.
    pub fn to_line(&self) -> serde_json::Result<Vec<u8>> {
        // most lines need not grow it
        let mut line = Vec::with_capacity(512);
        serde_json::to_writer(&mut line, self)?;
        line.push(b'\n');
        Ok(line)
    }

    fn outcome(&mut self, outcome: &Ending<'a>) {
        let (word, failure) = match outcome {
            Ending::Handled => ("handled", None),
            Ending::Retry { after, reason, error } => {
                self.retry_after_ms = Some(after.as_millis().try_into().unwrap_or(u64::MAX));
                ("retry", Some((reason, error)))
            }
            Ending::GivenBack { reason, error } => ("given-back", Some((reason, error))),
            Ending::DeadLetter { reason, error } => ("dead-letter", Some((reason, error))),
            _ => ("unknown", None),
        };
        self.outcome = Cow::Borrowed(word);
        self.reason = failure.map(|(reason, _)| Cow::Borrowed(reason.as_str()));
        self.error = failure.map(|(_, error)| Cow::Borrowed(*error));
    }

    fn bare(kind: Kind, time: SystemTime) -> Self {
        // as precise as it is written, so that what is read is what was written
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = since.as_micros().try_into().unwrap_or(u64::MAX);
        Self {
            journal: VERSION,
            time: SystemTime::UNIX_EPOCH + Duration::from_micros(micros),
            kind,
            event: None,
            version: None,
            id: None,
            correlation_id: None,
            causation_id: None,
            service: None,
            handler: None,
            attempt: None,
            outcome: Cow::Borrowed(""),
            took_us: None,
            retry_after_ms: None,
            reason: None,
            error: None,
            count: None,
        }
    }
}

impl Entry<'static> {
    /// Reads a line.
    ///
    /// # Errors
    /// What was expected, for what is no entry, or one of a newer version.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            journal: u32,
        }
        let expected = |error| format!("expected a line of a journal: {error}");
        let head: Head = serde_json::from_slice(line).map_err(expected)?;
        if head.journal > VERSION {
            let found = head.journal;
            return Err(format!("the line is of version {found}, and this program knows up to version {VERSION}"));
        }
        serde_json::from_slice(line).map_err(expected)
    }
}

/// Times as text.
mod rfc3339 {
    use std::borrow::Cow;
    use std::time::SystemTime;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_micros(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text)
            .map_err(|error| D::Error::custom(format!("expected a time such as `2026-01-31T12:00:00Z`: {error}")))
    }
}
