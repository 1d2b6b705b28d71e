//! `trace`: what led to what, over services, from their journals.

mod draw;
mod tree;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, Write, stderr};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use eda_core::transport::Place;
use eda_core::{Broker, Error, ErrorKind};
use eda_journal::{Entry, Kind, Reader, open_files};

use self::tree::Tree;
use crate::command::Target;
use crate::keeper::keeper;
use crate::progress::Progress;
use crate::text::printable;
use crate::transports::Transports;
use crate::{Stop, write, write_json};

/// How many broken lines are told one by one.
const TOLD: usize = 20;

/// What is traced, and where it was written down.
#[derive(Args, Debug)]
pub(crate) struct TraceOptions {
    /// What all events of the business process share, or the id of any of them.
    #[arg(value_name = "CORRELATION-ID")]
    id: String,
    /// The journals, one of each process. What was renamed to `FILE.1` is read, too.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    journal: Vec<PathBuf>,
    /// Read the broker's queue `eda.journal`, too, as is done where no file is named. Reading takes nothing out of it.
    #[arg(long)]
    queue: bool,
}

pub(crate) async fn trace(
    target: &Target,
    transports: &impl Transports,
    options: &TraceOptions,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let broker = match options.queue || options.journal.is_empty() {
        true if target.is_named() => Some(transports.connect(target.url()?).await?),
        true => {
            let text = "no journal is named: add `--journal FILE`, or `--broker URL` for the queue of a broker";
            return Err(Error::new(ErrorKind::Invalid, text).into());
        }
        false => None,
    };
    let found = find(broker.as_ref(), options).await;
    let closed = match &broker {
        Some(broker) => broker.close().await,
        None => Ok(()),
    };
    let found = found?;
    closed?;
    found.tell_problems();
    let Some(correlation) = found.entries.first().and_then(|entry| entry.correlation_id.clone()) else {
        let queue = broker.map(|broker| format!("the journal of {}", broker.transport().describe()));
        let names: Vec<_> = options.journal.iter().map(|file| file.display().to_string()).chain(queue).collect();
        let text = format!(
            "no event with this correlation id, or this id, is in {} ({} lines)",
            names.join(", "),
            found.lines
        );
        return Err(Error::new(ErrorKind::NotFound, text).with("id", printable(&options.id)).into());
    };
    let tree = Tree::of(&found.entries);
    if target.json {
        write_json(out, &tree.document(&correlation, found.missing(), &found.problems.told, found.problems.more))
    } else {
        write(out, &draw::tree(&tree, &correlation, found.missing()))
    }
}

async fn find(broker: Option<&Broker>, options: &TraceOptions) -> Result<Found, Error> {
    let journals = open(&options.journal)?;
    let mut found = Found::read(broker, &journals, &options.id).await?;
    if found.entries.is_empty()
        && let Some(correlation) = found.of_event.take()
    {
        found = Found::read(broker, &journals, &correlation).await?;
    }
    Ok(found)
}

/// All of them before the first is read: that can take long, and their writers rename and replace them meanwhile.
fn open(journals: &[PathBuf]) -> Result<Vec<(String, File)>, Error> {
    let files = journals.iter().flat_map(|journal| open_files(journal));
    let opened = files.map(|(path, file)| {
        let place = path.display().to_string();
        file.map_err(|error| unreadable(&place, error)).map(|file| (place, file))
    });
    opened.collect()
}

fn unreadable(place: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::Invalid, "could not read a journal").with("file", place).caused_by(error)
}

/// What the journals hold of one business process.
#[derive(Default)]
struct Found {
    entries: Vec<Entry<'static>>,
    /// The correlation id of the event whose id was asked for.
    of_event: Option<String>,
    lines: u64,
    /// When lines were dropped, and how many: all that a journal says of it, so what is the same was sent twice.
    dropped: HashSet<(SystemTime, u64)>,
    /// What could not be read.
    problems: Problems,
}

/// The first of them, and how many more there are.
#[derive(Default)]
struct Problems {
    told: Vec<String>,
    more: u64,
}

impl Problems {
    fn push(&mut self, problem: String) {
        if self.told.len() < TOLD {
            self.told.push(problem);
        } else {
            self.more += 1;
        }
    }
}

/// What the broker has not confirmed at once was sent twice, and so were the lines beside it.
fn keep_first(entries: &mut Vec<Entry<'_>>) {
    let mut seen = HashSet::new();
    entries.retain(|entry| entry.to_line().map_or(true, |line| seen.insert(line)));
}

impl Found {
    async fn read(broker: Option<&Broker>, journals: &[(String, File)], id: &str) -> Result<Self, Error> {
        let mut found = Self::default();
        for (place, file) in journals {
            let mut file = file;
            // it may have been read before; a pipe can't be read again
            let _ = file.rewind();
            let progress = Progress::over_bytes("reading", file.metadata().map_or(0, |about| about.len()));
            let lines = Reader::new(BufReader::new(progress.of(file)));
            found.lines(lines, place, id).map_err(|error| unreadable(place, error))?;
        }
        if let Some(broker) = broker {
            found.queue(broker, id).await?;
        }
        found.entries.sort_by_key(|entry| entry.time);
        keep_first(&mut found.entries);
        Ok(found)
    }

    async fn queue(&mut self, broker: &Broker, id: &str) -> Result<(), Error> {
        let Some(mut kept) = keeper(broker)?.open(&Place::Journal).await? else {
            let text = "the broker keeps no journal: services write one that have a `QueueJournal`";
            return Err(Error::new(ErrorKind::NotFound, text).with("broker", broker.transport().describe()));
        };
        if kept.others() > 0 {
            self.problems.push("somebody else reads the journal right now: what they hold is not seen here".to_owned());
        }
        let (progress, mut number) = (Progress::new("reading the journal", kept.count()), 0_u64);
        let walked = loop {
            match kept.next().await {
                Ok(Some(letter)) => {
                    number += 1;
                    progress.step();
                    self.lines(Reader::new(&*letter.message.body), &format!("message {number} of the queue"), id)
                        .map_err(|error| {
                            Error::new(ErrorKind::Internal, "could not read a message").caused_by(error)
                        })?;
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        walked.and(kept.close().await)
    }

    fn lines<R: BufRead>(&mut self, lines: Reader<R>, place: &str, id: &str) -> io::Result<()> {
        for line in lines {
            let line = line?;
            self.lines += 1;
            match line.entry {
                Ok(entry) => self.take(entry, id),
                Err(why) => self.problems.push(format!("{place}:{}: {why}", line.number)),
            }
        }
        Ok(())
    }

    fn take(&mut self, entry: Entry<'static>, id: &str) {
        if entry.kind == Kind::Dropped {
            self.dropped.insert((entry.time, entry.count.unwrap_or(0)));
        } else if entry.correlation_id.as_deref() == Some(id) {
            self.entries.push(entry);
        } else if entry.id.as_deref() == Some(id) && entry.correlation_id.is_some() {
            self.of_event = entry.correlation_id.map(Cow::into_owned);
        }
    }

    /// How many lines the journals say that they lack.
    fn missing(&self) -> u64 {
        self.dropped.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    fn tell_problems(&self) {
        let mut stderr = stderr();
        for problem in &self.problems.told {
            // whoever closed the stream wants to hear nothing
            let _ = writeln!(stderr, "warning: {}", printable(problem));
        }
        let more = self.problems.more;
        if more > 0 {
            let _ = writeln!(stderr, "warning: {more} more lines can't be read");
        }
    }
}

#[cfg(test)]
mod tests;
