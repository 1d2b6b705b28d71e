//! Which letters are meant.

use std::time::SystemTime;

use clap::Args;
use eda_core::transport::{Letter, LetterFailure, Reason};
use eda_core::{App, Error, ErrorKind};

use super::event;
use crate::description::events;
use crate::names::unknown;
use crate::text::beside;
use crate::{Stop, when};

/// Which letters are meant; all that are given have to hold.
#[derive(Args, Debug)]
pub(crate) struct FilterOptions {
    /// Those of this handler, such as `billing.charge`, or `charge`.
    #[arg(long)]
    handler: Option<String>,
    /// Those of this event, such as `order.created`.
    #[arg(long)]
    event: Option<String>,
    /// Those that failed for this reason, such as `undecodable`.
    #[arg(long)]
    reason: Option<String>,
    /// Those with one of these ids.
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// Those that failed for good at this time or later: `2026-11-28 14:30`, `2026-11-28`, or `90m` for so long ago.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    after: Option<SystemTime>,
    /// Those that failed for good before this time.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    before: Option<SystemTime>,
    /// Those of this queue, which need not be one of this app: a handler that is gone leaves its dead letters behind.
    #[arg(long)]
    queue: Option<String>,
}

/// As [`FilterOptions`], with names that are known.
pub(super) struct Filter {
    /// The queues whose dead letters are looked through.
    pub(super) queues: Vec<String>,
    handler: Option<String>,
    event: Option<String>,
    reason: Option<String>,
    ids: Vec<String>,
    after: Option<SystemTime>,
    before: Option<SystemTime>,
    /// Whether anything was asked for.
    pub(super) is_narrow: bool,
}

impl FilterOptions {
    /// # Errors
    /// Where nothing could ever match.
    pub(super) fn check(&self, app: &App) -> Result<Filter, Error> {
        // a queue that is named may be of a handler that is gone
        let is_gone = |name: &str| self.queue.is_some().then(|| (name.to_owned(), String::new()));
        let known = |name: &str| handler(app, name).or_else(|error| is_gone(name).ok_or(error));
        let (handler, of_handler) = self.handler.as_deref().map(known).transpose()?.unzip();
        let queues = match (&self.queue, of_handler) {
            (Some(queue), _) => vec![queue.clone()],
            (None, Some(queue)) => vec![queue],
            (None, None) => queues(app)?,
        };
        if let (Some(after), Some(before)) = (self.after, self.before)
            && after >= before
        {
            return Err(Error::new(ErrorKind::Invalid, "nothing is after `--after` and before `--before`: change one"));
        }
        if let Some(reason) = &self.reason {
            let known = || Reason::all().map(Reason::as_str).chain([LetterFailure::SUSPECT, LetterFailure::UNKNOWN]);
            if !known().any(|known| known == reason) {
                return Err(unknown("reason", reason, known()));
            }
        }
        let is_narrow = handler.is_some()
            || self.event.is_some()
            || self.reason.is_some()
            || !self.ids.is_empty()
            || self.after.is_some()
            || self.before.is_some();
        Ok(Filter {
            queues,
            handler,
            event: self.event.clone(),
            reason: self.reason.clone(),
            ids: self.ids.clone(),
            after: self.after,
            before: self.before,
            is_narrow,
        })
    }
}

impl Filter {
    pub(super) fn of_id(app: &App, id: &str, queue: Option<&str>) -> Result<Self, Error> {
        let queues = queue.map_or_else(|| queues(app), |queue| Ok(vec![queue.to_owned()]))?;
        let ids = vec![id.to_owned()];
        let (handler, event, reason, after, before) = (None, None, None, None, None);
        Ok(Self { queues, handler, event, reason, ids, after, before, is_narrow: true })
    }

    pub(super) fn matches(&self, letter: &Letter) -> bool {
        let failure = letter.failure.as_ref();
        let said = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|it| found == Some(it));
        let handler = failure.map(|failure| failure.handler.as_str());
        let failed_at = failure.and_then(|failure| failure.last_failed_at);
        // what no handler was found for is its queue's
        (said(&self.handler, handler) || self.handler.is_some() && handler == letter.queue.as_deref())
            && said(&self.event, Some(event(letter)))
            && said(&self.reason, failure.map(|failure| failure.reason.as_str()))
            && (self.ids.is_empty() || letter.message.id.as_ref().is_some_and(|id| self.ids.contains(&id.to_string())))
            && self.after.is_none_or(|after| failed_at.is_some_and(|at| at >= after))
            && self.before.is_none_or(|before| failed_at.is_some_and(|at| at < before))
    }

    /// What to tell where nothing matches: also what the event may have been meant to be.
    pub(super) fn found_nothing(&self, app: &App, count: u64) -> Stop {
        if let Some(event) = &self.event {
            let known = events(app);
            if !known.iter().any(|known| known.name == event) {
                return unknown("event", event, known.iter().map(|event| event.name)).into();
            }
        }
        Stop::Found(vec![format!("nothing matches{}", beside(count, "other dead letter"))])
    }
}

