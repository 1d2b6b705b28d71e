//! Erlang expressions that a node evaluates.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::place::Place;
use crate::script;
use crate::tools::Tools;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// The text that an expression gives. It comes back through a file: no two programs print it alike.
pub(crate) fn text(place: &Place, tools: &Tools, expression: &str) -> Result<String, String> {
    let file = place.path(&format!("answer-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let expression =
        format!("ok = file:write_file(\"{}\", unicode:characters_to_binary({expression})).\n", file.display());
    let printed = match &tools.erl_call {
        Some(erl_call) => {
            let address = format!("127.0.0.1:{}", place.ports.dist());
            let command = &mut place.command(erl_call);
            call(command.args(["-R", "-timeout", "60", "-e", "-address", &address]), &expression)?
        }
        None => script::printed(place.command(&tools.ctl).arg("--quiet"), &["eval", &expression])?,
    };
    let text = fs::read_to_string(&file).map_err(|_| format!("{expression} gave {}", printed.trim()));
    let _ = fs::remove_file(&file);
    text
}

fn call(command: &mut Command, expression: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("erl_call: {error}");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().map_err(failed)?;
    // one that has ended already takes nothing, and says why
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(expression.as_bytes()));
    let output = child.wait_with_output().map_err(failed)?;
    Ok([output.stdout, output.stderr].iter().map(|printed| String::from_utf8_lossy(printed)).collect())
}
