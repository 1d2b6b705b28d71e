//! `dead list`: how many there are, of what, and since when.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::SystemTime;

use eda_core::transport::Letter;
use serde_json::{Value, json};

use super::filter::Filter;
use super::{Shelves, event};
use crate::progress::Progress;
use crate::text::{beginning, counted, first_line, printable, safe_json, table, time_document, time_or_dash};
use crate::{Stop, write, write_json};

/// How many groups are kept apart: names of events are whatever others have sent, and so is all that whoever may write to
/// the dead letters says.
const GROUPS: usize = 5_000;
/// What stands for all of them in the group of the others.
const OTHERS: &str = "(others)";
/// How much of an error is told in a line.
const DETAIL: usize = 160;
/// How much of the last error of a group is kept, in bytes.
const LAST_DETAIL: usize = 4_096;
/// How much of a name is kept, in bytes: AMQP has no longer ones.
const NAME: usize = 255;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    handler: String,
    event: String,
    reason: String,
}

struct Group {
    count: u64,
    first: Option<SystemTime>,
    last: Option<SystemTime>,
    /// Of the letter that failed last.
    detail: String,
    id: Option<String>,
    queue: String,
}

pub(super) async fn groups(
    shelves: &Shelves<'_>,
    filter: &Filter,
    limit: Option<u64>,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let mut groups = BTreeMap::new();
    let (found, seen) = shelves
        .look(&Progress::new("looking", shelves.count), filter, limit, |letter| {
            add(&mut groups, &letter);
            Ok(())
        })
        .await?;
    if json {
        let groups: Vec<_> = groups.iter().map(document).collect();
        write_json(out, &json!({ "letters": found, "of": seen.of, "others": seen.others, "groups": groups }))?;
    } else if found > 0 {
        write(out, &text(&groups, found, seen.of))?;
    }
    if found == 0 { shelves.nothing(filter, seen, json, out) } else { Ok(()) }
}

pub(super) async fn each(
    shelves: &Shelves<'_>,
    filter: &Filter,
    limit: Option<u64>,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let tell = |letter: Letter| write(out, &if json { line_document(&letter) } else { line(&letter) });
    let (found, seen) = shelves.look(&Progress::beside_lines("looking", shelves.count), filter, limit, tell).await?;
    if found == 0 { shelves.nothing(filter, seen, json, out) } else { Ok(()) }
}

fn add(groups: &mut BTreeMap<Key, Group>, letter: &Letter) {
    let failure = letter.failure.clone().unwrap_or_default();
    let [handler, event, reason] =
        [&*failure.handler, event(letter), &*failure.reason].map(|text| beginning(text, NAME).to_owned());
    let mut key = Key { handler, event, reason };
    let mut queue = letter.queue.as_deref().unwrap_or_default();
    if groups.len() >= GROUPS && !groups.contains_key(&key) {
        key = Key { handler: OTHERS.to_owned(), event: OTHERS.to_owned(), reason: OTHERS.to_owned() };
        queue = OTHERS;
    }
    let at = failure.last_failed_at;
    let group = groups.entry(key).or_insert_with(|| Group {
        count: 0,
        first: None,
        last: None,
        detail: String::new(),
        id: None,
        queue: queue.to_owned(),
    });
    group.count += 1;
    if group.count == 1 || at >= group.last {
        beginning(&failure.detail, LAST_DETAIL).clone_into(&mut group.detail);
        group.id = id(letter).map(|id| beginning(&id, NAME).to_owned());
    }
    group.first = [group.first, at].into_iter().flatten().min();
    group.last = group.last.max(at);
}

fn text(groups: &BTreeMap<Key, Group>, found: u64, of: u64) -> String {
    let rows = groups.iter().map(|(key, group)| {
        let shown = |text: &str| printable(text).into_owned();
        let (first, last) = (time_or_dash(group.first), time_or_dash(group.last));
        [shown(&key.handler), shown(&key.event), shown(&key.reason), group.count.to_string(), first, last]
    });
    let rows: Vec<_> = rows.collect();
    let mut lines = table(["HANDLER", "EVENT", "REASON", "COUNT", "FIRST", "LAST"], &rows).into_iter();
    let mut text = lines.next().unwrap_or_default() + "\n";
    for (line, group) in lines.zip(groups.values()) {
        let detail = first_line(&group.detail, DETAIL);
        text.extend([&*line, "\n  last: ", &printable(group.id.as_deref().unwrap_or("-")), " ", &detail, "\n"]);
    }
    let some = if found < of { format!("{found} of ") } else { String::new() };
    text + &format!("{some}{}; `dead show ID` tells more of one\n", counted(of, "dead letter"))
}

fn document((key, group): (&Key, &Group)) -> Value {
    json!({
        "handler": key.handler,
        "event": key.event,
        "reason": key.reason,
        "queue": group.queue,
        "count": group.count,
        "first": time_document(group.first),
        "last": time_document(group.last),
        "last_id": group.id,
        "last_detail": group.detail,
    })
}

fn line(letter: &Letter) -> String {
    let failure = letter.failure.clone().unwrap_or_default();
    let (at, id) = (time_or_dash(failure.last_failed_at), id(letter).unwrap_or_else(|| "-".to_owned()));
    let [id, event, handler, reason] =
        [&*id, event(letter), &failure.handler, &failure.reason].map(|text| printable(text).into_owned());
    format!("{at} {id} {event} {handler} {reason}: {}\n", first_line(&failure.detail, DETAIL))
}

