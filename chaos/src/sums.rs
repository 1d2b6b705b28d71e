//! `chaos sums DIR`: adds up the ledgers of a run that is over.

use std::path::{Path, PathBuf};

use crate::books::{Books, Findings};
use crate::ledger::Record;

/// # Errors
/// Where there are none, or one can't be read.
pub(crate) fn sums(folder: &Path) -> Result<Findings, String> {
    let unreadable = |error| format!("reading {}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut ledgers = paths.map_err(unreadable)?;
    ledgers.retain(|path| path.extension().is_some_and(|ending| ending == "ledger"));
    if ledgers.is_empty() {
        return Err(format!("{} holds no ledgers: expected the folder that a red run tells of", folder.display()));
    }
    ledgers.sort();
    let mut books = Books::default();
    for path in ledgers {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let worker = name.split('.').next().unwrap_or_default();
        let text = std::fs::read_to_string(&path).map_err(|error| format!("reading {name}: {error}"))?;
        // a line without an end is of a process that was killed, and what was injected is no matter of sums
        let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        for line in whole.filter(|line| !line.starts_with("I ")) {
            let record = Record::parse(line).ok_or_else(|| format!("{name}: not a line of a ledger: {line}"))?;
            books.enter(worker, record);
        }
    }
    Ok(books.findings())
}
