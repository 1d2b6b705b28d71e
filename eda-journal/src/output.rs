//! The file: whole lines, as many at a time as have gathered.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// From so many bytes on they are written.
const BATCH: usize = 64 * 1024;

/// Lines that are not in the file, and why.
pub(crate) struct Lost {
    pub lines: u64,
    pub error: io::Error,
}

/// A file that is appended to, and begun anew when it is full.
pub(crate) struct Output {
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
    pub(crate) fn open(path: PathBuf, size_limit: u64) -> io::Result<Self> {
        let file = append(&path)?;
        let size = file.metadata()?.len();
        // where a process was killed in the middle of a line, the next one still begins its own
        let torn = size > 0 && !ends_with_line(&path)?;
        Ok(Self { path, file, waiting: Vec::new(), size, size_limit, torn })
    }

    pub(crate) fn write(&mut self, line: &[u8]) -> Result<(), Lost> {
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
    pub(crate) fn flush(&mut self) -> Result<(), Lost> {
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

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        match std::fs::rename(&self.path, former(&self.path)) {
            // somebody else has moved or removed it, and what is written since then is with them
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
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
