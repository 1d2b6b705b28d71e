//! The programs that are measured, each run a process of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::meter::Sample;
use crate::task::{Queue, Task, Work};

/// A row: what both programs do, and on what kind of queue.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) work: Work,
    pub(super) queue: Queue,
    pub(super) events: u64,
}

/// A program with the work that it does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Program {
    Framework(Work),
    Baseline(Work),
    /// Publishes what another program consumes.
    Fill(Work),
}

impl Program {
    pub(super) fn work(self) -> Work {
        match self {
            Self::Framework(work) | Self::Baseline(work) | Self::Fill(work) => work,
        }
    }

    /// Runs it to its end.
    pub(super) fn run(self, task: &Task) -> Result<Sample, String> {
        let (name, role) = match self {
            Self::Framework(_) => ("bench-framework", None),
            Self::Baseline(_) => ("bench-baseline", None),
            Self::Fill(_) => ("bench-baseline", Some("fill")),
        };
        let output = Command::new(beside(name)?)
            .args(role)
            .args(task.words())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("starting {name}: {error}"))?;
        let what = format!("{name} {} on a {} queue", task.work, task.queue);
        if !output.status.success() {
            return Err(format!("{what}: {}", output.status));
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&printed).map_err(|error| format!("{what} printed no sample: {error}: {printed}"))
    }
}

/// cargo puts all programs of this package into one folder.
fn beside(name: &str) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("looking for {name}: {error}"))?;
    Ok(own.with_file_name(name))
}
