//! A queue is a folder, and a message a file in it. To move a message is to rename its file: that happens, or does not.

use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use eda_core::{Error, ErrorKind, Message, Result};

use crate::file;

/// `waiting` holds what is to be delivered, `taken` what was and is not settled, `dead` what never will be.
pub(crate) struct Queue {
    folder: PathBuf,
}

/// What a consumer gets, and how long it should wait before it looks again.
pub(crate) struct Taken {
    pub(crate) messages: Vec<(Place, Message)>,
    pub(crate) next_due: Option<Duration>,
}

/// A file's name: it sorts by when the message may be delivered, and then by its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// In milliseconds since 1970; 0 is at once.
    pub(crate) due: u128,
    pub(crate) number: u64,
    pub(crate) attempt: u32,
    pub(crate) redelivered: bool,
}

impl Queue {
    pub(crate) fn create(folder: PathBuf) -> Result<Self> {
        for part in ["waiting", "taken", "dead", "new"] {
            fs::create_dir_all(folder.join(part)).map_err(failed)?;
        }
        Ok(Self { folder })
    }

    pub(crate) fn existing(folder: PathBuf) -> Option<Self> {
        folder.is_dir().then_some(Self { folder })
    }

    /// Written and synced under another name first, so that nobody ever sees half a message.
    pub(crate) fn add(&self, number: u64, message: &Message) -> Result<()> {
        let place = Place { due: 0, number, attempt: 1, redelivered: false };
        let new = self.path("new", &place);
        write(&new, &file::encode(message)?)?;
        rename(&new, &self.path("waiting", &place))
    }

    /// Takes the first messages that are due, `max` at most; and tells when the next one is. Who renames a file has its
    /// message, so two consumers never get the same.
    pub(crate) fn take(&self, max: usize) -> Result<Taken> {
        let (now, mut messages) = (now(), Vec::new());
        for place in self.places("waiting")? {
            if place.due > now || messages.len() == max {
                let wait = u64::try_from(place.due.saturating_sub(now)).unwrap_or(u64::MAX);
                return Ok(Taken { messages, next_due: Some(Duration::from_millis(wait)) });
            }
            let path = self.path("taken", &place);
            if fs::rename(self.path("waiting", &place), &path).is_ok() {
                let message = file::decode(&fs::read(path).map_err(failed)?)?;
                messages.push((place, message));
            }
        }
        Ok(Taken { messages, next_due: None })
    }

    pub(crate) fn remove(&self, place: &Place) {
        // one that can't be removed comes again, as after an ack that was lost
        let _ = fs::remove_file(self.path("taken", place));
    }

    /// It keeps its number, so it goes before what came later.
    pub(crate) fn give_back(&self, place: &Place) {
        let again = Place { redelivered: true, ..place.clone() };
        // one that can't be moved is given back when the directory is opened the next time
        let _ = fs::rename(self.path("taken", place), self.path("waiting", &again));
    }

    /// One rename is the retry: there is no moment in which the message is twice there, or not at all.
    pub(crate) fn retry(&self, place: &Place, after: Duration, number: u64) -> Result<()> {
        // rounded up: never before its time
        let due = now() + after.as_millis() + 1;
        let later = Place { due, number, attempt: place.attempt + 1, redelivered: false };
        rename(&self.path("taken", place), &self.path("waiting", &later))
    }

    /// The reason first: what is dead has one.
    pub(crate) fn bury(&self, place: &Place, reason: &[u8]) -> Result<()> {
        let dead = self.path("dead", place);
        write(&dead.with_extension("reason"), reason)?;
        rename(&self.path("taken", place), &dead)
    }

    /// The dead letters with their reasons, oldest first.
    pub(crate) fn dead(&self) -> Result<Vec<(Message, Vec<u8>)>> {
        let read = |place: &Place| {
            let path = self.path("dead", place);
            let message = file::decode(&fs::read(&path).map_err(failed)?)?;
            Ok((message, fs::read(path.with_extension("reason")).map_err(failed)?))
        };
        self.places("dead")?.iter().map(read).collect()
    }

    /// For who begins: nobody has anything in hand.
    pub(crate) fn give_back_all(&self) -> Result<()> {
        self.places("taken")?.iter().for_each(|place| self.give_back(place));
        Ok(())
    }

    /// All messages that wait, in order.
    pub(crate) fn places(&self, part: &str) -> Result<Vec<Place>> {
        let files = fs::read_dir(self.folder.join(part)).map_err(failed)?;
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        let mut places: Vec<_> = names.filter_map(|name| Place::parse(&name)).collect();
        places.sort_unstable();
        Ok(places)
    }

    pub(crate) fn read(&self, part: &str, place: &Place) -> Result<Message> {
        file::decode(&fs::read(self.path(part, place)).map_err(failed)?)
    }

    fn path(&self, part: &str, place: &Place) -> PathBuf {
        self.folder.join(part).join(place.to_string())
    }
}

impl Place {
    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('-');
        let place = Self {
            due: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            attempt: parts.next()?.parse().ok()?,
            redelivered: match parts.next()? {
                "again" => true,
                "new" => false,
                _ => return None,
            },
        };
        Some(place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { due, number, attempt, redelivered } = self;
        write!(f, "{due:015}-{number:020}-{attempt}-{}", if *redelivered { "again" } else { "new" })
    }
}

/// The file, and the folder's word that it is there, have reached the disk when this returns.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.map_err(failed)
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(failed)?;
    let folder = to.parent().unwrap_or(to);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn now() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis()
}

pub(crate) fn failed(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the directory can't be read or written").caused_by(error)
}
