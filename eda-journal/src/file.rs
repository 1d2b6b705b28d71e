//! A journal in a file.

use std::path::PathBuf;
use std::sync::Arc;

use eda_core::journal::{Fact, Journal};
use eda_core::{Error, ErrorKind, Result};

use crate::entry::Entry;
use crate::writer::Writer;

/// How large a file may grow, unless it is said otherwise.
const SIZE_LIMIT: u64 = 64 * 1024 * 1024;
/// How many lines wait to be written.
const WAITING_LIMIT: usize = 10_000;

/// A journal in a file, appended line by line by a thread of its own: who publishes and handles never waits for a disk.
///
/// It is bounded: a file that has grown over its limit, 64 MiB unless [`size_limit`](Builder::size_limit) says otherwise,
/// is renamed to `NAME.1` in the place of the one before, and a new one begun. Where 10,000 lines, or 16 MiB of them, wait
/// to be written, further ones are dropped; a line of the journal, and a warning, tell how many. Give each process a file of
/// its own.
///
/// What was recorded is in the file some milliseconds later: a process that is killed loses what it had not written.
///
/// Cloning is cheap; the last clone to go waits for up to five seconds until all that was recorded is written.
///
/// ```
/// use eda_core::transport::memory::Memory;
/// use eda_core::{AnyEvent, App, Broker, Service};
/// use eda_journal::FileJournal;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> eda_core::Result {
/// # let folder = std::env::temp_dir().join(format!("eda-journal-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).expect("the folder for temporary files is there");
/// # let path = folder.join("audit.journal");
/// let journal = FileJournal::open(&path)?;
/// let broker = Broker::new(Memory::new()).await?.journaled(journal);
/// let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}));
/// let running = app.start(&broker).await?; // what it handles and publishes is journaled
/// let publisher = broker.publisher("web"); // and so is what is published through this handle
/// # drop(publisher);
/// # running.shutdown().await?;
/// # std::fs::remove_dir_all(&folder).expect("it is ours");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FileJournal(Arc<Writer>);

/// A [`FileJournal`] that is to be opened.
#[derive(Clone, Debug)]
pub struct Builder {
    path: PathBuf,
    size_limit: u64,
}

impl FileJournal {
    /// Opens a journal, and makes the file where there is none. What is in it stays.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) where the file can't be opened for appending.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::at(path).open()
    }

    /// As [`open`](Self::open), with options.
    pub fn at(path: impl Into<PathBuf>) -> Builder {
        Builder { path: path.into(), size_limit: SIZE_LIMIT }
    }

    /// How many lines were dropped so far, since they came faster than they could be written, or the disk refused them.
    pub fn dropped(&self) -> u64 {
        self.0.dropped()
    }
}

impl Builder {
    /// After how many bytes a new file is begun. Twice as much is on the disk at most, and one line.
    #[must_use]
    pub fn size_limit(mut self, bytes: u64) -> Self {
        self.size_limit = bytes;
        self
    }

    /// Opens it.
    ///
    /// # Errors
    /// As [`FileJournal::open`].
    pub fn open(self) -> Result<FileJournal> {
        let place = self.path.display().to_string();
        let writer = Writer::start(self.path, self.size_limit, WAITING_LIMIT).map_err(|error| {
            Error::new(ErrorKind::Invalid, "could not open the journal").with("file", place).caused_by(error)
        })?;
        Ok(FileJournal(Arc::new(writer)))
    }
}

impl Journal for FileJournal {
    fn record(&self, fact: &Fact<'_>) {
        match Entry::of(fact).to_line() {
            Ok(line) => self.0.write(&line),
            Err(_) => self.0.lose(1),
        }
    }
}
