//! Reads a journal back, line by line; what is broken is told and stops nothing.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::entry::Entry;
use crate::output::former;

/// No line that we write is longer.
const LINE_LIMIT: u64 = 1024 * 1024;

/// A journal's entries, in the order in which they were written.
///
/// ```
/// use eda_journal::Reader;
///
/// let text = r#"{"journal": 1, "time": "2026-01-31T12:00:00Z", "kind": "published", "id": "7", "outcome": "confirmed"}
/// {"journal": 1, "ti"#;
/// let lines: Vec<_> = Reader::new(text.as_bytes()).collect::<Result<_, _>>()?;
/// assert_eq!(lines[0].entry.as_ref().map(|entry| entry.id.as_deref()), Ok(Some("7")));
/// assert!(lines[1].number == 2 && lines[1].entry.is_err());
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    number: u64,
}

/// A line that was read.
#[derive(Debug)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// What it tells, or why it can't be read.
    pub entry: Result<Entry<'static>, String>,
}

impl Reader<BufReader<File>> {
    /// Of a file.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::new(BufReader::new(File::open(path)?)))
    }
}

impl<R: BufRead> Reader<R> {
    /// Of anything that can be read.
    pub fn new(source: R) -> Self {
        Self { source, number: 0 }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut line = Vec::new();
            (&mut self.source).take(LINE_LIMIT).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Ok(None);
            }
            self.number += 1;
            let number = self.number;
            if line.last() != Some(&b'\n') && line.len() as u64 == LINE_LIMIT {
                self.source.skip_until(b'\n')?;
                return Ok(Some(Line { number, entry: Err(format!("the line is longer than {LINE_LIMIT} bytes")) }));
            }
            // an empty line is what a torn one was ended with
            if !line.trim_ascii().is_empty() {
                return Ok(Some(Line { number, entry: Entry::parse(&line) }));
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// The files of a journal, oldest first: what was renamed when it had grown too large, and the one that is written. Who reads
/// them while they are written wants [`open_files`].
pub fn files(path: &Path) -> Vec<PathBuf> {
    let former = former(path);
    let former = former.exists().then_some(former);
    former.into_iter().chain([path.to_owned()]).collect()
}

/// The same files, opened: what is in them now can be read, though the writer renames one meanwhile. One that is renamed in the
/// very moment is there twice.
pub fn open_files(path: &Path) -> Vec<(PathBuf, io::Result<File>)> {
    let is_missing =
        |file: &io::Result<File>| file.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let former_path = former(path);
    // in the other order, what is renamed in between would not be there at all
    let mut current = File::open(path);
    let former = File::open(&former_path);
    if former.is_ok() && is_missing(&current) {
        // it was just renamed, and a new one is begun
        current = File::open(path);
    }
    let is_told = former.is_ok() || (current.is_ok() && !is_missing(&former));
    let former = is_told.then_some((former_path, former));
    former.into_iter().chain([(path.to_owned(), current)]).collect()
}
