//! What is found before letters are sent back or discarded, and what is told of it.

use std::collections::BTreeMap;
use std::io::Write;

use eda_core::transport::Letter;
use eda_core::{Failure, Rehearsal, Result};
use serde_json::{Value, json};

use super::Shelves;
use super::filter::Filter;
use crate::keeper::{Chosen, Seen};
use crate::progress::Progress;
use crate::text::{counted, first_line, printable};
use crate::{Stop, write_json};

pub(super) const WHAT: &str = "dead letter";

/// What was found before anything is done.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) matched: u64,
    pub(super) decodable: u64,
    /// By queue, how many go there.
    pub(super) queues: BTreeMap<String, u64>,
    pub(super) chosen: Chosen,
    pub(super) seen: Seen,
    /// By reason and what it says, how many can't be read.
    broken: BTreeMap<(&'static str, String), u64>,
}

/// So many different texts are told of; what says yet another thing is counted by its reason.
const TEXTS: usize = 20;
const OTHERS: &str = "others, each of which says another thing";

pub(super) fn nothing(
    shelves: &Shelves<'_>,
    filter: &Filter,
    survey: &Survey,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    if json {
        write_json(out, &survey.document())?;
    }
    if !survey.broken.is_empty() {
        let count = survey.broken.values().sum();
        let why = survey.broken.iter().map(|((reason, why), count)| format!("{count} {reason}: {why}"));
        let none = format!("none of {} can be read", counted(count, WHAT));
        return Err(Stop::Found([none].into_iter().chain(why).collect()));
    }
    shelves.nothing(filter, survey.seen, json, out)
}

pub(super) async fn survey(
    shelves: &Shelves<'_>,
    filter: &Filter,
    limit: Option<u64>,
    rehearsal: &Rehearsal,
    only_decodable: bool,
) -> Result<Survey, Stop> {
    let mut survey = Survey::default();
    // what is left out does not count towards the limit
    let most = limit.filter(|_| !only_decodable);
    let (_, seen) = shelves
        .look(&Progress::new("looking", shelves.count), filter, most, |letter| {
            let is_readable = match read(rehearsal, &letter) {
                Ok(()) => true,
                Err(failure) => {
                    survey.broken(&failure);
                    false
                }
            };
            if (is_readable || !only_decodable) && limit.is_none_or(|limit| survey.matched < limit) {
                survey.matched += 1;
                survey.decodable += u64::from(is_readable);
                survey.chosen.add(&letter);
                *survey.queues.entry(letter.queue.unwrap_or_default()).or_default() += 1;
            }
            Ok(())
        })
        .await?;
    survey.seen = seen;
    Ok(survey)
}

pub(super) fn read(rehearsal: &Rehearsal, letter: &Letter) -> Result<(), Failure> {
    rehearsal.read(letter.queue.as_deref().unwrap_or_default(), letter.message.clone())
}

impl Survey {
    fn broken(&mut self, failure: &Failure) {
        let (reason, why) = (failure.reason().as_str(), first_line(&failure.detail(), 160));
        let is_told = self.broken.len() < TEXTS || self.broken.contains_key(&(reason, why.clone()));
        *self.broken.entry((reason, if is_told { why } else { OTHERS.to_owned() })).or_default() += 1;
    }

    pub(super) fn told(&self, only_decodable: bool) -> String {
        let match_ = if self.matched == 1 { "matches" } else { "match" };
        let mut text = format!(
            "{} {match_}: {} would decode with today's types, {} would not\n",
            counted(self.matched, WHAT),
            self.decodable,
            self.matched - self.decodable
        );
        for ((reason, why), count) in &self.broken {
            let left_out = if only_decodable { ", left out" } else { "" };
            text.extend(["  ", &count.to_string(), " ", reason, left_out, ": ", why, "\n"]);
        }
        text
    }

    pub(super) fn places(&self) -> String {
        let places: Vec<_> = self.queues.iter().map(|(queue, count)| format!("{queue} ({count})")).collect();
        printable(&places.join(", ")).into_owned()
    }

    pub(super) fn document(&self) -> Value {
        let broken =
            self.broken.iter().map(|((reason, why), count)| json!({ "reason": reason, "count": count, "why": why }));
        json!({
            "matched": self.matched,
            "others": self.seen.others,
            "decodable": self.decodable,
            "queues": self.queues,
            "undecodable": broken.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use eda_core::Message;

    use crate::keeper::shelf::Shelf;

    fn letter(body: &'static str) -> Shelf {
        Shelf::dead([("billing.charge", Message::new("order.created", body))])
    }

    /// What each command that looks at letters before it does anything says, with `words` in it.
    async fn tells(shelf: &Shelf, words: &str) {
        for command in ["replay --dry-run", "replay --dry-run --json", "replay --only-decodable", "discard --dry-run"] {
            let arguments: Vec<_> = ["dead"].into_iter().chain(command.split(' ')).collect();
            let (done, told) = shelf.told(&arguments).await;
            let told = format!("{told}{done:?}");
            assert!(told.contains(words) && told.contains("####") && !told.contains("4711"), "{command}: {told}");
        }
    }

    #[tokio::test]
    async fn what_the_service_hides_of_a_failure_is_hidden_here() {
        tells(&letter(r#"{"order_id":"4711"}"#), "invalid type: string").await;
    }

    #[tokio::test]
    async fn a_letter_at_which_a_decoder_panics_is_told_and_discarded() {
        let shelf = letter("");
        tells(&shelf, "panicked").await;
        let (done, told) = shelf.told(&["dead", "discard", "--yes"]).await;
        assert!(done.is_ok() && told == "discarded 1 dead letter\n", "{done:?} {told}");
    }
}
