//! Steps: a heading, the time each took, and a summary.

use std::fmt::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rabbit_node::Guard;

/// Steps taken so far; the first that fails is the last.
#[derive(Default)]
pub(crate) struct Steps {
    taken: Vec<(String, Duration)>,
}

impl Steps {
    /// Takes a step; `again` is how to repeat it alone.
    pub(crate) fn take<T>(
        &mut self,
        name: &str,
        again: &str,
        work: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        println!("\n== {name}");
        let begun = Instant::now();
        let outcome = work();
        let took = begun.elapsed();
        self.taken.push((name.into(), took));
        match outcome {
            Ok(value) => {
                println!("== {name}: ok, {:.1} s", took.as_secs_f64());
                Ok(value)
            }
            Err(error) => {
                let summary = self.summary("FAILED");
                Err(format!("{error}\n\n{summary}\nfailed: {name}; again: {again}"))
            }
        }
    }

    /// One line a step; `last` is how the last one went.
    pub(crate) fn summary(&self, last: &str) -> String {
        let mut text = String::new();
        for (index, (name, took)) in self.taken.iter().enumerate() {
            let outcome = if index + 1 == self.taken.len() { last } else { "ok" };
            let _ = writeln!(text, "{:>7.1} s  {outcome:<6}  {name}", took.as_secs_f64());
        }
        text
    }
}

/// Runs a program in the repository's root; it ends with this process.
pub(crate) fn run(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let running = Running::start(program, arguments, variables, Stdio::inherit)?;
    let status = running.end()?.status;
    if status.success() { Ok(()) } else { Err(format!("{program} {}: {status}", arguments.join(" "))) }
}

/// Runs one after the other of those that wait more than they work, while another runs; what they print comes behind the
/// other's.
pub(crate) fn run_beside(
    program: &str,
    waiting: &[&[&str]],
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Result<(), String> {
    let (ran, beside) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| waiting.iter().map(|words| printed(program, words, variables)).collect::<Vec<_>>());
        (run(program, arguments, variables), beside.join())
    });
    let beside = beside.map_err(|_| "a thread that waits for programs panicked")?;
    for (text, _) in &beside {
        println!("{text}");
    }
    beside.into_iter().map(|(_, ended)| ended).chain([ran]).collect()
}

/// What a program prints, and how it ends.
fn printed(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (String, Result<(), String>) {
    let words = format!("{program} {}", arguments.join(" "));
    match Running::start(program, arguments, variables, Stdio::piped).and_then(Running::end) {
        Ok(Output { status, stdout, stderr }) => {
            let text = format!("{words}\n{}{}", String::from_utf8_lossy(&stderr), String::from_utf8_lossy(&stdout));
            (text, if status.success() { Ok(()) } else { Err(format!("{words}: {status}")) })
        }
        Err(error) => (words, Err(error)),
    }
}

struct Running {
    child: Child,
    guard: Guard,
}

impl Running {
    fn start(
        program: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
        output: fn() -> Stdio,
    ) -> Result<Self, String> {
        let child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(crate::root())
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("starting {program}: {error}"))?;
        let group = child.id().to_string();
        let guard = Guard::new("kill -s TERM -- \"-$1\" && sleep 1 && kill -s KILL -- \"-$1\"", &[&group])?;
        Ok(Self { child, guard })
    }

    fn end(self) -> Result<Output, String> {
        let Self { child, guard } = self;
        let output = child.wait_with_output().map_err(|error| format!("waiting for a program: {error}"));
        drop(guard);
        output
    }
}

/// What a program prints, which may take so many seconds.
pub(crate) fn output(program: &str, seconds: u32, arguments: &[&str]) -> Result<String, String> {
    let ran = Command::new("timeout").arg(seconds.to_string()).arg(program).args(arguments).output();
    let output = ran.map_err(|error| format!("starting {program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {}: {}, {}", arguments.join(" "), output.status, complaint.trim()))
}

#[cfg(test)]
mod tests {
    use super::{Steps, run_beside};

    #[test]
    fn a_failed_step_is_named_with_how_to_repeat_it() {
        let mut steps = Steps::default();
        steps.take("first", "do first", || Ok(())).expect("no failure");
        let error = steps.take("second", "do second", || Err::<(), _>("broken".into())).expect_err("a failure");
        assert!(error.starts_with("broken\n"), "{error}");
        assert!(error.contains("ok      first") && error.contains("FAILED  second"), "{error}");
        assert!(error.ends_with("failed: second; again: do second"), "{error}");
    }

    #[test]
    fn what_fails_is_told_whether_it_ran_alone_or_beside() {
        let (well, broken) = (&["-c", "true"][..], &["-c", "exit 3"][..]);
        assert_eq!(run_beside("sh", &[well, well], well, &[]), Ok(()));
        let beside = run_beside("sh", &[broken, well], well, &[]).expect_err("the first beside it has failed");
        let behind = run_beside("sh", &[well, broken], well, &[]).expect_err("the second has");
        let alone = run_beside("sh", &[well], broken, &[]).expect_err("it has failed itself");
        for error in [beside, behind, alone] {
            assert!(error.starts_with("sh -c exit 3: exit status: 3"), "{error}");
        }
    }
}
