//! `unrouted list`: how many there are, of what, and who would take them now.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::SystemTime;

use eda_core::transport::Letter;
use serde_json::{Value, json};

use super::parked::Parked;
use super::{FilterOptions, Wanted, event};
use crate::text::{beginning, counted, printable, table, time_document, time_or_dash};
use crate::{Stop, write, write_json};

/// How many groups are kept apart: names of events are whatever others have sent.
const GROUPS: usize = 5_000;
/// How much of a name is kept, in bytes.
const NAME: usize = 255;
const OTHERS: &str = "(others)";

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// The queue of a retry.
    queue: Option<String>,
    event: String,
    source: Option<String>,
}

struct Group {
    count: u64,
    first: Option<SystemTime>,
    last: Option<SystemTime>,
    /// Of the last one.
    routing_key: String,
    taken_by: Vec<String>,
}

pub(super) async fn list(
    parked: &Parked<'_>,
    wanted: &Wanted,
    filter: &FilterOptions,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let mut groups = BTreeMap::new();
    let looked = parked.look(filter, |letter| add(&mut groups, wanted, &letter)).await?;
    let found = looked.found;
    if json {
        let groups: Vec<_> = groups.iter().map(document).collect();
        write_json(
            out,
            &json!({ "messages": found, "of": looked.seen.of, "others": looked.seen.others, "groups": groups }),
        )?;
    }
    if found == 0 {
        return looked.nothing(filter, json, out);
    }
    if json { Ok(()) } else { write(out, &text(&groups, found)) }
}

fn add(groups: &mut BTreeMap<Key, Group>, wanted: &Wanted, letter: &Letter) {
    let message = &letter.message;
    let source = message.source.as_deref().map(|source| beginning(source, NAME).to_owned());
    let mut key = Key { queue: letter.queue.clone(), event: beginning(event(letter), NAME).to_owned(), source };
    if groups.len() >= GROUPS && !groups.contains_key(&key) {
        (key.event, key.source) = (OTHERS.to_owned(), None);
        key.queue = key.queue.map(|_| OTHERS.to_owned());
    }
    let group = groups.entry(key).or_insert_with(|| Group {
        count: 0,
        first: None,
        last: None,
        routing_key: String::new(),
        taken_by: wanted.queues(letter).map(str::to_owned).collect(),
    });
    group.count += 1;
    group.routing_key = message.routing_key.to_string();
    group.first = [group.first, message.time].into_iter().flatten().min();
    group.last = group.last.max(message.time);
}

fn text(groups: &BTreeMap<Key, Group>, found: u64) -> String {
    let rows = groups.iter().map(|(key, group)| {
        let shown = |text: &str| printable(text).into_owned();
        let taken = match &key.queue {
            Some(queue) => format!("retry of {}", shown(queue)),
            None if group.taken_by.is_empty() => "-".to_owned(),
            None => group.taken_by.join(", "),
        };
        let (first, last) = (time_or_dash(group.first), time_or_dash(group.last));
        [shown(&key.event), shown(key.source.as_deref().unwrap_or("-")), group.count.to_string(), first, last, taken]
    });
    let rows: Vec<_> = rows.collect();
    let lines = table(["EVENT", "SOURCE", "COUNT", "FIRST", "LAST", "TAKEN BY"], &rows);
    lines.join("\n") + &format!("\n{}\n", counted(found, "message"))
}

fn document((key, group): (&Key, &Group)) -> Value {
    json!({
        "event": key.event,
        "source": key.source,
        "retry_of": key.queue,
        "count": group.count,
        "first": time_document(group.first),
        "last": time_document(group.last),
        "last_routing_key": group.routing_key,
        "taken_by": group.taken_by,
    })
}
