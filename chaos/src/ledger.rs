//! The ledger: append-only files, one for each process, a line for each thing that happened.
//!
//! A line is formatted first and written with one call, so that a process which is killed leaves whole lines behind.

use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, by the clock that all processes of a run share.
pub(crate) type Millis = u64;

/// Now.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What is to happen with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Every handler takes it.
    Good,
    /// Every handler fails once, and then takes it.
    Flaky,
    /// No handler ever takes it: it ends among the dead letters.
    Poison,
    /// Nobody is bound for it: its publisher is told so.
    Nobody,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// `T`: told to the ledger before the first attempt to publish.
    Told { id: u128, kind: Kind, key: u32, seq: u64, hash: u64, at: Millis },
    /// `C`: the broker has confirmed it.
    Confirmed { id: u128, at: Millis },
    /// `U`: the publisher was told that nobody is bound.
    Unroutable { id: u128, at: Millis },
    /// `R`: in the handler, before anything else.
    Received { id: u128, handler: String, redelivered: bool, hash: u64, at: Millis },
    /// `X`: the handler failed on purpose.
    Failed { id: u128, handler: String },
    /// `E`: the effect.
    Effect { id: u128, handler: String, at: Millis },
    /// `P`: read back from where the handler's dead letters are.
    Parked { id: u128, handler: String, reason: String, hash: u64 },
    /// `H`: what the health of a consumer says from now on.
    Health { is_ready: bool, at: Millis },
    /// `G`: what the process uses.
    Gauge { files: u64, tasks: u64, kilobytes: u64 },
}

/// Writes a process's file.
#[derive(Debug)]
pub(crate) struct Ledger {
    file: File,
}

impl Ledger {
    /// Begins a file.
    pub(crate) fn create(path: &Path) -> Result<Self, String> {
        let file = File::options().create_new(true).append(true).open(path);
        file.map(|file| Self { file }).map_err(|error| format!("writing {}: {error}", path.display()))
    }

    /// Writes a line.
    ///
    /// # Panics
    /// When it can't be written: a run with holes in its ledger proves nothing.
    pub(crate) fn write(&self, line: impl Display) {
        (&self.file).write_all(format!("{line}\n").as_bytes()).expect("the disk takes the ledger");
    }
}

impl Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Told { id, kind, key, seq, hash, at } => {
                write!(f, "T {id:x} {} {key} {seq} {hash:x} {at}", kind.letter())
            }
            Self::Confirmed { id, at } => write!(f, "C {id:x} {at}"),
            Self::Unroutable { id, at } => write!(f, "U {id:x} {at}"),
            Self::Received { id, handler, redelivered, hash, at } => {
                write!(f, "R {id:x} {handler} {} {hash:x} {at}", u8::from(*redelivered))
            }
            Self::Failed { id, handler } => write!(f, "X {id:x} {handler}"),
            Self::Effect { id, handler, at } => write!(f, "E {id:x} {handler} {at}"),
            Self::Parked { id, handler, reason, hash } => write!(f, "P {id:x} {handler} {reason} {hash:x}"),
            Self::Health { is_ready, at } => write!(f, "H {} {at}", u8::from(*is_ready)),
            Self::Gauge { files, tasks, kilobytes } => write!(f, "G {files} {tasks} {kilobytes}"),
        }
    }
}

