//! A collector for the test that sends traces to one: a program that comes as a Python package.

use std::path::{Path, PathBuf};

use crate::python;
use crate::step::output;

const REQUIREMENTS: &str = "examples/otel/tests/requirements.txt";
const INSTALL_SECONDS: u32 = 120;
const CHECK_SECONDS: u32 = 10;

/// The program, installed below `target` if need be; or why the test will not run: nothing else needs one.
pub(crate) fn provide(python: &str, target: &Path) -> Result<String, String> {
    if let Ok(program) = std::env::var("EDA_COLLECTOR") {
        return Ok(program);
    }
    let without = |why: String| format!("no collector gets traces: {why}");
    let requirements = crate::root().join(REQUIREMENTS);
    let folder = target.join("xtask").join(python::pinned(&requirements)?.replace("==", "-"));
    let program: PathBuf = folder.join("rotel/rotel-agent");
    let program = program.to_str().ok_or_else(|| without("expected a path in UTF-8".into()))?;
    let runs = || output(program, CHECK_SECONDS, &["--version"]).map(drop);
    if runs().is_err() {
        println!("installing a collector …");
        let (folder, requirements) = (folder.to_string_lossy(), requirements.to_string_lossy());
        let pip = "PIP_USER=0 exec \"$1\" -m pip install --quiet --no-input --disable-pip-version-check --no-deps \
                   --only-binary :all: --require-hashes --upgrade --target \"$2\" -r \"$3\"";
        output("sh", INSTALL_SECONDS, &["-c", pip, "pip", python, &folder, &requirements]).map_err(without)?;
        runs().map_err(without)?;
    }
    Ok(program.to_owned())
}
