//! `dead replay` and `dead discard`: first what would be done, then the question, then the work.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Write, stderr};

use eda_core::transport::Letter;
use eda_core::{App, Rehearsal, Result};
use serde_json::{Value, json};
use tracing::info;

use super::filter::Filter;
use super::{Shelves, Taking};
use crate::confirm::ask;
use crate::keeper::{Sender, Sending, told};
use crate::progress::Progress;
use crate::text::{counted, first_line, printable};
use crate::{Stop, write, write_json};

const WHAT: &str = "dead letter";

/// What was found before anything is done.
#[derive(Default)]
struct Survey {
    matched: u64,
    decodable: u64,
    /// By queue, how many go there.
    queues: BTreeMap<String, u64>,
    /// By reason, how many can't be read, and why the first one can't.
    broken: BTreeMap<&'static str, (u64, String)>,
}

pub(super) async fn replay(
    app: &App,
    shelves: &Shelves<'_>,
    filter: &Filter,
    sending: &Sending,
    only_decodable: bool,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let rehearsal = app.rehearsal()?;
    let survey = survey(shelves, filter, sending.limit, &rehearsal, only_decodable).await?;
    if survey.matched == 0 {
        return nothing(shelves, filter, &survey, json, out);
    }
    let text = survey.told(only_decodable);
    if sending.dry_run {
        return if json { write_json(out, &survey.document()) } else { write(out, &text) };
    }
    // the question has to be understood where the output is a document
    let _ = write!(stderr(), "{text}");
    if !sending.yes {
        ask(&format!("replay {} to {}", counted(survey.matched, WHAT), survey.places()))?;
    }
    info!(count = survey.matched, decodable = survey.decodable, queues = survey.places(), "replaying dead letters");
    let mut sender = Sender::new(WHAT, survey.matched, sending.rate);
    let left = Left::of(&survey);
    let matches = |letter: &Letter| {
        filter.matches(letter) && (!only_decodable || read(&rehearsal, letter).is_ok()) && left.take(letter)
    };
    let mut ended = Ok(());
    for place in &shelves.places {
        let mut kept = shelves.open(place).await?;
        ended = sender.send(&mut *kept, &matches).await;
        let closed = kept.close().await;
        ended = ended.and(closed);
        if ended.is_err() {
            break;
        }
    }
    sender.tell(ended, survey.matched, json, out)
}

pub(super) async fn discard(
    app: &App,
    shelves: &Shelves<'_>,
    filter: &Filter,
    taking: &Taking,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let survey = survey(shelves, filter, taking.limit, &app.rehearsal()?, false).await?;
    if survey.matched == 0 {
        return nothing(shelves, filter, &survey, json, out);
    }
    let text = survey.told(false);
    if taking.dry_run {
        return if json { write_json(out, &survey.document()) } else { write(out, &text) };
    }
    let _ = write!(stderr(), "{text}");
    if !taking.yes {
        ask(&format!("discard {} of {} for good", counted(survey.matched, WHAT), survey.places()))?;
    }
    info!(count = survey.matched, queues = survey.places(), "discarding dead letters");
    let progress = Progress::new("discarding", survey.matched);
    let left = Left::of(&survey);
    let (mut discarded, mut ended) = (0, Ok(()));
    for place in &shelves.places {
        let mut kept = shelves.open(place).await?;
        let work = async {
            while discarded < survey.matched
                && let Some(letter) = kept.next().await?
            {
                if filter.matches(&letter) && left.take(&letter) {
                    kept.remove(letter.token).await?;
                    discarded += 1;
                    progress.step();
                    info!(letter = told(&letter), "discarded");
                }
            }
            Ok::<_, eda_core::Error>(())
        };
        ended = work.await;
        let closed = kept.close().await;
        ended = ended.and(closed);
        if ended.is_err() {
            break;
        }
    }
    drop(progress);
    if json {
        write_json(out, &json!({ "matched": survey.matched, "discarded": discarded }))?;
    } else {
        write(out, &format!("discarded {}\n", counted(discarded, WHAT)))?;
    }
    Ok(ended?)
}

/// How many of each queue were counted, and are to go: what comes while the question stands is not theirs.
struct Left(RefCell<BTreeMap<String, u64>>);

