//! What is found before letters are sent back or discarded, and what is told of it.

use std::collections::BTreeMap;
use std::io::Write;

use eda_core::transport::Letter;
use eda_core::{Rehearsal, Result};
use serde_json::{Value, json};

use super::Shelves;
use super::filter::Filter;
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
    /// By reason, how many can't be read, and why the first one can't.
    broken: BTreeMap<&'static str, (u64, String)>,
}

pub(super) fn nothing(
    shelves: &Shelves<'_>,
    filter: &Filter,
    survey: &Survey,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    if json {
        write_json(out, &survey.document(shelves.others))?;
    }
    if let Some((reason, (_, why))) = survey.broken.iter().next() {
        let count = survey.broken.values().map(|(count, _)| count).sum();
        let why = first_line(why, 160);
        return Err(Stop::Found(vec![format!("none of {} can be read, {reason}: {why}", counted(count, WHAT))]));
    }
    shelves.nothing(filter, json, out)
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
    shelves
        .look(&Progress::new("looking", shelves.count), filter, most, |letter| {
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

pub(super) fn read(rehearsal: &Rehearsal, letter: &Letter) -> Result<(), eda_core::Failure> {
    rehearsal.read(letter.queue.as_deref().unwrap_or_default(), letter.message.clone())
}

impl Survey {
    pub(super) fn told(&self, only_decodable: bool) -> String {
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

    pub(super) fn places(&self) -> String {
        let places: Vec<_> = self.queues.iter().map(|(queue, count)| format!("{queue} ({count})")).collect();
        printable(&places.join(", ")).into_owned()
    }

    /// `others` is how many others look at letters.
    pub(super) fn document(&self, others: u64) -> Value {
        let broken =
            self.broken.iter().map(|(reason, (count, why))| json!({ "reason": reason, "count": count, "first": why }));
        json!({
            "matched": self.matched,
            "others": others,
            "decodable": self.decodable,
            "queues": self.queues,
            "undecodable": broken.collect::<Vec<_>>(),
        })
    }
}
