//! `trace`: what led to what, over services, from their journals.

mod draw;
mod tree;

use std::io::{Write, stderr};
use std::path::PathBuf;

use clap::Args;
use eda_core::{Error, ErrorKind};
use eda_journal::{Entry, Kind, Reader, files};

use self::tree::Tree;
use crate::command::Target;
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
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    journal: Vec<PathBuf>,
}

pub(crate) fn trace(target: &Target, options: &TraceOptions, out: &mut dyn Write) -> Result<(), Stop> {
    let mut found = Found::read(&options.journal, &options.id)?;
    if found.entries.is_empty()
        && let Some(correlation) = found.of_event.take()
    {
        found = Found::read(&options.journal, &correlation)?;
    }
    found.tell_problems();
    let Some(correlation) = found.entries.first().and_then(|entry| entry.correlation_id.clone()) else {
        let names: Vec<_> = options.journal.iter().map(|file| file.display().to_string()).collect();
        let text = format!(
            "no event with this correlation id, or this id, is in {} ({} lines)",
            names.join(", "),
            found.lines
        );
        return Err(Error::new(ErrorKind::NotFound, text).with("id", options.id.escape_debug()).into());
    };
    let tree = Tree::of(&found.entries);
    if target.json {
        write_json(out, &tree.document(&correlation, found.missing, &found.problems))
    } else {
        write(out, &draw::tree(&tree, &correlation, found.missing))
    }
}

/// What the journals hold of one business process.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    /// The correlation id of the event whose id was asked for.
    of_event: Option<String>,
    lines: u64,
    /// How many lines the journals say that they lack.
    missing: u64,
    /// What could not be read.
    problems: Vec<String>,
}

impl Found {
    fn read(journals: &[PathBuf], id: &str) -> Result<Self, Error> {
        let mut found = Self::default();
        for path in journals.iter().flat_map(|journal| files(journal)) {
            let refuse = |error| {
                let text = "could not read a journal";
                Error::new(ErrorKind::Invalid, text).with("file", path.display()).caused_by(error)
            };
            for line in Reader::open(&path).map_err(refuse)? {
                let line = line.map_err(refuse)?;
                found.lines += 1;
                match line.entry {
                    Ok(entry) => found.take(entry, id),
                    Err(why) => found.problems.push(format!("{}:{}: {why}", path.display(), line.number)),
                }
            }
        }
        found.entries.sort_by_key(|entry| entry.time);
        Ok(found)
    }

    fn take(&mut self, entry: Entry, id: &str) {
        if entry.kind == Kind::Dropped {
            self.missing = self.missing.saturating_add(entry.count.unwrap_or(0));
        } else if entry.correlation_id.as_deref() == Some(id) {
            self.entries.push(entry);
        } else if entry.id.as_deref() == Some(id) && entry.correlation_id.is_some() {
            self.of_event = entry.correlation_id;
        }
    }

    fn tell_problems(&self) {
        let mut stderr = stderr();
        for problem in self.problems.iter().take(TOLD) {
            // whoever closed the stream wants to hear nothing
            let _ = writeln!(stderr, "warning: {problem}");
        }
        if let Some(more) = self.problems.len().checked_sub(TOLD).filter(|more| *more > 0) {
            let _ = writeln!(stderr, "warning: {more} more lines can't be read");
        }
    }
}
