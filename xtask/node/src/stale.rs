//! What is left of nodes whose process and guard were both killed, as when a container stops.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::place::PREFIX;

/// Ends nodes below `temp` whose owner is gone, and removes their folders. Needs `/proc`; without it, does nothing.
pub(crate) fn remove(temp: &Path) {
    let proc = Path::new("/proc");
    let Ok(entries) = fs::read_dir(temp) else { return };
    for entry in entries.flatten() {
        let owner = owner(&entry.file_name());
        if !proc.join("self").exists() || owner.is_none_or(|owner| proc.join(owner.to_string()).exists()) {
            continue;
        }
        let folder = entry.path();
        let processes = processes_of(&folder);
        if !processes.is_empty() {
            // one that has ended in the meantime is no failure
            let _ = Command::new("kill").args(["-s", "KILL"]).args(processes).stderr(Stdio::null()).status();
        }
        // what can't be removed belongs to another user
        let _ = fs::remove_dir_all(folder);
    }
}

/// The process that the name of a node's folder names.
fn owner(folder: &OsStr) -> Option<u32> {
    folder.to_str()?.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()
}

/// Processes that a node started have its folder as their home; a number alone may belong to somebody else by now.
fn processes_of(folder: &Path) -> Vec<String> {
    let home = [b"HOME=", folder.join("home").as_os_str().as_bytes()].concat();
    let is_one = |process: &Path| {
        fs::read(process.join("environ")).is_ok_and(|text| text.split(|byte| *byte == 0).any(|entry| entry == home))
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbered = entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
    numbered
        .filter(|(number, process)| number.parse::<u32>().is_ok() && is_one(process))
        .map(|(number, _)| number)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    /// Greater than any process id that a system gives.
    const NOBODY: u32 = u32::MAX - 1;

    #[test]
    fn what_a_dead_owner_left_is_removed_and_what_a_living_one_holds_is_not() {
        let temp = std::env::temp_dir().join(format!("eda-stale-{}", std::process::id()));
        let left = temp.join(format!("{PREFIX}{NOBODY}-0-21001"));
        let held = temp.join(format!("{PREFIX}{}-0-21001", std::process::id()));
        let other = temp.join("other");
        for folder in [&left, &held, &other] {
            fs::create_dir_all(folder.join("home")).expect("a folder");
        }
        // a process has its environment only some time after `spawn`; one that has printed has it
        let waiting = |folder: &Path| {
            let mut shell = Command::new("sh");
            shell.args(["-c", "echo; read line"]).env("HOME", folder.join("home"));
            let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
            shell.stdout.as_mut().expect("a pipe").read_exact(&mut [0]).expect("a line");
            shell
        };
        let (mut of_left, mut of_held) = (waiting(&left), waiting(&held));

        remove(&temp);

        assert_eq!([&left, &held, &other].map(|folder| folder.exists()), [false, true, true]);
        assert_eq!(of_left.wait().expect("its end").signal(), Some(9));
        assert_eq!(of_held.try_wait().expect("its state"), None);
        of_held.kill().expect("a signal");
        of_held.wait().expect("its end");
        fs::remove_dir_all(temp).expect("folders to remove");
    }
}
