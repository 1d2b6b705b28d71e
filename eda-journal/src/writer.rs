//! The thread that writes: whole lines, as many at a time as have gathered.

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
/// From so many bytes on they are written.
const BATCH: usize = 64 * 1024;
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
            let written = self.output.flush();
            self.note(written);
            // to be woken for each line would cost those who record more than the line does
            thread::sleep(GATHER);
        }
        self.tell_dropped();
    }

    fn put(&mut self, line: &[u8]) {
        self.tell_dropped();
        let written = self.output.write(line);
        self.note(written);
    }

    fn note(&mut self, written: Result<(), Lost>) {
        if let Err(Lost { lines, error }) = written {
            self.dropped.fetch_add(lines, Ordering::Relaxed);
            self.warn(Some(&error));
        }
    }

    /// Writes down how many lines are missing at this place.
    fn tell_dropped(&mut self) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped == self.told {
            return;
        }
        // what waits is written first, so that this line is alone when it can't be
        let written = self.output.flush();
        self.note(written);
        let line = Entry::dropped(dropped - self.told).to_line();
        if line.is_ok_and(|line| self.output.write(&line).and_then(|()| self.output.flush()).is_ok()) {
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

/// Lines that are not in the file, and why.
struct Lost {
    lines: u64,
    error: io::Error,
}

struct Output {
    path: PathBuf,
    file: File,
    /// Whole lines that are not written yet.
    waiting: Vec<u8>,
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
        Ok(Self { path, file, waiting: Vec::new(), size, size_limit, torn })
    }

    fn write(&mut self, line: &[u8]) -> Result<(), Lost> {
        let size = self.size + self.waiting.len() as u64;
        if size > 0 && size.saturating_add(line.len() as u64) > self.size_limit {
            // this one is lost, too
            self.flush().map_err(|lost| Lost { lines: lost.lines + 1, ..lost })?;
            self.begin_anew().map_err(|error| Lost { lines: 1, error })?;
        }
        self.waiting.extend_from_slice(line);
        if self.waiting.len() < BATCH { Ok(()) } else { self.flush() }
    }

    /// Writes what waits; where that fails in the middle, the lines before are there.
    fn flush(&mut self) -> Result<(), Lost> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if self.torn {
            self.file.write_all(b"\n").map_err(|error| self.lose(0, error))?;
            (self.torn, self.size) = (false, self.size + 1);
        }
        let mut written = 0;
        while written < self.waiting.len() {
            match self.file.write(&self.waiting[written..]) {
                Ok(0) => return Err(self.lose(written, io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.lose(written, error)),
            }
        }
        self.size += written as u64;
        self.waiting.clear();
        Ok(())
    }

    fn lose(&mut self, written: usize, error: io::Error) -> Lost {
        let (there, lost) = self.waiting.split_at(written);
        self.torn |= !there.is_empty() && !there.ends_with(b"\n");
        let lines = lost.split_inclusive(|byte| *byte == b'\n').count() as u64;
        self.size += written as u64;
        self.waiting.clear();
        Lost { lines, error }
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
