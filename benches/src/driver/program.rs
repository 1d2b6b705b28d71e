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

/// What a program runs under, and the file into which that writes.
#[derive(Clone, Debug)]
pub(super) enum Profiler {
    /// Counts instructions; fifty times slower.
    Callgrind(PathBuf),
    /// Looks a thousand times a second where each thread is, in the kernel, too.
    Perf(PathBuf),
}

impl Profiler {
    /// To be followed by the program and its arguments.
    fn command(&self) -> Command {
        match self {
            Self::Callgrind(file) => {
                let mut command = Command::new("valgrind");
                let file = format!("--callgrind-out-file={}", file.display());
                command.args(["--quiet", "--tool=callgrind", &file]);
                command
            }
            Self::Perf(file) => {
                let mut command = Command::new("perf");
                command.args(["record", "--quiet", "--event=cpu-clock", "--freq=999", "--output"]).arg(file).arg("--");
                command
            }
        }
    }
}

impl Program {
    pub(super) fn work(self) -> Work {
        match self {
            Self::Framework(work) | Self::Baseline(work) | Self::Fill(work) => work,
        }
    }

    /// The word for it in the names of files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Framework(_) => "framework",
            Self::Baseline(_) => "baseline",
            Self::Fill(_) => "fill",
        }
    }

    /// Runs it to its end.
    pub(super) fn run(self, task: &Task, profiler: Option<&Profiler>) -> Result<Sample, String> {
        let (name, role) = match self {
            // what it is compared with has no metrics compiled in
            Self::Framework(Work::Seen) => ("bench-seen", None),
            Self::Framework(_) => ("bench-framework", None),
            Self::Baseline(_) => ("bench-baseline", None),
            Self::Fill(_) => ("bench-baseline", Some("fill")),
        };
        let program = beside(name)?;
        let mut command = match profiler {
            Some(profiler) => {
                let mut command = profiler.command();
                command.arg(program);
                command
            }
            None => Command::new(program),
        };
        let output = command
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

/// What another program prints.
pub(super) fn output_of(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("starting {program}: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} {}: {}, {}", arguments.join(" "), output.status, complaint.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// cargo puts all programs of this package into one folder.
fn beside(name: &str) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("looking for {name}: {error}"))?;
    Ok(own.with_file_name(name))
}
