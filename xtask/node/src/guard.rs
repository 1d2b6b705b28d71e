//! Cleaning up after this process, however it ends.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A line of shell that runs once this value is dropped or this process is gone, be it by SIGKILL.
///
/// A small shell waits for the end of its standard input, which this process holds open. It is in a process group of its
/// own, so Ctrl-C does not reach it.
#[derive(Debug)]
pub struct Guard {
    shell: Child,
}

impl Guard {
    /// Keeps `script` for the end; it finds `arguments` in `$1`, `$2`, …
    pub fn new(script: &str, arguments: &[&str]) -> Result<Self, String> {
        Command::new("sh")
            .arg("-c")
            .arg(format!("trap '' INT TERM HUP; cat >/dev/null; {script}"))
            .arg("guard")
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(|shell| Self { shell })
            .map_err(|error| format!("starting sh: {error}"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // what is left to do if waiting fails is done by the shell all the same
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::Guard;

    #[test]
    fn the_script_runs_when_the_guard_is_dropped_and_not_before() {
        let path = std::env::temp_dir().join(format!("eda-guard-{}", std::process::id()));
        let guard = Guard::new("echo done >\"$1\"", &[path.to_str().expect("a path in UTF-8")]).expect("a shell");
        assert!(!path.exists());
        drop(guard);
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "done\n");
        std::fs::remove_file(path).expect("a file to remove");
    }
}
