//! Which rights a service's user needs at the broker, and no others: known without connecting.
//!
//! RabbitMQ asks for *configure* where something is declared, for *write* where something is published or bound, and for
//! *read* where something is consumed or bound to. An alternate or dead-letter exchange is asked for when what names it is
//! declared first: *read* on that, *write* on the exchange.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use eda_core::transport::{Permit, Unrouted};
use eda_core::{Result, Topology};

use crate::config::Config;
use crate::topology::{
    Argument, DEAD, EVENTS, EVENTS_STRICT, JOURNAL, JOURNAL_LINES, ORPHANED, Plan, RETRY, UNROUTED, WAIT,
};

/// The rights that an app needs at RabbitMQ: what `rabbitmqctl set_permissions` takes. Shown, it is that command.
///
/// ```
/// use eda_core::{AnyEvent, App, Service};
/// use eda_rabbit::Config;
///
/// let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}));
/// let config: Config = "amqp://auditor:secret@localhost/shop".parse()?;
/// let permissions = app.permissions(&config)?;
/// assert!(permissions.to_string().starts_with("rabbitmqctl set_permissions --vhost 'shop' 'auditor' '^("));
/// assert!(permissions.configure().contains(r"(audit\.log|audit\.log\.dead|"));
/// assert!(!permissions.read().contains(r"audit\.log\.dead"), "no service reads dead letters");
/// # Ok::<_, eda_core::Error>(())
/// ```
///
/// An app whose handlers emit nothing may not publish, unless it says that it does so elsewhere; see
/// [`publishing`](Self::publishing). An app without handlers is one that publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    user: String,
    vhost: String,
    events: &'static str,
    services: BTreeSet<String>,
    /// What the app takes from.
    queues: BTreeSet<String>,
    is_operating: bool,
    configure: BTreeSet<String>,
    write: BTreeSet<String>,
    read: BTreeSet<String>,
}

impl Permit for Config {
    type Permissions = Permissions;

    fn permissions(&self, topology: &Topology) -> Result<Permissions> {
        let events = match self.unrouted {
            Unrouted::Park => EVENTS,
            Unrouted::Reject => EVENTS_STRICT,
        };
        let mut permissions = Permissions {
            user: self.user.clone(),
            vhost: self.vhost.clone(),
            events,
            services: BTreeSet::new(),
            queues: topology.subscriptions.iter().map(|subscription| subscription.queue.clone()).collect(),
            is_operating: false,
            configure: BTreeSet::new(),
            write: BTreeSet::new(),
            read: BTreeSet::new(),
        };
        permissions.declare(&Plan::of(topology)?);
        for subscription in &topology.subscriptions {
            permissions.read.insert(subscription.queue.clone());
            permissions.write.insert(DEAD.to_owned());
        }
        if topology.journal {
            permissions.write.insert(JOURNAL_LINES.to_owned());
        }
        let publishes = topology.subscriptions.is_empty() || !topology.emits.is_empty();
        Ok(if publishes { permissions.publishing() } else { permissions })
    }
}

impl Permissions {
    /// With the right to publish events, for an app that does so outside of its handlers' returns and `Publisher<…>`
    /// parameters.
    #[must_use]
    pub fn publishing(mut self) -> Self {
        self.write.insert(self.events.to_owned());
        self
    }

    /// With the rights of an operator: to look at, replay and discard the app's dead letters, to replay what was unrouted, to
    /// read the journal, and to follow events. No service needs them, so give them to another user.
    #[must_use]
    pub fn operating(mut self) -> Self {
        self.is_operating = true;
        self.read.extend(self.queues.iter().map(|queue| format!("{queue}.dead")));
        self.read.extend([EVENTS, EVENTS_STRICT, RETRY, UNROUTED, ORPHANED, JOURNAL].map(str::to_owned));
        self.write.extend([EVENTS_STRICT, RETRY].map(str::to_owned));
        self
    }

