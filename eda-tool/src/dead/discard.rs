//! `dead discard`: first what would be done, then the question, then the work; and in the end only what is sure.

use std::io::{Write, stderr};

use eda_core::transport::{Kept, Letter};
use eda_core::{App, Result};
use serde_json::json;
use tracing::info;

use super::filter::Filter;
use super::survey::{WHAT, nothing, survey};
use super::{Shelves, Taking};
use crate::confirm::ask;
use crate::keeper::{done, gone, next, told};
use crate::progress::Progress;
use crate::text::counted;
use crate::{Stop, write, write_json};

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
        ask(&format!("discard {} of {} for good", counted(survey.matched, WHAT), survey.places())).await?;
    }
    info!(count = survey.matched, queues = survey.places(), "discarding dead letters");
    let matches = |letter: &Letter| filter.matches(letter) && survey.chosen.take(letter);
    let mut discarding = Discarding::new(survey.matched);
    let walking = async {
        for place in &shelves.places {
            discarding.walk(shelves.open(place).await?, &matches).await?;
        }
        Ok(())
    };
    let ended = walking.await;
    discarding.tell(ended, json, out)
}

/// Goes over several walks, and counts.
struct Discarding {
    matched: u64,
    progress: Progress,
    /// Removed by walks that have ended well, so that the broker has heard of it.
    sure: u64,
    /// Removed by a walk that has not, so that they may still be there.
    unsure: u64,
}

impl Discarding {
    fn new(matched: u64) -> Self {
        Self { matched, progress: Progress::new("discarding", matched), sure: 0, unsure: 0 }
    }

    async fn walk(&mut self, mut kept: Box<dyn Kept>, matches: impl Fn(&Letter) -> bool) -> Result<()> {
        let removed = self.remove(&mut *kept, matches).await;
        let closed = kept.close().await;
        removed.and(closed)?;
        self.sure += std::mem::take(&mut self.unsure);
        Ok(())
    }

    async fn remove(&mut self, kept: &mut dyn Kept, matches: impl Fn(&Letter) -> bool) -> Result<()> {
        while self.sure + self.unsure < self.matched
            && let Some(letter) = next(kept).await?
        {
            if matches(&letter) {
                // before it is done, so that there is a line of each that may be gone
                info!(letter = told(&letter), "discarding");
                self.unsure += 1;
                kept.remove(letter.token).await?;
                self.progress.step();
            }
        }
        Ok(())
    }

    /// Tells what was done, and passes on the error that ended it.
    ///
    /// # Errors
    /// That error, or what is gone already.
    fn tell(self, ended: Result<()>, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
        let Self { matched, progress, sure, unsure } = self;
        drop(progress);
        info!(discarded = sure, unsure, matched, "discarding ended");
        if json {
            write_json(out, &json!({ "matched": matched, "discarded": sure, "unsure": unsure }))?;
        } else {
            let others = match unsure {
                0 => String::new(),
                1 => "; one more may be gone, or still be there".to_owned(),
                _ => format!("; {unsure} more may be gone, or still be there"),
            };
            write(out, &format!("{}{others}\n", done("discarded", sure, WHAT, matched)))?;
        }
        ended?;
        let missing = matched.saturating_sub(sure);
        if missing > 0 { Err(Stop::Found(vec![gone(missing, WHAT)])) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use eda_core::{ErrorKind, Message};
    use serde_json::Value;

    use super::*;
    use crate::keeper::shelf::Shelf;

    fn letters(queues: &[&'static str]) -> Shelf {
        Shelf::dead(queues.iter().map(|queue| (*queue, Message::new("order.created", "{}"))))
    }

    #[tokio::test]
    async fn what_somebody_else_has_taken_is_told() {
        let shelf = letters(&["billing.charge"; 3]).taking(3);
        let (done, told) = shelf.told(&["dead", "discard", "--yes"]).await;
        assert_eq!(told, "discarded 2 dead letters of 3\n");
        let Err(Stop::Found(found)) = done else { panic!("expected that one is gone: {done:?}") };
        assert_eq!(found, ["1 dead letter was counted and is not there: somebody else has taken or holds it"]);
    }

    #[tokio::test]
    async fn what_comes_in_the_place_of_what_was_taken_stays() {
        let later = Message::new("order.created", "another");
        let shelf = letters(&["billing.charge"; 2]).taking(3).later(3, later, Some("billing.charge"));
        let (done, told) = shelf.told(&["dead", "discard", "--yes"]).await;
        assert_eq!((told.as_str(), done.is_err()), ("discarded 1 dead letter of 2\n", true));
        let (_, told) = shelf.told(&["dead", "list"]).await;
        assert!(told.ends_with("\n1 dead letter; `dead show ID` tells more of one\n"), "{told}");
    }

    #[tokio::test]
    async fn what_comes_meanwhile_stays() {
        let later = Message::new("order.created", "{}");
        let shelf = letters(&["billing.charge"; 2]).later(3, later, Some("billing.charge"));
        let (done, told) = shelf.told(&["dead", "discard", "--yes"]).await;
        assert!(done.is_ok() && told == "discarded 2 dead letters\n", "{done:?} {told}");
        let (_, told) = shelf.told(&["dead", "list"]).await;
        assert!(told.ends_with("1 dead letter; `dead show ID` tells more of one\n"), "{told}");
    }

    #[tokio::test]
    async fn only_what_the_broker_has_heard_of_is_sure() {
        let queues = ["billing.charge", "billing.refund", "billing.refund"];
        let (done, told) = letters(&queues).breaking("billing.refund", 3).told(&["dead", "discard", "--yes"]).await;
        assert_eq!(told, "discarded 1 dead letter of 3; 2 more may be gone, or still be there\n");
        assert!(matches!(&done, Err(Stop::Failed(error)) if error.kind() == ErrorKind::Unavailable), "{done:?}");
        let shelf = letters(&queues).breaking("billing.charge", 3);
        let (_, told) = shelf.told(&["dead", "discard", "--yes", "--json"]).await;
        let told: Value = serde_json::from_str(&told).expect("it is one document");
        assert_eq!(told, json!({ "matched": 3, "discarded": 0, "unsure": 1 }));
    }
}
