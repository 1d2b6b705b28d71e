//! What an app consists of, as a document: the format of `describe --json`, which `docs/description.md` explains. And the
//! [graph](EventGraph) that is drawn of such documents. Use it through the features `tool` and `http` of the facade.

mod graph;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use eda_core::app::{HandlerInfo, ServiceInfo};
use eda_core::{App, Error, ErrorKind, EventInfo, Policy, Result, Subscription};
use serde::{Deserialize, Serialize};

pub use self::graph::EventGraph;

/// The version of the format. It grows when a reader of the older one would misunderstand a document, not when a field is
/// added.
pub const VERSION: u32 = 1;
const FORMAT: &str = "eda.description";

/// What an app consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Always `eda.description`.
    pub format: String,
    /// The version of the format: [`VERSION`].
    pub version: u32,
    /// In the order in which they were added.
    pub services: Vec<ServiceDescription>,
    /// Every event that is taken or published, by name and version.
    pub events: Vec<EventDescription>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDescription {
    /// Its name.
    pub name: String,
    /// In the order in which they were added.
    pub handlers: Vec<HandlerDescription>,
    /// What it publishes outside of handlers, as far as it says so.
    pub publishes: Vec<EventRef>,
}

/// A handler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlerDescription {
    /// Its name, without the service's.
    pub name: String,
    /// Its doc comment, in Markdown, or nothing.
    pub doc: String,
    /// Its source file, as the compiler was told it.
    pub file: String,
    /// Its line there, from 1.
    pub line: u32,
    /// The event that it takes; `null` for one that takes whatever matches.
    pub takes: Option<EventRef>,
    /// Other names under which foreign producers send the event.
    pub accepts: Vec<String>,
    /// The pattern of routing keys that it is bound by; `null` where the queue is somebody else's.
    pub binding: Option<String>,
    /// Every event that it may publish, each once.
    pub emits: Vec<EventRef>,
    /// The queue that it takes from.
    pub queue: String,
    /// What holds for its deliveries.
    pub policy: PolicyDescription,
}

/// What holds for a handler's deliveries. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDescription {
    /// How many attempts follow the first one.
    pub retries: u32,
    /// The wait after the first attempt.
    pub backoff_first_ms: u64,
    /// The longest wait.
    pub backoff_last_ms: u64,
    /// How long one attempt may take.
    pub timeout_ms: u64,
    /// How many deliveries are handled at the same time in a process.
    pub concurrency: u64,
    /// How many unsettled deliveries a process holds; `null` is the transport's default.
    pub prefetch: Option<u16>,
}

/// An event by name and version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventRef {
    /// The name.
    pub name: String,
    /// The version, from 1.
    pub version: u32,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDescription {
    /// The name.
    pub name: String,
    /// The version, from 1.
    pub version: u32,
    /// Its doc comment, in Markdown, or nothing.
    pub doc: String,
    /// The pattern that its routing keys match.
    pub binding: String,
}

impl Description {
    /// Of an app.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) with every problem at once where the app could not start.
    pub fn of(app: &App) -> Result<Self> {
        app.topology()?;
        let services = app.services().map(|service| ServiceDescription::new(&service)).collect();
        let events = events(app).iter().map(EventDescription::new).collect();
        Ok(Self { format: FORMAT.to_owned(), version: VERSION, services, events })
    }

    /// Reads a document.
    ///
    /// ```
    /// use eda_description::Description;
    ///
    /// let newer = r#"{"format": "eda.description", "version": 2}"#;
    /// let error = Description::parse(newer.as_bytes()).expect_err("this program knows version 1 only");
    /// assert!(error.to_string().contains("version 2") && error.to_string().contains("version 1"));
    /// let newest = r#"{"format": "eda.description", "version": 1099511627776}"#;
    /// let error = Description::parse(newest.as_bytes()).expect_err("no program knows it");
    /// assert!(error.to_string().contains("version 1099511627776, and this program knows up to version 1"));
    /// ```
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for a newer version, with both, and for what is no description.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let head: Head = read(json)?;
        if head.format != FORMAT {
            let text = format!("expected a document whose `format` is `{FORMAT}`, found `{}`", head.format);
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        // also one that is a text, or beyond all numbers
        let is_known = head.version.as_u64().is_some_and(|version| (1..=u64::from(VERSION)).contains(&version));
        if !is_known {
            let text = format!(
                "the description is of version {}, and this program knows up to version {VERSION}: build it with a newer `eda`",
                head.version
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        read(json)
    }

    /// What another build, or another service, wrote into a file.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and where the file can't be read; both name it.
    pub fn read(file: &Path) -> Result<Self> {
        let json = std::fs::read(file)
            .map_err(|error| Error::new(ErrorKind::Invalid, "could not read a file").caused_by(error));
        json.and_then(|json| Self::parse(&json)).map_err(|error| error.with("file", file.display()))
    }

    /// Adds another one's services and events.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) where both have a service of one name.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        for service in other.services {
            if self.services.iter().any(|known| known.name == service.name) {
                let text = format!("two descriptions have a service `{}`: leave one out", service.name);
                return Err(Error::new(ErrorKind::Invalid, text));
            }
            self.services.push(service);
        }
        for event in other.events {
            if !self.events.iter().any(|known| (&known.name, known.version) == (&event.name, event.version)) {
                self.events.push(event);
            }
        }
        Ok(())
    }

