//! `dead list`: how many there are, of what, and since when.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::SystemTime;

use eda_core::transport::Letter;
use serde_json::{Value, json};

use super::filter::Filter;
use super::{Shelves, event};
use crate::text::{counted, first_line, printable, safe_json, table, time_document, time_or_dash};
use crate::{Stop, write, write_json};

/// How many groups are kept apart. Handlers and reasons are few, but names of events are whatever others have sent.
const GROUPS: usize = 5_000;
/// What stands for the event in the groups of the others.
const OTHERS: &str = "(others)";
/// How much of an error is told.
const DETAIL: usize = 160;

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
    id: String,
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
    let found = shelves
        .look(filter, limit, |letter| {
            add(&mut groups, &letter);
            Ok(())
        })
        .await?;
    if json {
        let groups: Vec<_> = groups.iter().map(document).collect();
        write_json(out, &json!({ "letters": found, "of": shelves.count, "groups": groups }))?;
    } else if found > 0 {
        write(out, &text(&groups, found))?;
    } else if !filter.is_narrow {
        write(out, "no dead letters\n")?;
    }
    if found == 0 && filter.is_narrow { Err(filter.found_nothing(shelves.app, shelves.count)) } else { Ok(()) }
}

pub(super) async fn each(
    shelves: &Shelves<'_>,
    filter: &Filter,
    limit: Option<u64>,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let tell = |letter: Letter| write(out, &if json { line_document(&letter) } else { line(&letter) });
    let found = shelves.look(filter, limit, tell).await?;
    match found {
        0 if filter.is_narrow => Err(filter.found_nothing(shelves.app, shelves.count)),
        0 if !json => write(out, "no dead letters\n"),
        _ => Ok(()),
    }
}

fn add(groups: &mut BTreeMap<Key, Group>, letter: &Letter) {
    let failure = letter.failure.clone().unwrap_or_default();
    let mut key = Key { handler: failure.handler, event: event(letter).to_owned(), reason: failure.reason };
    if groups.len() >= GROUPS && !groups.contains_key(&key) {
        OTHERS.clone_into(&mut key.event);
    }
    let at = failure.last_failed_at;
    let group = groups.entry(key).or_insert_with(|| Group {
        count: 0,
        first: None,
        last: None,
        detail: String::new(),
        id: String::new(),
        queue: letter.queue.clone().unwrap_or_default(),
    });
    group.count += 1;
    if group.count == 1 || at >= group.last {
        group.detail = failure.detail;
        group.id = id(letter);
    }
    group.first = [group.first, at].into_iter().flatten().min();
    group.last = group.last.max(at);
}

fn text(groups: &BTreeMap<Key, Group>, found: u64) -> String {
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
        text.extend([&*line, "\n  last: ", &printable(&group.id), " ", &detail, "\n"]);
    }
    text + &format!("{}; `dead show ID` tells more of one\n", counted(found, "dead letter"))
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
    let (at, id) = (time_or_dash(failure.last_failed_at), id(letter));
    let [id, event, handler, reason] =
        [&*id, event(letter), &failure.handler, &failure.reason].map(|text| printable(text).into_owned());
    format!("{at} {id} {event} {handler} {reason}: {}\n", first_line(&failure.detail, DETAIL))
}

fn line_document(letter: &Letter) -> String {
    let failure = letter.failure.clone().unwrap_or_default();
    let document = json!({
        "time": time_document(failure.last_failed_at),
        "id": letter.message.id.as_ref().map(ToString::to_string),
        "event": event(letter),
        "handler": failure.handler,
        "queue": letter.queue,
        "reason": failure.reason,
        "attempt": failure.attempt,
        "detail": failure.detail,
    });
    safe_json(format!("{document}\n"))
}

fn id(letter: &Letter) -> String {
    letter.message.id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
}
