//! The thread that writes: one write a line, so that lines of a file stay whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::warn;

use crate::entry::Entry;

/// How long the end waits for what is not written yet.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How long lines gather before they are written.
const GATHER: Duration = Duration::from_millis(5);
/// How often it is told that lines are missing.
const QUIET: Duration = Duration::from_secs(60);

/// Lines on their way to a file.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` only at the end.
    lines: Option<SyncSender<Vec<u8>>>,
    /// Disconnects when the thread has ended.
    ended: Mutex<Receiver<()>>,
    dropped: Arc<AtomicU64>,
}

impl Writer {
    pub(crate) fn start(path: PathBuf, size_limit: u64, waiting_limit: usize) -> io::Result<Self> {
        let output = Output::open(path, size_limit)?;
        let (lines, waiting) = sync_channel(waiting_limit);
        let (alive, ended) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&dropped);
        thread::Builder::new().name("eda-journal".to_owned()).spawn(move || {
            Writing { output, dropped: count, told: 0, warned: None, warned_of: 0 }.run(&waiting);
            drop(alive);
        })?;
        Ok(Self { lines: Some(lines), ended: Mutex::new(ended), dropped })
    }

    /// Does not wait.
    pub(crate) fn write(&self, line: Vec<u8>) {
        let is_taken = self.lines.as_ref().is_some_and(|lines| lines.try_send(line).is_ok());
        if !is_taken {
            self.lose(1);
        }
    }

    pub(crate) fn lose(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.lines = None;
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(END_LIMIT) == Err(RecvTimeoutError::Timeout) {
            warn!("the end of the journal could not be written within 5s");
        }
    }
}

/// What the thread knows.
struct Writing {
    output: Output,
    dropped: Arc<AtomicU64>,
    /// How many dropped lines the journal itself tells of.
    told: u64,
    warned: Option<Instant>,
    warned_of: u64,
}

impl Writing {
    fn run(mut self, waiting: &Receiver<Vec<u8>>) {
        while let Ok(line) = waiting.recv() {
            self.put(&line);
            while let Ok(line) = waiting.try_recv() {
                self.put(&line);
            }
            // to be woken for each line would cost those who record more than the line does
            thread::sleep(GATHER);
        }
        self.tell_dropped();
    }

    fn put(&mut self, line: &[u8]) {
        self.tell_dropped();
        if let Err(error) = self.output.write(line) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            self.warn(Some(&error));
        }
    }

    /// Writes down how many lines are missing at this place.
    fn tell_dropped(&mut self) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped == self.told {
            return;
        }
        let line = Entry::dropped(dropped - self.told).to_line();
        if line.is_ok_and(|line| self.output.write(&line).is_ok()) {
            self.told = dropped;
        }
        self.warn(None);
    }

    fn warn(&mut self, error: Option<&io::Error>) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > self.warned_of && self.warned.is_none_or(|last| last.elapsed() >= QUIET) {
            let (file, error) = (self.output.path.display(), error.map(tracing::field::display));
            warn!(%file, dropped, error, "the journal lacks lines: they came too fast, or could not be written");
            (self.warned, self.warned_of) = (Some(Instant::now()), dropped);
        }
    }
}

struct Output {
    path: PathBuf,
    file: File,
    size: u64,
    size_limit: u64,
    /// Whether the last line is not whole.
    torn: bool,
}

impl Output {
    fn open(path: PathBuf, size_limit: u64) -> io::Result<Self> {
        let file = append(&path)?;
        let size = file.metadata()?.len();
        // where a process was killed in the middle of a line, the next one still begins its own
        let torn = size > 0 && !ends_with_line(&path)?;
        Ok(Self { path, file, size, size_limit, torn })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.size > 0 && self.size.saturating_add(line.len() as u64) > self.size_limit {
            self.begin_anew()?;
        }
        let written = if self.torn { self.file.write_all(&[b"\n", line].concat()) } else { self.file.write_all(line) };
        self.torn = written.is_err();
        self.size += line.len() as u64;
        written
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        std::fs::rename(&self.path, former(&self.path))?;
        self.file = append(&self.path)?;
        (self.size, self.torn) = (0, false);
        Ok(())
    }
}

/// Where what was written before is.
pub(crate) fn former(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn ends_with_line(path: &Path) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