impl Record {
    /// Reads a line; `None` where it is none.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let hex = |word: &str| u128::from_str_radix(word, 16).ok();
        let hash = |word: &str| u64::from_str_radix(word, 16).ok();
        Some(match *words.as_slice() {
            ["T", id, kind, key, seq, sum, at] => Self::Told {
                id: hex(id)?,
                kind: Kind::of(kind)?,
                key: key.parse().ok()?,
                seq: seq.parse().ok()?,
                hash: hash(sum)?,
                at: at.parse().ok()?,
            },
            ["C", id, at] => Self::Confirmed { id: hex(id)?, at: at.parse().ok()? },
            ["U", id, at] => Self::Unroutable { id: hex(id)?, at: at.parse().ok()? },
            ["R", id, handler, redelivered, sum, at] => Self::Received {
                id: hex(id)?,
                handler: handler.into(),
                redelivered: redelivered == "1",
                hash: hash(sum)?,
                at: at.parse().ok()?,
            },
            ["X", id, handler] => Self::Failed { id: hex(id)?, handler: handler.into() },
            ["E", id, handler, at] => Self::Effect { id: hex(id)?, handler: handler.into(), at: at.parse().ok()? },
            ["P", id, handler, reason, sum] => {
                Self::Parked { id: hex(id)?, handler: handler.into(), reason: reason.into(), hash: hash(sum)? }
            }
            ["H", is_ready, at] => Self::Health { is_ready: is_ready == "1", at: at.parse().ok()? },
            ["G", files, tasks, kilobytes] => Self::Gauge {
                files: files.parse().ok()?,
                tasks: tasks.parse().ok()?,
                kilobytes: kilobytes.parse().ok()?,
            },
            _ => return None,
        })
    }
}

impl Kind {
    const LETTERS: [(Self, &'static str); 4] =
        [(Self::Good, "g"), (Self::Flaky, "f"), (Self::Poison, "p"), (Self::Nobody, "n")];

    fn letter(self) -> &'static str {
        Self::LETTERS.iter().find(|(kind, _)| *kind == self).map_or("g", |(_, letter)| letter)
    }

    fn of(letter: &str) -> Option<Self> {
        Self::LETTERS.iter().find(|(_, known)| *known == letter).map(|(kind, _)| *kind)
    }
}

/// Reads a file that a process is still writing.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    file: Option<File>,
    rest: Vec<u8>,
}

impl Tail {
    /// Of a file that need not exist yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, file: None, rest: Vec::new() }
    }

    /// The lines that are new since the last time.
    pub(crate) fn read(&mut self) -> Result<Vec<Record>, String> {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        let failed = |error| format!("reading {}: {error}", self.path.display());
        file.read_to_end(&mut self.rest).map_err(failed)?;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let lines = self.rest.drain(..whole).collect::<Vec<_>>();
        let parse = |line: &[u8]| {
            let text = String::from_utf8_lossy(line);
            Record::parse(&text).ok_or_else(|| format!("{}: not a line of a ledger: {text}", self.path.display()))
        };
        lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_as_it_was_written() {
        let handler = || "book".to_owned();
        for record in [
            Record::Told { id: u128::MAX, kind: Kind::Poison, key: 7, seq: 8, hash: u64::MAX, at: 9 },
            Record::Confirmed { id: 1, at: 2 },
            Record::Unroutable { id: 1, at: 2 },
            Record::Received { id: 1, handler: handler(), redelivered: true, hash: 3, at: 4 },
            Record::Failed { id: 1, handler: handler() },
            Record::Effect { id: 1, handler: handler(), at: 2 },
            Record::Parked { id: 1, handler: handler(), reason: "permanent".into(), hash: 3 },
            Record::Health { is_ready: true, at: 1 },
            Record::Gauge { files: 1, tasks: 2, kilobytes: 3 },
        ] {
            assert_eq!(Record::parse(&record.to_string()), Some(record));
        }
        assert_eq!(Record::parse("T 1"), None);
    }

    #[test]
    fn a_line_that_is_not_whole_is_read_later() {
        let path = std::env::temp_dir().join(format!("eda-ledger-{}", std::process::id()));
        let mut tail = Tail::new(path.clone());
        assert_eq!(tail.read(), Ok(vec![]), "there is no file yet");
        let ledger = Ledger::create(&path).expect("a file");
        (&ledger.file).write_all(b"C 1 2\nC 2").expect("written");
        assert_eq!(tail.read(), Ok(vec![Record::Confirmed { id: 1, at: 2 }]));
        ledger.write(" 3");
        assert_eq!(tail.read(), Ok(vec![Record::Confirmed { id: 2, at: 3 }]));
        std::fs::remove_file(path).expect("removed");
    }
}