    /// The document, indented.
    ///
    /// # Errors
    /// None that is known; the writer of JSON could give one.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map(|json| json + "\n")
            .map_err(|error| Error::new(ErrorKind::Encode, "could not write the description").caused_by(error))
    }
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: serde_json::Value,
}

/// Whether a routing key, or a name that is one, matches a pattern: `*` stands for one segment, `#` for any number.
///
/// ```
/// assert!(eda_description::matches("order.*", "order.created"));
/// assert!(!eda_description::matches("order.*", "order.item.added"));
/// ```
pub fn matches(pattern: &str, name: &str) -> bool {
    let bindings = vec![pattern.to_owned()];
    let (service, queue) = (String::new(), String::new());
    Subscription { service, queue, declare: true, bindings, policy: Policy::default() }.takes(name)
}

/// Every event that an app takes or publishes, by name and version.
pub fn events(app: &App) -> Vec<EventInfo> {
    let mut events = BTreeMap::new();
    for service in app.services() {
        let taken = service.handlers.iter().filter_map(|handler| handler.interest.event);
        let emitted = service.handlers.iter().flat_map(|handler| handler.emits).copied();
        for event in taken.chain(emitted).chain(service.publishes.iter().copied()) {
            events.entry((event.name, event.version)).or_insert(event);
        }
    }
    events.into_values().collect()
}

impl EventDescription {
    fn new(event: &EventInfo) -> Self {
        let EventInfo { name, version, doc, binding, .. } = *event;
        Self { name: name.to_owned(), version, doc: doc.to_owned(), binding: binding.to_owned() }
    }
}

impl ServiceDescription {
    fn new(service: &ServiceInfo<'_>) -> Self {
        let publishes = refs(service.publishes);
        let handlers = service.handlers.iter().map(HandlerDescription::new).collect();
        Self { name: service.name.to_owned(), handlers, publishes }
    }
}

impl HandlerDescription {
    fn new(handler: &HandlerInfo<'_>) -> Self {
        let (meta, interest, policy) = (handler.meta, handler.interest, handler.policy);
        let (first, last) = policy.backoff.bounds();
        Self {
            name: meta.name.to_owned(),
            doc: meta.doc.to_owned(),
            file: meta.location.file().to_owned(),
            line: meta.location.line(),
            takes: interest.event.as_ref().map(EventRef::new),
            accepts: interest.accept.iter().map(|&name| name.to_owned()).collect(),
            binding: meta.declare.then(|| meta.pattern.unwrap_or(interest.binding).to_owned()),
            emits: refs(handler.emits),
            queue: handler.queue.clone(),
            policy: PolicyDescription {
                retries: policy.retries,
                backoff_first_ms: millis(first),
                backoff_last_ms: millis(last),
                timeout_ms: millis(policy.timeout),
                concurrency: policy.concurrency.try_into().unwrap_or(u64::MAX),
                prefetch: policy.prefetch,
            },
        }
    }
}

/// As `order.created v1`.
impl std::fmt::Display for EventRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} v{}", self.name, self.version)
    }
}

impl EventRef {
    fn new(event: &EventInfo) -> Self {
        Self { name: event.name.to_owned(), version: event.version }
    }
}

/// Each once, in order.
fn refs(events: &[EventInfo]) -> Vec<EventRef> {
    let mut refs = Vec::new();
    for named in events.iter().map(EventRef::new) {
        if !refs.contains(&named) {
            refs.push(named);
        }
    }
    refs
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| {
        let text = "expected a description, as `describe --json` writes it";
        Error::new(ErrorKind::Invalid, text).caused_by(error)
    })
}
