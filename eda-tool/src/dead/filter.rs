//! Which letters are meant.

use std::time::SystemTime;

use clap::Args;
use eda_core::transport::{Letter, LetterFailure, Reason};
use eda_core::{App, Error, ErrorKind};

use super::event;
use crate::description::events;
use crate::names::unknown;
use crate::text::counted;
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
            let mut known = Reason::all().map(Reason::as_str).chain([LetterFailure::SUSPECT]);
            if !known.any(|known| known == reason) {
                let known = Reason::all().map(Reason::as_str).chain([LetterFailure::SUSPECT]);
                return Err(unknown("reason", reason, known));
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
        Stop::Found(vec![format!("nothing matches: there are {}", counted(count, "other dead letter"))])
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
    let is_meant = |(whole, short, queue): &&(String, &str, String)| whole == name || *short == name || queue == name;
    match known.iter().filter(is_meant).collect::<Vec<_>>()[..] {
        [(whole, _, queue)] => Ok((whole.clone(), queue.clone())),
        [] => Err(unknown("handler", name, known.iter().map(|(whole, ..)| whole.as_str()))),
        _ => {
            let text = format!("several services have a handler `{name}`: say it as `service.{name}`");
            Err(Error::new(ErrorKind::Invalid, text))
        }
    }
}
