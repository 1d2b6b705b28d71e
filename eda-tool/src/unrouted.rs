//! `unrouted`: events that came before their subscriber, and retries whose queue is gone.

mod list;
mod parked;

use std::io::{Write, stderr};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use eda_core::transport::Letter;
use eda_core::{App, Error, ErrorKind, Rehearsal, Topology};
use serde_json::json;

use self::parked::Parked;
use crate::command::Target;
use crate::confirm::ask;
use crate::keeper::{Chosen, Sender, Sending};
use crate::names::matches;
use crate::text::counted;
use crate::transports::Transports;
use crate::{Stop, when, write, write_json};

const WHAT: &str = "message";

#[derive(Debug, Subcommand)]
pub(crate) enum UnroutedCommand {
    /// Counts what no queue was bound for, by event, and retries whose queue was gone. Looking costs nothing.
    List {
        #[command(flatten)]
        filter: FilterOptions,
    },
    /// Publishes events again, and sends retries back, after asking. What still has no queue stays.
    Replay {
        #[command(flatten)]
        filter: FilterOptions,
        #[command(flatten)]
        sending: Sending,
    },
}

/// Which messages are meant; all that are given have to hold.
#[derive(Args, Debug)]
pub(crate) struct FilterOptions {
    /// Those of this event, such as `order.created`.
    #[arg(long)]
    event: Option<String>,
    /// Those whose routing key matches; `*` stands for one segment, `#` for any number.
    #[arg(long, value_name = "PATTERN")]
    key: Option<String>,
    /// Those with one of these ids.
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// Those published at this time or later: `2026-11-28 14:30`, `2026-11-28`, or `90m` for so long ago.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    after: Option<SystemTime>,
    /// Those published before this time.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    before: Option<SystemTime>,
}

impl FilterOptions {
    fn matches(&self, letter: &Letter) -> bool {
        let message = &letter.message;
        self.event.as_deref().is_none_or(|wanted| event(letter) == wanted)
            && self.key.as_deref().is_none_or(|pattern| matches(pattern, &message.routing_key))
            && (self.ids.is_empty() || message.id.as_ref().is_some_and(|id| self.ids.contains(&id.to_string())))
            && self.after.is_none_or(|after| message.time.is_some_and(|at| at >= after))
            && self.before.is_none_or(|before| message.time.is_some_and(|at| at < before))
    }

    fn is_narrow(&self) -> bool {
        let Self { event, key, ids, after, before } = self;
        event.is_some() || key.is_some() || !ids.is_empty() || after.is_some() || before.is_some()
    }

