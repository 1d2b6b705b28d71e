//! `dead`: deliveries that failed for good, looked at, sent back and discarded.

mod discard;
mod filter;
mod list;
mod send;
mod show;
mod survey;

use std::io::{Write, stderr};

use clap::{Args, Subcommand};
use eda_core::transport::{Keep, Kept, Letter, Place};
use eda_core::{App, Broker, Error, ErrorKind};

use self::filter::{Filter, FilterOptions};
use crate::Stop;
use crate::command::Target;
use crate::keeper::{Seen, Sending, keeper, next};
use crate::progress::Progress;
use crate::transports::{Transports, shared};

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// Counts dead letters by handler, event and reason. Looking costs them nothing.
    List {
        #[command(flatten)]
        filter: FilterOptions,
        /// Tell each letter instead, oldest first of each queue. With `--json`, a line of JSON for each.
        #[arg(long)]
        each: bool,
        /// End after so many letters.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
        limit: Option<u64>,
    },
    /// Shows all that is known of the letters of one event.
    Show {
        /// The event's id, as `dead list` tells it.
        id: String,
        /// Only the letter of this queue.
        #[arg(long)]
        queue: Option<String>,
        /// Show the body, too.
        #[arg(long)]
        show_payload: bool,
    },
    /// Sends letters back to the queues that they came from, after asking: they start anew, under their old ids.
    Replay {
        #[command(flatten)]
        filter: FilterOptions,
        #[command(flatten)]
        sending: Sending,
        /// Only those that can be read as what the handlers take today.
        #[arg(long)]
        only_decodable: bool,
    },
    /// Deletes letters for good, after asking.
    Discard {
        #[command(flatten)]
        filter: FilterOptions,
        #[command(flatten)]
        taking: Taking,
    },
}

/// How many are taken, and whether somebody is asked.
#[derive(Args, Debug)]
pub(crate) struct Taking {
    /// So many at most, oldest first of each queue.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Only tell what would be done.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

pub(crate) async fn dead(
    app: &App,
    target: &Target,
    transports: &impl Transports,
    command: &DeadCommand,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    // what is wrong in the arguments is told without a broker
    let filter = match command {
        DeadCommand::List { filter, .. } | DeadCommand::Replay { filter, .. } | DeadCommand::Discard { filter, .. } => {
            filter.check(app)?
        }
        DeadCommand::Show { id, queue, .. } => Filter::of_id(app, id, queue.as_deref())?,
    };
    let broker = transports.connect(target.url()?).await?;
    let done = carry_out(app, &broker, command, &filter, target.json, out).await;
    let closed = broker.close().await;
    done?;
    Ok(closed?)
}

async fn carry_out(
    app: &App,
    broker: &Broker,
    command: &DeadCommand,
    filter: &Filter,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let shelves = Shelves::find(app, broker, filter).await?;
    match command {
        DeadCommand::List { each: false, limit, .. } => list::groups(&shelves, filter, *limit, json, out).await,
        DeadCommand::List { limit, .. } => list::each(&shelves, filter, *limit, json, out).await,
        DeadCommand::Show { show_payload, .. } => show::show(&shelves, filter, *show_payload, json, out).await,
        DeadCommand::Replay { sending, only_decodable, .. } => {
            send::replay(app, &shelves, filter, sending, *only_decodable, json, out).await
        }
        DeadCommand::Discard { taking, .. } => discard::discard(app, &shelves, filter, taking, json, out).await,
    }
}

/// The dead letters' queues that there are to look through.
struct Shelves<'a> {
    keep: &'a dyn Keep,
    app: &'a App,
    places: Vec<Place>,
    /// How many letters there are in all, but for those that somebody else has in hand.
    count: u64,
}

impl<'a> Shelves<'a> {
    /// # Errors
    /// Where there is none, and why that may be.
    async fn find(app: &'a App, broker: &'a Broker, filter: &Filter) -> Result<Self, Error> {
        let keep = keeper(broker)?;
        let (mut places, mut absent, mut count) = (Vec::new(), Vec::new(), 0);
        for queue in &filter.queues {
            let place = Place::DeadLettersOf(queue.clone());
            let Some(mut kept) = keep.open(&place).await? else {
                absent.push(format!("`{queue}`"));
                continue;
            };
            count += kept.count();
            kept.close().await?;
            places.push(place);
        }
        if places.is_empty() {
            return Err(missing(broker, &filter.queues));
        }
        if !absent.is_empty() {
            // whoever closed the stream wants to hear nothing
            let _ = writeln!(
                stderr(),
                "note: there are no dead letters' queues of {} yet: run the service, or `topology apply`",
                absent.join(", ")
            );
        }
        Ok(Self { keep, app, places, count })
    }

    /// # Errors
    /// Where something was asked for, or somebody else may have what is not seen.
    fn nothing(&self, filter: &Filter, seen: Seen, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
        if filter.is_narrow {
            return Err(filter.found_nothing(self.app, seen.of));
        }
        if seen.others > 0 {
            return Err(Stop::Found(vec!["no dead letters but what somebody else has in hand".to_owned()]));
        }
        if json { Ok(()) } else { crate::write(out, "no dead letters\n") }
    }

    /// Opens each in turn.
    async fn open(&self, place: &Place) -> Result<Box<dyn Kept>, Error> {
        self.keep.open(place).await?.ok_or_else(|| Error::new(ErrorKind::NotFound, "the queue was deleted meanwhile"))
    }

    /// Looks at letters that match until it is told to stop; gives how many there were, and of how many.
    async fn look(
        &self,
        progress: &Progress,
        filter: &Filter,
        limit: Option<u64>,
        mut tell: impl FnMut(Letter) -> Result<(), Stop>,
    ) -> Result<(u64, Seen), Stop> {
        let (mut found, mut seen) = (0, Seen::default());
        for place in &self.places {
            let mut kept = self.open(place).await?;
            let (mut count, mut is_whole) = (0, false);
            let looked = async {
                while limit.is_none_or(|limit| found < limit) {
                    let Some(letter) = next(&mut *kept).await? else {
                        is_whole = true;
                        break;
                    };
                    progress.step();
                    count += 1;
                    if filter.matches(&letter) {
                        found += 1;
                        tell(letter)?;
                    }
                }
                Ok::<_, Stop>(())
            };
            let looked = looked.await;
            if seen.add(&*kept, count, is_whole) {
                Self::note(place);
            }
            let closed = kept.close().await;
            looked?;
            closed?;
        }
        Ok((found, seen))
    }

    fn note(place: &Place) {
        let Place::DeadLettersOf(queue) = place else { return };
        // whoever closed the stream wants to hear nothing
        let _ = writeln!(
            stderr(),
            "note: somebody else looks through the dead letters of `{queue}`: those in hand there are not seen here"
        );
    }
}

fn missing(broker: &Broker, queues: &[String]) -> Error {
    if let Err(error) = shared(broker) {
        return error;
    }
    let names: Vec<_> = queues.iter().map(|queue| format!("`{queue}`")).collect();
    let text =
        format!("there are no dead letters' queues of {} yet: run the service, or `topology apply`", names.join(", "));
    Error::new(ErrorKind::NotFound, text)
}

/// The event's name, or the routing key where the producer said none.
fn event(letter: &Letter) -> &str {
    letter.message.name.as_deref().unwrap_or(&letter.message.routing_key)
}
