//! `dead replay`: first what would be done, then the question, then the work.

use std::io::{Write, stderr};

use eda_core::App;
use eda_core::transport::Letter;
use tracing::info;

use super::Shelves;
use super::filter::Filter;
use super::survey::{WHAT, nothing, read, survey};
use crate::confirm::ask;
use crate::keeper::{Sender, Sending};
use crate::text::counted;
use crate::{Stop, write, write_json};

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
    sending.check_time(survey.matched, WHAT)?;
    let text = survey.told(only_decodable);
    if sending.dry_run {
        return if json { write_json(out, &survey.document()) } else { write(out, &text) };
    }
    // the question has to be understood where the output is a document
    let _ = write!(stderr(), "{text}");
    if !sending.yes {
        ask(&format!("replay {} to {}", counted(survey.matched, WHAT), survey.places())).await?;
    }
    info!(count = survey.matched, decodable = survey.decodable, queues = survey.places(), "replaying dead letters");
    let mut sender = Sender::new(WHAT, survey.matched, sending.rate);
    let matches = |letter: &Letter| {
        filter.matches(letter) && (!only_decodable || read(&rehearsal, letter).is_ok()) && survey.chosen.take(letter)
    };
    let walking = async {
        for place in &shelves.places {
            sender.send(shelves.open(place).await?, &matches).await?;
        }
        Ok(())
    };
    let ended = walking.await;
    sender.tell(ended, survey.matched, json, out)
}

#[cfg(test)]
mod tests {
    use eda_core::Message;
    use serde_json::{Value, json};

    use crate::keeper::shelf::{Shelf, structured};

    #[tokio::test]
    async fn what_comes_while_the_question_stands_is_not_sent() {
        let letter = |key: &'static str| Message::new(key, "{}");
        let shelf = Shelf::dead([("billing.refund", letter("one")), ("billing.refund", letter("two"))]);
        let shelf = shelf.later(3, letter("three"), Some("billing.refund"));
        let (done, told) = shelf.told(&["dead", "replay", "--yes"]).await;
        assert!(done.is_ok() && told == "replayed 2 dead letters\n", "{done:?} {told}");
        assert_eq!(shelf.sent(), ["one", "two"]);
    }

    #[tokio::test]
    async fn what_would_take_too_long_is_refused_before_anybody_is_asked() {
        let shelf = Shelf::dead(vec![("billing.refund", Message::new("one", "{}")); 1_201]);
        let (done, _) = shelf.told(&["dead", "replay", "--yes", "--rate", "1"]).await;
        assert!(done.is_err_and(|stop| stop.to_string().contains("in parts by `--limit 1200`")));
        assert!(shelf.sent().is_empty());
    }

    #[tokio::test]
    async fn a_structured_event_is_found_by_its_id_and_read_as_the_handler_will() {
        let shelf =
            Shelf::dead([("billing.charge", structured()), ("billing.charge", Message::new("order.created", "{}"))]);
        let (_, told) = shelf.told(&["dead", "replay", "--dry-run", "--json", "--id", "7"]).await;
        let would: Value = serde_json::from_str(&told).expect("it is one document");
        assert_eq!((&would["matched"], &would["decodable"]), (&json!(1), &json!(1)));
        let (_, told) = shelf.told(&["dead", "list", "--json", "--event", "order.created", "--limit", "1"]).await;
        let listed: Value = serde_json::from_str(&told).expect("it is one document");
        assert_eq!(
            (&listed["groups"][0]["event"], &listed["groups"][0]["last_id"]),
            (&json!("order.created"), &json!("7"))
        );
        let (_, told) = shelf.told(&["dead", "show", "7", "--json", "--show-payload"]).await;
        let shown: Value = serde_json::from_str(&told).expect("it is one document");
        let letter = &shown["letters"][0];
        assert_eq!(
            (&letter["content_type"], &letter["body"]["data"]),
            (&json!("application/cloudevents+json"), &json!({ "order_id": 1 }))
        );
        let (done, told) = shelf.told(&["dead", "discard", "--yes", "--id", "7"]).await;
        assert!(done.is_ok() && told == "discarded 1 dead letter\n", "{done:?} {told}");
        let (done, told) =
            Shelf::dead([("billing.charge", structured())]).told(&["dead", "replay", "--yes", "--id", "7"]).await;
        assert!(done.is_ok() && told == "replayed 1 dead letter\n", "{done:?} {told}");
    }
}