    fn check(&self) -> Result<(), Error> {
        match (self.after, self.before) {
            (Some(after), Some(before)) if after >= before => {
                Err(Error::new(ErrorKind::Invalid, "nothing is after `--after` and before `--before`: change one"))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) async fn unrouted(
    app: &App,
    target: &Target,
    transports: &impl Transports,
    command: &UnroutedCommand,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let (UnroutedCommand::List { filter } | UnroutedCommand::Replay { filter, .. }) = command;
    filter.check()?;
    let wanted = Wanted { topology: app.topology()?, rehearsal: app.rehearsal()? };
    let broker = transports.connect(target.url()?).await?;
    let done = async {
        let parked = Parked::find(&broker).await?;
        match command {
            UnroutedCommand::List { filter } => list::list(&parked, &wanted, filter, target.json, out).await,
            UnroutedCommand::Replay { filter, sending } => {
                replay(&parked, &wanted, filter, sending, target.json, out).await
            }
        }
    };
    let done = done.await;
    let closed = broker.close().await;
    done?;
    Ok(closed?)
}

/// What the app would do with a message.
struct Wanted {
    topology: Topology,
    rehearsal: Rehearsal,
}

impl Wanted {
    /// The queues of the app that a message goes to.
    fn queues(&self, letter: &Letter) -> impl Iterator<Item = &str> {
        let subscriptions = self.topology.subscriptions.iter();
        let goes = |queue: &str, takes: bool| letter.queue.as_deref().map_or(takes, |it| it == queue);
        let key = &letter.message.routing_key;
        let taken = subscriptions.filter(move |taken| goes(&taken.queue, taken.takes(key)));
        taken.map(|taken| taken.queue.as_str())
    }
}

async fn replay(
    parked: &Parked<'_>,
    wanted: &Wanted,
    filter: &FilterOptions,
    sending: &Sending,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let (mut taken, mut broken, chosen) = (0, 0, Chosen::default());
    let looked = parked.look(filter, |letter| {
        let queues: Vec<_> = wanted.queues(&letter).collect();
        taken += u64::from(!queues.is_empty());
        let reads = |queue: &&str| wanted.rehearsal.read(queue, letter.message.clone()).is_ok();
        broken += u64::from(!queues.iter().all(reads));
        chosen.add(&letter);
    });
    let looked = looked.await?;
    let found = looked.found;
    let limit = sending.limit.map_or(found, |limit| limit.min(found));
    sending.check_time(limit, WHAT)?;
    if json && (sending.dry_run || found == 0) {
        write_json(
            out,
            &json!({ "matched": found, "others": looked.seen.others, "taken": taken, "undecodable": broken }),
        )?;
    }
    if found == 0 {
        return looked.nothing(filter, json, out);
    }
    let text = format!(
        "{} {}: this app takes {taken}, of which {} would decode with today's types; others may be taken elsewhere\n",
        counted(found, WHAT),
        if found == 1 { "matches" } else { "match" },
        taken - broken
    );
    if sending.dry_run {
        return if json { Ok(()) } else { write(out, &text) };
    }
    let _ = write!(stderr(), "{text}");
    if !sending.yes {
        // which of them, only the broker knows
        let some = if limit < found { format!("{limit} of ") } else { String::new() };
        ask(&format!("publish {some}{} again", counted(found, WHAT))).await?;
    }
    tracing::info!(count = found, limit, "replaying what was unrouted");
    let mut sender = Sender::new(WHAT, limit, sending.rate);
    let matches = |letter: &Letter| filter.matches(letter) && chosen.take(letter);
    let walking = async {
        for place in &parked.places {
            sender.send(parked.open(place).await?, &matches).await?;
        }
        Ok(())
    };
    let ended = walking.await;
    sender.tell(ended, found, json, out)
}

/// The event's name, or the routing key where the producer said none.
fn event(letter: &Letter) -> &str {
    letter.message.name.as_deref().unwrap_or(&letter.message.routing_key)
}

#[cfg(test)]
mod tests {
    use eda_core::Message;
    use tokio::time::Instant;

    use super::*;
    use crate::keeper::shelf::{Shelf, structured};

    fn keys(keys: &[&'static str]) -> Shelf {
        Shelf::unrouted(keys.iter().map(|key| Message::new(*key, "{}")))
    }

    #[tokio::test]
    async fn what_nobody_takes_does_not_use_up_the_limit() {
        let shelf = keys(&["nobody.1", "order.1", "nobody.2", "order.2", "order.3", "nobody.3"]);
        let (done, told) = shelf.told(&["unrouted", "replay", "--yes", "--limit", "2"]).await;
        assert_eq!((told.as_str(), shelf.sent()), ("replayed 2 messages\n", vec!["order.1".into(), "order.2".into()]));
        let Err(Stop::Found(found)) = done else { panic!("expected that some stay: {done:?}") };
        assert_eq!(found, ["2 messages stay where they are: no queue is bound"]);
        let (done, told) = shelf.told(&["unrouted", "replay", "--yes", "--limit", "2"]).await;
        assert_eq!((told.as_str(), done.is_err()), ("replayed 1 message of 2\n", true));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_takes_does_not_use_up_the_rate() {
        let shelf =
            Shelf::unrouted((0..1_000).map(|number| Message::new(if number < 998 { "nobody" } else { "order" }, "{}")));
        let began = Instant::now();
        let (_, told) = shelf.told(&["unrouted", "replay", "--yes", "--rate", "1", "--limit", "2"]).await;
        assert_eq!(told, "replayed 2 messages\n");
        let took = began.elapsed().as_millis();
        assert!((900..3_000).contains(&took), "{took} ms");
    }

    #[tokio::test]
    async fn what_comes_while_the_question_stands_is_not_sent() {
        let shelf = keys(&["order.1"]).later(3, Message::new("order.2", "{}"), None);
        let (done, told) = shelf.told(&["unrouted", "replay", "--yes"]).await;
        assert!(done.is_ok() && told == "replayed 1 message\n", "{done:?} {told}");
        assert_eq!(shelf.sent(), ["order.1"]);
    }

    #[tokio::test]
    async fn what_somebody_else_has_taken_is_told() {
        let (done, told) = keys(&["order.1", "order.2"]).taking(3).told(&["unrouted", "replay", "--yes"]).await;
        assert_eq!(told, "replayed 1 message of 2\n");
        assert!(done.is_err_and(|stop| stop.to_string().starts_with("found: 1 message was counted and is not there")));
    }

    #[tokio::test]
    async fn what_would_take_too_long_is_refused_before_anybody_is_asked() {
        let shelf = Shelf::unrouted(vec![Message::new("order", "{}"); 1_201]);
        let (done, _) = shelf.told(&["unrouted", "replay", "--dry-run", "--rate", "1"]).await;
        assert!(done.is_err_and(|stop| stop.to_string().contains("in parts by `--limit 1200`")));
        let (done, _) = shelf.told(&["unrouted", "replay", "--dry-run", "--rate", "1", "--limit", "1200"]).await;
        assert!(done.is_ok(), "{done:?}");
    }

    #[tokio::test]
    async fn names_and_sources_are_told_as_they_were_said() {
        let long = Message { name: Some("n".repeat(1_000).into()), ..Message::new("k", "{}") };
        let (_, told) = Shelf::unrouted([structured(), long]).told(&["unrouted", "list", "--json"]).await;
        let told: serde_json::Value = serde_json::from_str(&told).expect("it is one document");
        let groups = ["event", "source"].map(|part| [&told["groups"][0][part], &told["groups"][1][part]]);
        assert_eq!(groups, [[&json!("n".repeat(255)), &json!("order.created")], [&json!(null), &json!("shop")]]);
    }
}