fn queues(app: &App) -> Result<Vec<String>, Error> {
    let queues: Vec<_> = app.topology()?.subscriptions.into_iter().map(|subscription| subscription.queue).collect();
    if queues.is_empty() {
        let text = "this app has no handlers, so no dead letters either: name a queue with `--queue`";
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    Ok(queues)
}

/// The handler with its service, and its queue.
fn handler(app: &App, name: &str) -> Result<(String, String), Error> {
    let mut known = Vec::new();
    for service in app.services() {
        for handler in &service.handlers {
            known.push((format!("{}.{}", service.name, handler.meta.name), handler.meta.name, handler.queue.clone()));
        }
    }
    let is_meant = |(whole, short, _): &&(String, &str, String)| whole == name || *short == name;
    match known.iter().filter(is_meant).collect::<Vec<_>>()[..] {
        [(whole, _, queue)] => Ok((whole.clone(), queue.clone())),
        // as what no handler took is listed
        [] if known.iter().any(|(.., queue)| queue == name) => Ok((name.to_owned(), name.to_owned())),
        [] => {
            let is_short = !name.contains('.');
            Err(unknown("handler", name, known.iter().map(|(whole, short, _)| if is_short { *short } else { whole })))
        }
        _ => {
            let text = format!("several services have a handler `{name}`: say it as `service.{name}`");
            Err(Error::new(ErrorKind::Invalid, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use eda_core::transport::Token;
    use eda_core::{Event, HandlerDef, HandlerMeta, Message, Service, event};

    use super::*;
    use crate::keeper::shelf::OrderCreated;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        filter: FilterOptions,
    }

    struct Cancelled;

    impl Event for Cancelled {
        const NAME: &'static str = "order.cancelled";

        fn encode(&self) -> event::Encoded {
            Ok("{}".into())
        }

        fn decode(_: &[u8]) -> event::Decoded<Self> {
            Ok(Self)
        }
    }

    fn check(arguments: [&str; 2]) -> Result<Filter, Error> {
        let shared = |options: HandlerMeta| options.queue("orders");
        let charge = HandlerDef::from_fn("charge", |_: OrderCreated| async {}).configure(shared);
        let refund = HandlerDef::from_fn("refund", |Cancelled| async {}).configure(shared);
        let service = Service::new("billing").register(charge).register(refund);
        Line::parse_from(["", arguments[0], arguments[1]]).filter.check(&App::from(service))
    }

    fn letter(handler: &str, reason: &str) -> Letter {
        let mut failure = LetterFailure::default();
        (failure.handler, failure.reason) = (handler.to_owned(), reason.to_owned());
        let (token, message) = (Token { generation: 0, tag: 1 }, Message::new("a", "{}"));
        Letter::new(token, message, Some("orders".to_owned()), Some(failure), ())
    }

    #[test]
    fn what_no_handler_of_a_shared_queue_took_is_found_as_it_is_listed() {
        let filter = check(["--handler", "orders"]).expect("two handlers share it");
        assert_eq!(filter.queues, ["orders"]);
        let found = [letter("orders", "unknown-event"), letter("billing.charge", "permanent")];
        assert_eq!(found.map(|letter| filter.matches(&letter)), [true, false]);
        let unknown = check(["--handler", "order"]).map(|_| ()).expect_err("nothing is called so").to_string();
        assert!(unknown.starts_with("no handler `order`"), "{unknown}");
    }

    #[test]
    fn letters_of_an_unknown_reason_can_be_asked_for() {
        let filter = check(["--reason", LetterFailure::UNKNOWN]).expect("letters are listed so");
        assert!(filter.matches(&letter("orders", LetterFailure::UNKNOWN)));
        assert!(check(["--reason", "unknwon"]).is_err());
    }
}
