//! A Python for the tests that run programs of others: an environment of its own below `target`, with a pinned pika.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::id;

use crate::install;
use crate::step::output;

const REQUIREMENTS: &str = "tests/foreign/requirements.txt";
const MISSING: &str = "no Python 3.7 or newer that can make environments: install the packages `python3` and \
                       `python3-venv`, or set EDA_PYTHON to a Python that has pika";
const CHECK_SECONDS: u32 = 30;
const INSTALL_SECONDS: u32 = 300;

/// An interpreter that imports what the tests' programs need: the user's, or one that is made once and kept.
pub(crate) fn provide() -> Result<String, String> {
    if let Some(python) = env::var("EDA_PYTHON").ok().filter(|python| !python.is_empty()) {
        return match has_pika(&python) {
            Ok(()) => Ok(python),
            Err(error) => Err(format!("EDA_PYTHON: expected a Python that has pika: {error}")),
        };
    }
    let requirements = crate::root().join(REQUIREMENTS);
    let pinned = pinned(&requirements)?;
    let folder = target().join(format!("xtask/python-{}", pinned.replace("==", "-")));
    let python = text(&folder.join("bin/python"))?;
    if has_pika(&python).is_ok() {
        return Ok(python);
    }
    let base = base()?;
    println!("making a Python environment with {pinned} …");
    // others see it when it is complete, and not before
    let unfinished = folder.with_file_name(format!("python-unfinished-{}", id()));
    let made = make(&base, &unfinished, &requirements).and_then(|()| {
        let _ = fs::remove_dir_all(&folder);
        fs::rename(&unfinished, &folder).map_err(|error| format!("renaming {}: {error}", unfinished.display()))
    });
    let _ = fs::remove_dir_all(&unfinished);
    // another run may have been faster
    has_pika(&python).map_err(|error| made.err().unwrap_or(error))?;
    Ok(python)
}

/// `cargo xtask python`.
pub(crate) fn run() -> Result<(), String> {
    let python = provide()?;
    println!("{python}\nuse it with: export EDA_PYTHON={python}");
    Ok(())
}

/// The one line that names a package, such as `pika==1.4.4`.
pub(crate) fn pinned(requirements: &Path) -> Result<String, String> {
    let text = fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let pinned = text.lines().filter_map(|line| line.split_whitespace().next()).find(|word| word.contains("=="));
    pinned.map(str::to_owned).ok_or_else(|| format!("{}: expected `pika==…`", requirements.display()))
}

pub(crate) fn target() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let root = crate::root();
    root.canonicalize().unwrap_or(root).join(target)
}

/// A Python that can make environments, installed if need be.
fn base() -> Result<String, String> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let find = || env::split_paths(&paths).find_map(|folder| makes_environments(&folder.join("python3")));
    if let Some(python) = find() {
        return Ok(python);
    }
    let installed = install::packages(&["python3", "python3-venv"]).unwrap_or_else(|| Err(MISSING.into()))?;
    find().ok_or_else(|| format!("{MISSING}; after this:\n{installed}"))
}

/// A `python3` may be a version manager's, with no version behind it, and Debian's own comes without `ensurepip`.
fn makes_environments(python: &Path) -> Option<String> {
    let script = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 7))";
    let python = text(python).ok().filter(|path| Path::new(path).exists())?;
    output(&python, CHECK_SECONDS, &["-c", script]).is_ok().then_some(python)
}

fn make(base: &str, folder: &Path, requirements: &Path) -> Result<(), String> {
    let (place, requirements) = (text(folder)?, text(requirements)?);
    output(base, INSTALL_SECONDS, &["-m", "venv", "--clear", &place])?;
    // the user's settings for pip say where packages come from; where they go to is not theirs to say here
    let pip = "unset PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONHOME PYTHONPATH; PIP_USER=0 exec \"$1\" -m pip install \
               --quiet --no-input --disable-pip-version-check --no-deps --require-hashes -r \"$2\"";
    let python = format!("{place}/bin/python");
    output("sh", INSTALL_SECONDS, &["-c", pip, "pip", &python, &requirements]).map(drop).map_err(|error| {
        format!("installing {REQUIREMENTS} failed; EDA_PYTHON may name a Python that has pika already\n{error}")
    })
}

fn has_pika(python: &str) -> Result<(), String> {
    output(python, CHECK_SECONDS, &["-c", "import pika"]).map(drop)
}

fn text(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("{}: expected a path in UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_requirements_pin_one_package() {
        assert!(pinned(&crate::root().join(REQUIREMENTS)).is_ok_and(|pinned| pinned.starts_with("pika==")));
    }

    #[test]
    fn a_python_that_can_make_no_environment_is_passed_over() {
        let folder = env::temp_dir().join(format!("eda-python-{}", id()));
        fs::create_dir_all(&folder).expect("a folder");
        let python = folder.join("python3");
        assert_eq!(makes_environments(&python), None, "there is none");
        for (program, expected) in [("/bin/false", None), ("/bin/true", python.to_str())] {
            let _ = fs::remove_file(&python);
            symlink(program, &python).expect("a program");
            assert_eq!(makes_environments(&python).as_deref(), expected, "{program}");
        }
        fs::remove_dir_all(&folder).expect("it was there");
    }
}
