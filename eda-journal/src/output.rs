//! The file: whole lines, as many at a time as have gathered.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// So many bytes are written at once, unless one line is longer.
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
        Ok(Self { path, file, size, size_limit, torn })
    }

    /// Writes whole lines. Those before one that can't be written are there, and those behind it are tried, too.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Result<(), Lost> {
        let (mut left, mut lost) = (lines, None);
        while !left.is_empty() {
            let (now, later) = left.split_at(self.fitting(left));
            left = later;
            if let Err((written, error)) = self.append(now) {
                let before = lost.map_or(0, |Lost { lines, .. }| lines);
                lost = Some(Lost { lines: before + count(&now[written..]), error });
            }
        }
        lost.map_or(Ok(()), Err)
    }

    /// How many bytes of these lines are written at once: one line at least.
    fn fitting(&self, lines: &[u8]) -> usize {
        let room = usize::try_from(self.size_limit.saturating_sub(self.size)).unwrap_or(usize::MAX).min(BATCH);
        if lines.len() <= room {
            return lines.len();
        }
        let is_end = |byte: &u8| *byte == b'\n';
        let end = lines[..room].iter().rposition(is_end).or_else(|| lines.iter().position(is_end));
        end.map_or(lines.len(), |end| end + 1)
    }

    /// # Errors
    /// Why no more was written than so many bytes.
    fn append(&mut self, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        if self.size > 0 && self.size.saturating_add(lines.len() as u64) > self.size_limit {
            self.begin_anew().map_err(|error| (0, error))?;
        }
        if self.torn {
            self.file.write_all(b"\n").map_err(|error| (0, error))?;
            (self.torn, self.size) = (false, self.size + 1);
        }
        let mut written = 0;
        while written < lines.len() {
            let error = match self.file.write(&lines[written..]) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(count) => {
                    (written, self.size) = (written + count, self.size + count as u64);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            self.torn |= written > 0 && lines[written - 1] != b'\n';
            return Err((written, error));
        }
        Ok(())
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

/// How many lines these are, the first of which may be only an end.
fn count(lines: &[u8]) -> u64 {
    lines.split_inclusive(|byte| *byte == b'\n').count() as u64
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
