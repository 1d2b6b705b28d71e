//! A browser for the test that opens the page of a graph.

use std::env;

use crate::install;

const PROGRAM: &str = "chromium";

/// Says where the browser is, after installing it if need be, or why that test will look at the page's text only: nothing else
/// needs one.
pub(crate) fn provide() -> String {
    let find = || {
        let paths = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&paths).map(|folder| folder.join(PROGRAM)).find(|program| program.is_file())
    };
    if let Some(program) = find() {
        return program.display().to_string();
    }
    match install::packages(&[PROGRAM]) {
        Some(Ok(_)) => find().map_or_else(
            || format!("no `{PROGRAM}` on PATH after its package was installed: no browser looks at the page"),
            |program| program.display().to_string(),
        ),
        Some(Err(error)) => format!("no browser looks at the page: {error}"),
        None => format!("no browser looks at the page: install the package `{PROGRAM}`"),
    }
}