    /// For all queues that these services have or will have, `{service}.*` and `eda.wait.{service}.*`, so that a new handler
    /// or another backoff needs no new rights. The services may read their dead letters then, too.
    #[must_use]
    pub fn for_services<S: Into<String>>(mut self, services: impl IntoIterator<Item = S>) -> Self {
        self.services.extend(services.into_iter().map(Into::into));
        self
    }

    /// What may be declared, as an anchored regular expression.
    pub fn configure(&self) -> String {
        self.pattern(&self.configure)
    }

    /// What may be published to and bound, as an anchored regular expression.
    pub fn write(&self) -> String {
        self.pattern(&self.write)
    }

    /// What may be consumed from and bound to, as an anchored regular expression.
    pub fn read(&self) -> String {
        self.pattern(&self.read)
    }

    fn declare(&mut self, plan: &Plan) {
        for exchange in &plan.exchanges {
            self.configure.insert(exchange.name.clone());
            if let Some(alternate) = exchange.alternate {
                self.read.insert(exchange.name.clone());
                self.write.insert(alternate.to_owned());
            }
        }
        for queue in &plan.queues {
            let Some(arguments) = &queue.arguments else { continue };
            self.configure.insert(queue.name.clone());
            let dead = arguments.iter().find(|(name, _)| *name == "x-dead-letter-exchange");
            if let Some((_, Argument::Text(exchange))) = dead {
                self.read.insert(queue.name.clone());
                self.write.insert(exchange.clone());
            }
        }
        for binding in &plan.bindings {
            self.write.insert(binding.queue.clone());
            self.read.insert(binding.exchange.clone());
        }
    }

    fn pattern(&self, names: &BTreeSet<String>) -> String {
        let is_covered = |name: &&String| {
            let name = name.strip_prefix(WAIT).unwrap_or(name);
            self.services.iter().any(|service| name.strip_prefix(service).is_some_and(|rest| rest.starts_with('.')))
        };
        let whole = self.services.iter().map(|service| format!(r"({})?{}\..*", escape(WAIT), escape(service)));
        let single = names.iter().filter(|name| !is_covered(name)).map(|name| escape(name).into_owned());
        // what follows events makes a queue of its own, whose name the broker chooses
        let own = self.is_operating.then(|| r"amq\.gen-.*".to_owned());
        let alternatives: Vec<_> = single.chain(whole).chain(own).collect();
        if alternatives.is_empty() { "^$".to_owned() } else { format!("^({})$", alternatives.join("|")) }
    }
}

/// The commands of an operator.
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [&*self.vhost, &*self.user, &self.configure(), &self.write(), &self.read()].map(quote);
        write!(f, "rabbitmqctl set_permissions --vhost {}", words.join(" "))
    }
}

