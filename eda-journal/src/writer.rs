//! The thread that writes what others have put together meanwhile.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::warn;

use crate::entry::Entry;
use crate::output::{Lost, Output};

/// How long the end waits for what is not written yet.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How long lines gather before they are written.
const GATHER: Duration = Duration::from_millis(5);
/// From so many bytes on that wait, further lines are dropped: what they tell of can be long.
const BYTES_LIMIT: usize = 16 * 1024 * 1024;
/// How much of the memory that a slow disk has made grow is kept, twice.
const KEPT: usize = 256 * 1024;
/// How often it is told that lines are missing.
const QUIET: Duration = Duration::from_secs(60);

/// Lines on their way to a file.
#[derive(Debug)]
pub(crate) struct Writer {
    gathered: Arc<Gathered>,
    /// Disconnects when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

/// Lines that wait for the thread: one piece of memory, since one for each would cost as much as the line does.
#[derive(Debug)]
struct Gathered {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    limit: usize,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    /// In the text.
    lines: usize,
    /// How many lines are being written, and how many bytes they have.
    in_hand: (usize, usize),
    has_ended: bool,
}

impl Writer {
    pub(crate) fn start(path: PathBuf, size_limit: u64, waiting_limit: usize) -> io::Result<Self> {
        let output = Output::open(path, size_limit)?;
        let gathered = Arc::new(Gathered {
            waiting: Mutex::default(),
            changed: Condvar::new(),
            limit: waiting_limit,
            dropped: AtomicU64::new(0),
        });
        let (alive, ended) = sync_channel(1);
        let writing = Writing { gathered: Arc::clone(&gathered), output, told: 0, warned: None, warned_of: 0 };
        thread::Builder::new().name("eda-journal".to_owned()).spawn(move || {
            writing.run();
            drop(alive);
        })?;
        Ok(Self { gathered, ended: Mutex::new(ended) })
    }

    /// Does not wait for the file.
    pub(crate) fn write(&self, line: &[u8]) {
        let mut waiting = self.gathered.waiting();
        let (lines, bytes) = waiting.in_hand;
        if lines + waiting.lines >= self.gathered.limit || bytes + waiting.text.len() >= BYTES_LIMIT {
            drop(waiting);
            return self.lose(1);
        }
        let is_first = waiting.text.is_empty();
        waiting.text.extend_from_slice(line);
        waiting.lines += 1;
        drop(waiting);
        if is_first {
            self.gathered.changed.notify_one();
        }
    }

    pub(crate) fn lose(&self, count: u64) {
        self.gathered.dropped.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.gathered.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.gathered.waiting().has_ended = true;
        self.gathered.changed.notify_one();
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(END_LIMIT) == Err(RecvTimeoutError::Timeout) {
            warn!("the end of the journal could not be written within 5s");
        }
    }
}

impl Gathered {
    /// Waits for lines, and puts them into `text`, which is empty; `false` when there will be none any more.
    fn take(&self, text: &mut Vec<u8>) -> bool {
        let is_idle = |waiting: &mut Waiting| waiting.text.is_empty() && !waiting.has_ended;
        let mut waiting = self.changed.wait_while(self.waiting(), is_idle).unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut waiting.text, text);
        waiting.in_hand = (std::mem::take(&mut waiting.lines), text.len());
        !text.is_empty()
    }

    /// There is room for others.
    fn written(&self) {
        self.waiting().in_hand = (0, 0);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread knows.
struct Writing {
    gathered: Arc<Gathered>,
    output: Output,
    /// How many dropped lines the journal itself tells of.
    told: u64,
    warned: Option<Instant>,
    warned_of: u64,
}

impl Writing {
    fn run(mut self) {
        let mut text = Vec::new();
        while self.gathered.take(&mut text) {
            let written = self.output.write(&text);
            self.note(written);
            self.tell_dropped();
            self.gathered.written();
            text.clear();
            text.shrink_to(KEPT);
            // to be woken for each line would cost those who record more than the line does
            thread::sleep(GATHER);
        }
        self.tell_dropped();
    }

    fn note(&mut self, written: Result<(), Lost>) {
        if let Err(Lost { lines, error }) = written {
            self.gathered.dropped.fetch_add(lines, Ordering::Relaxed);
            self.warn(Some(&error));
        }
    }

    /// Writes down how many lines are missing at this place. What was there before is written already, so that this line is
    /// alone when it can't be.
    fn tell_dropped(&mut self) {
        let dropped = self.dropped();
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
        let dropped = self.dropped();
        if dropped > self.warned_of && self.warned.is_none_or(|last| last.elapsed() >= QUIET) {
            let (file, error) = (self.output.path().display(), error.map(tracing::field::display));
            warn!(%file, dropped, error, "the journal lacks lines: they came too fast, or could not be written");
            (self.warned, self.warned_of) = (Some(Instant::now()), dropped);
        }
    }

    fn dropped(&self) -> u64 {
        self.gathered.dropped.load(Ordering::Relaxed)
    }
}