fn line_document(letter: &Letter) -> String {
    let failure = letter.failure.clone().unwrap_or_default();
    let document = json!({
        "time": time_document(failure.last_failed_at),
        "id": id(letter),
        "event": event(letter),
        "handler": failure.handler,
        "queue": letter.queue,
        "reason": failure.reason,
        "attempt": failure.attempt,
        "detail": failure.detail,
    });
    safe_json(format!("{document}\n"))
}

fn id(letter: &Letter) -> Option<String> {
    letter.message.id.as_ref().map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eda_core::transport::{LetterFailure, Token};
    use eda_core::{EventId, Message};

    use super::*;
    use crate::keeper::shelf::{Shelf, failure};

    fn letter(name: &str, failure: LetterFailure) -> Letter {
        let message = Message { name: Some(name.to_owned().into()), ..Message::new("order.created", "{}") };
        Letter::new(Token { generation: 0, tag: 1 }, message, Some("billing.charge".to_owned()), Some(failure), ())
    }

    #[test]
    fn groups_are_bounded_whatever_letters_say() {
        let mut groups = BTreeMap::new();
        for number in 0..6_000 {
            let mut failure = failure(&format!("reason {number}"), "declined");
            failure.handler = format!("handler {number}");
            add(&mut groups, &letter("order.created", failure));
        }
        assert_eq!(groups.len(), GROUPS + 1);
        let others = groups.iter().find(|(key, _)| key.handler == OTHERS).expect("the rest is there");
        assert_eq!((&*others.0.event, &*others.0.reason, others.1.count), (OTHERS, OTHERS, 1_000));
        assert_eq!(others.1.queue, OTHERS);
    }

    #[test]
    fn long_names_and_details_are_cut() {
        let long = "ä".repeat(100_000);
        let mut failure = failure(&long, &long);
        failure.handler.clone_from(&long);
        let mut letter = letter(&long, failure);
        letter.message.id = Some(EventId::from(&*long));
        let mut groups = BTreeMap::new();
        add(&mut groups, &letter);
        let (key, group) = groups.pop_first().expect("there is one");
        assert_eq!([key.handler, key.event, key.reason].map(|name| name.len()), [NAME - 1; 3]);
        assert_eq!((group.detail.len(), group.id.map(|id| id.len())), (LAST_DETAIL, Some(NAME - 1)));
    }

    #[test]
    fn a_letter_without_an_id_has_null() {
        let mut groups = BTreeMap::new();
        add(&mut groups, &letter("order.created", failure("permanent", "declined")));
        let told = groups.iter().map(document).next().expect("there is one");
        assert_eq!(told["last_id"], Value::Null);
        assert!(text(&groups, 1, 1).contains("\n  last: - declined\n1 dead letter; "));
    }

    #[test]
    fn the_last_error_is_that_of_the_letter_that_failed_last() {
        let mut groups = BTreeMap::new();
        for (seconds, detail) in [(2, "second"), (3, "third"), (1, "first")] {
            let mut failure = failure("permanent", detail);
            failure.last_failed_at = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            add(&mut groups, &letter("order.created", failure));
        }
        assert!(groups.values().all(|group| group.count == 3 && group.detail == "third"));
    }

    #[tokio::test]
    async fn where_somebody_else_may_have_all_of_them_nobody_is_told_that_there_are_none() {
        let shelf = Shelf::default().with_others(1);
        for arguments in [&["dead", "list"][..], &["dead", "list", "--each"], &["dead", "replay", "--yes"]] {
            let (done, told) = shelf.told(arguments).await;
            let error = done.expect_err("nobody knows").to_string();
            assert!(error.contains("somebody else has in hand") && told.is_empty(), "{error} {told}");
        }
        let (done, told) = shelf.told(&["dead", "list", "--json"]).await;
        assert!(done.is_err() && told.contains(r#""others": 2"#), "of two queues: {told}");
        let error = shelf.told(&["unrouted", "list"]).await.0.expect_err("nobody knows").to_string();
        assert!(error.contains("somebody else has in hand"), "{error}");
    }

    #[tokio::test]
    async fn what_others_take_from_a_look_is_not_told_as_missing() {
        let letters = || Shelf::dead(vec![("billing.charge", Message::new("order.created", "{}")); 3]);
        let (done, told) = letters().snatching(3).told(&["dead", "list"]).await;
        assert!(done.is_err_and(|stop| stop.to_string().contains("somebody else has in hand")) && told.is_empty());
        let (done, told) = letters().snatching(1).told(&["dead", "list"]).await;
        assert!(done.is_ok() && told.ends_with("\n2 dead letters; `dead show ID` tells more of one\n"), "{told}");
        let (_, told) = letters().snatching(1).told(&["dead", "list", "--json"]).await;
        let told: Value = serde_json::from_str(&told).expect("it is one document");
        assert_eq!((&told["letters"], &told["of"], &told["others"]), (&json!(2), &json!(2), &json!(1)));
        let unrouted = || Shelf::unrouted([Message::new("order.created", "{}")]).snatching(1);
        assert!(unrouted().told(&["unrouted", "list"]).await.0.is_err());
        let (_, told) = unrouted().told(&["unrouted", "replay", "--dry-run", "--json"]).await;
        assert!(told.contains(r#""others": 1"#), "{told}");
    }

    #[tokio::test]
    async fn a_part_is_told_as_one() {
        let shelf = Shelf::dead(vec![("billing.charge", Message::new("order.created", "{}")); 7]);
        let (_, told) = shelf.told(&["dead", "list", "--limit", "2"]).await;
        assert!(told.ends_with("\n2 of 7 dead letters; `dead show ID` tells more of one\n"), "{told}");
    }
}