/// For PCRE, which RabbitMQ uses: each letter that means something there is itself.
fn escape(name: &str) -> Cow<'_, str> {
    let means_something = |letter: char| letter.is_ascii_punctuation() && !matches!(letter, '_' | '-');
    if !name.contains(means_something) {
        return name.into();
    }
    let mut escaped = String::with_capacity(name.len() + 8);
    for letter in name.chars() {
        if means_something(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped.into()
}

/// For a shell, which takes everything between single quotes as it is.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use eda_core::{Policy, Subscription};

    fn permissions(url: &str, queues: &[(&str, bool)]) -> Permissions {
        let subscription = |(queue, declare): &(&str, bool)| Subscription {
            service: "billing".into(),
            queue: (*queue).into(),
            declare: *declare,
            bindings: if *declare { vec!["order.created".into()] } else { Vec::new() },
            policy: Policy { retries: 0, ..Policy::default() },
        };
        let topology = Topology { subscriptions: queues.iter().map(subscription).collect(), ..Topology::default() };
        url.parse::<Config>().expect("a URL").permissions(&topology).expect("a topology")
    }

    #[test]
    fn a_publisher_has_no_queue_of_its_own() {
        let permissions = permissions("amqp://web:secret@localhost", &[]);
        let shared = r"eda\.unrouted)$";
        assert_eq!(
            permissions.configure(),
            r"^(eda\.dead|eda\.events|eda\.events\.strict|eda\.retry|eda\.retry\.orphaned|eda\.unrouted)$"
        );
        assert_eq!(permissions.write(), format!(r"^(eda\.events|eda\.retry\.orphaned|{shared}"));
        assert_eq!(permissions.read(), format!(r"^(eda\.events|eda\.retry|eda\.retry\.orphaned|{shared}"));
        assert!(!permissions.to_string().contains("secret"));
    }

    #[test]
    fn the_url_says_to_which_exchange_events_go() {
        let strict = permissions("amqp://localhost?unrouted=reject", &[]).write();
        assert!(strict.contains(r"(eda\.events\.strict|"), "{strict}");
    }

    #[test]
    fn who_emits_nothing_may_publish_only_if_asked_for() {
        let quiet = permissions("amqp://localhost", &[("billing.charge", true)]);
        assert!(!quiet.write().contains("events"), "{}", quiet.write());
        assert!(quiet.publishing().write().contains(r"|eda\.events|"));
    }

    #[test]
    fn an_operator_reads_dead_letters_and_sends_them_back() {
        let service = permissions("amqp://localhost", &[("billing.charge", true)]);
        assert!(!service.read().contains(r"charge\.dead"), "{}", service.read());
        let operator = service.operating();
        assert!(operator.read().contains(r"|billing\.charge\.dead|"), "{}", operator.read());
        for needed in [r"|eda\.events\.strict|", r"|eda\.retry|", r"|amq\.gen-.*)$"] {
            assert!(operator.write().contains(needed), "`{needed}` is missing: {}", operator.write());
        }
    }

    #[test]
    fn who_writes_the_journal_does_not_read_it() {
        let config: Config = "amqp://localhost".parse().expect("a URL");
        let topology = Topology { journal: true, ..Topology::default() };
        let writer = config.permissions(&topology).expect("a topology");
        assert!(writer.configure().contains(r"|eda\.journal|eda\.journal\.lines|"), "{}", writer.configure());
        assert!(writer.write().contains(r"|eda\.journal|eda\.journal\.lines|"), "{}", writer.write());
        assert!(writer.read().contains(r"|eda\.journal\.lines|"), "{}", writer.read());
        assert!(!writer.read().contains(r"|eda\.journal|"), "{}", writer.read());
        let reader = config.permissions(&Topology::default()).expect("a topology").operating();
        assert!(reader.read().contains(r"|eda\.journal|"), "{}", reader.read());
        assert!(!reader.write().contains("journal"), "{}", reader.write());
    }

    #[test]
    fn a_foreign_queue_is_read_and_bound_and_never_declared() {
        let permissions = permissions("amqp://localhost", &[("order_events", false)]);
        assert!(!permissions.configure().contains("|order_events|"), "{}", permissions.configure());
        assert!(permissions.configure().ends_with(r"|order_events\.dead)$"), "{}", permissions.configure());
        assert!(permissions.write().contains("|order_events|"), "{}", permissions.write());
        assert!(permissions.read().ends_with("|order_events)$"), "{}", permissions.read());
    }

    #[test]
    fn a_name_is_no_expression_and_no_word_of_the_shell() {
        let permissions = permissions("amqp://o'hara@localhost/a%20b", &[("it's.*|x", false)]);
        assert!(permissions.read().contains(r"|it\'s\.\*\|x)$"), "{}", permissions.read());
        assert!(permissions.to_string().contains(r"--vhost 'a b' 'o'\''hara' '^("), "{permissions}");
    }

    #[test]
    fn a_whole_service_takes_the_place_of_its_queues() {
        let permissions = permissions("amqp://localhost", &[("billing.charge", true)]).for_services(["billing"]);
        assert!(permissions.read().ends_with(r"|eda\.unrouted|(eda\.wait\.)?billing\..*)$"), "{}", permissions.read());
        assert!(!permissions.configure().contains("charge"));
    }
}