impl Left {
    fn of(survey: &Survey) -> Self {
        Self(RefCell::new(survey.queues.clone()))
    }

    fn take(&self, letter: &Letter) -> bool {
        let mut left = self.0.borrow_mut();
        let of_queue = left.get_mut(letter.queue.as_deref().unwrap_or_default()).filter(|left| **left > 0);
        of_queue.map(|left| *left -= 1).is_some()
    }
}

fn nothing(
    shelves: &Shelves<'_>,
    filter: &Filter,
    survey: &Survey,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    if json {
        write_json(out, &survey.document())?;
    } else if !filter.is_narrow && survey.broken.is_empty() {
        write(out, "no dead letters\n")?;
    }
    if let Some((reason, (_, why))) = survey.broken.iter().next() {
        let count = survey.broken.values().map(|(count, _)| count).sum();
        let why = first_line(why, 160);
        return Err(Stop::Found(vec![format!("none of {} can be read, {reason}: {why}", counted(count, WHAT))]));
    }
    if filter.is_narrow { Err(filter.found_nothing(shelves.app, shelves.count)) } else { Ok(()) }
}

async fn survey(
    shelves: &Shelves<'_>,
    filter: &Filter,
    limit: Option<u64>,
    rehearsal: &Rehearsal,
    only_decodable: bool,
) -> Result<Survey, Stop> {
    let mut survey = Survey::default();
    // what is left out does not count towards the limit
    let most = limit.filter(|_| !only_decodable);
    shelves
        .look(filter, most, |letter| {
            let is_readable = match read(rehearsal, &letter) {
                Ok(()) => true,
                Err(failure) => {
                    let broken = survey.broken.entry(failure.reason().as_str());
                    broken.or_insert_with(|| (0, failure.detail())).0 += 1;
                    false
                }
            };
            if (is_readable || !only_decodable) && limit.is_none_or(|limit| survey.matched < limit) {
                survey.matched += 1;
                survey.decodable += u64::from(is_readable);
                *survey.queues.entry(letter.queue.unwrap_or_default()).or_default() += 1;
            }
            Ok(())
        })
        .await?;
    Ok(survey)
}

fn read(rehearsal: &Rehearsal, letter: &Letter) -> Result<(), eda_core::Failure> {
    rehearsal.read(letter.queue.as_deref().unwrap_or_default(), letter.message.clone())
}

impl Survey {
    fn told(&self, only_decodable: bool) -> String {
        let match_ = if self.matched == 1 { "matches" } else { "match" };
        let mut text = format!(
            "{} {match_}: {} would decode with today's types, {} would not\n",
            counted(self.matched, WHAT),
            self.decodable,
            self.matched - self.decodable
        );
        for (reason, (count, why)) in &self.broken {
            let left_out = if only_decodable { ", left out" } else { "" };
            text.extend(["  ", &count.to_string(), " ", reason, left_out, ": ", &first_line(why, 160), "\n"]);
        }
        text
    }

    fn places(&self) -> String {
        let places: Vec<_> = self.queues.iter().map(|(queue, count)| format!("{queue} ({count})")).collect();
        printable(&places.join(", ")).into_owned()
    }

    fn document(&self) -> Value {
        let broken =
            self.broken.iter().map(|(reason, (count, why))| json!({ "reason": reason, "count": count, "first": why }));
        json!({
            "matched": self.matched,
            "decodable": self.decodable,
            "queues": self.queues,
            "undecodable": broken.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use eda_core::Message;
    use eda_core::transport::Token;

    use super::*;

    #[test]
    fn what_was_not_counted_is_not_taken() {
        let letter = |queue: &str| {
            let token = Token { generation: 1, tag: 1 };
            Letter::new(token, Message::new("order.created", "{}"), Some(queue.to_owned()), None, ())
        };
        let queues = BTreeMap::from([("billing.charge".to_owned(), 2), ("shipping.ship".to_owned(), 1)]);
        let left = Left::of(&Survey { queues, ..Survey::default() });
        let taken = ["billing.charge", "shipping.ship", "shipping.ship", "billing.charge", "billing.charge", "other"];
        assert_eq!(taken.map(|queue| left.take(&letter(queue))), [true, true, false, true, false, false]);
    }
}
