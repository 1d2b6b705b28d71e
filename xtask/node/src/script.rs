//! `rabbitmqctl` for a node that another process started: a script in the node's folder.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::place::{PREFIX, Place};

const NAME: &str = "ctl";

/// Writes the script.
pub(crate) fn write(place: &Place, ctl: &Path) -> std::io::Result<()> {
    let command = place.command(ctl);
    let mut script = String::new();
    for (name, value) in command.get_envs() {
        let name = name.display();
        let _ = match value {
            Some(value) => writeln!(script, "export {name}={}", quote(&value.display().to_string())),
            None => writeln!(script, "unset {name}"),
        };
    }
    let folder = quote(&place.folder.display().to_string());
    let _ = writeln!(script, "cd {folder} && exec {} --quiet \"$@\"", quote(&ctl.display().to_string()));
    fs::write(place.path(NAME), script)
}

/// Runs `rabbitmqctl` against the private node that listens where the URL says, and gives what it printed.
///
/// # Errors
/// Where the broker is no private node of this machine, or where the command failed: then with what it printed.
pub fn ctl_at(url: &str, arguments: &[&str]) -> Result<String, String> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?']).next().unwrap_or_default();
    let port = authority.rsplit(':').next().unwrap_or_default();
    let is_its = |name: &str| name.starts_with(PREFIX) && name.ends_with(&format!("-{port}"));
    let folders = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let script = folders
        .filter(|folder| folder.file_name().to_str().is_some_and(is_its))
        .map(|folder| folder.path().join(NAME))
        .find(|script| script.is_file())
        .ok_or_else(|| format!("no private node listens on port {port}"))?;
    printed(Command::new("sh").arg(script), arguments)
}

/// Runs it with these arguments.
pub(crate) fn printed(command: &mut Command, arguments: &[&str]) -> Result<String, String> {
    let output = command
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("starting rabbitmqctl: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("rabbitmqctl {}: {}\n{printed}{complaint}", arguments.join(" "), output.status))
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
