//! `cargo xtask count`: instructions of the framework's own path, which no load on the machine changes.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::step::{output, run as program};

const RECORD: &str = "benches/counts.txt";
/// What is counted, and the function within which it is.
const COUNTED: [(&str, &str); 2] = [("deliveries", "*Prepared*handle*"), ("publishes", "*Prepared*publish*")];
/// How many more instructions than the record has are a failure, in percent.
const TOLERANCE: u64 = 2;
/// What is done once is in both counts.
const ONCE: u64 = 2_000;
/// glibc puts small pieces together now and then, on whose account is chance. All that the harness made before comes back here
/// at once, so let it keep that, as it keeps what a transport makes anew meanwhile.
const STEADY_MALLOC: &str = "GLIBC_TUNABLES=glibc.malloc.mxfast=0:glibc.malloc.tcache_count=65535";
const LIMIT_SECONDS: u32 = 120;

/// Counts and compares with the record, or writes it anew.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let is_write = match arguments {
        [] => false,
        ["--write"] => true,
        _ => return Err("expected nothing, or --write".into()),
    };
    if output("valgrind", 10, &["--version"]).is_err() {
        println!("instructions are not counted: valgrind is not installed (Debian: apt-get install valgrind)");
        return Ok(());
    }
    program(
        &crate::cargo(),
        &["build", "--quiet", "--release", "--locked", "--package", "eda-inprocess", "--bin", "bench-count"],
        &[],
    )?;
    let counts = COUNTED.iter().map(|(what, within)| Ok((*what, count(what, within)?)));
    let counts: Vec<(&str, u64)> = counts.collect::<Result<_, String>>()?;
    let record = crate::root().join(RECORD);
    let compiler = compiler()?;
    if is_write {
        return write(&record, &compiler, &counts);
    }
    let text = fs::read_to_string(&record).map_err(|error| format!("reading {RECORD}: {error}"))?;
    println!("{}", compare(&text, &compiler, &counts)?);
    Ok(())
}

/// Instructions for each: what twice as many cost more.
fn count(what: &str, within: &str) -> Result<u64, String> {
    let collected = |count: u64| {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from);
        let program = target.join("release/bench-count");
        let program = program.to_str().ok_or("the path of the repository is no text")?;
        let within = format!("--toggle-collect={within}");
        let callgrind = [
            STEADY_MALLOC,
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--log-fd=1",
            &within,
            program,
            what,
        ];
        let count = count.to_string();
        let words = [&callgrind[..], &[&count]].concat();
        let text = output("env", LIMIT_SECONDS, &words)?;
        let number = text.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse::<u64>().ok());
        number.ok_or_else(|| format!("valgrind told no count:\n{text}"))
    };
    let (once, twice) = (collected(ONCE)?, collected(2 * ONCE)?);
    Ok(twice.saturating_sub(once) / ONCE)
}

/// Another compiler makes other instructions.
fn compiler() -> Result<String, String> {
    let version = output("rustc", 10, &["--version"])?;
    let version = version.split_whitespace().nth(1).unwrap_or_default();
    Ok(format!("{version} {}", std::env::consts::ARCH))
}

fn write(record: &Path, compiler: &str, counts: &[(&str, u64)]) -> Result<(), String> {
    let old = fs::read_to_string(record).unwrap_or_default();
    let mut text: String = old.lines().filter(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    let _ = writeln!(text, "rustc {compiler}");
    for (what, count) in counts {
        let _ = writeln!(text, "{what} {count}");
    }
    fs::write(record, text).map_err(|error| format!("writing {RECORD}: {error}"))
}

/// One line for each; an error where one has grown.
fn compare(record: &str, compiler: &str, counts: &[(&str, u64)]) -> Result<String, String> {
    let recorded = |what: &str| {
        let line = record.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(' '));
        line.ok_or_else(|| format!("{RECORD} has no line `{what}`: write it with `cargo xtask count --write`"))
    };
    let is_comparable = recorded("rustc")? == compiler;
    let (mut lines, mut grown) = (Vec::new(), Vec::new());
    for (what, count) in counts {
        let before = recorded(what)?;
        let before: u64 = before.parse().map_err(|_| format!("{RECORD}: expected a number, found `{before}`"))?;
        lines.push(format!("{what}: {count} instructions each, {before} before"));
        if is_comparable && *count * 100 > before * (100 + TOLERANCE) {
            grown.push(format!("{what}: {count} instructions each, over {before} by more than {TOLERANCE} %"));
        }
    }
    if !grown.is_empty() {
        let advice = "make it cheaper, or say why in the commit that runs `cargo xtask count --write`";
        return Err(format!("{}\n{advice}", grown.join("\n")));
    }
    if !is_comparable {
        lines.push(format!("not compared: the record is of rustc {}, this is {compiler}", recorded("rustc")?));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::compare;

    const RECORD: &str = "# words\nrustc 1.95.0 x86_64\ndeliveries 1000\n";

    #[test]
    fn two_percent_more_are_too_many() {
        assert!(compare(RECORD, "1.95.0 x86_64", &[("deliveries", 1_020)]).is_ok());
        let error = compare(RECORD, "1.95.0 x86_64", &[("deliveries", 1_021)]).expect_err("it has grown");
        assert!(error.starts_with("deliveries: 1021 instructions each, over 1000"), "{error}");
    }

    #[test]
    fn counts_of_another_compiler_are_only_shown() {
        let shown = compare(RECORD, "1.96.0 x86_64", &[("deliveries", 2_000)]).expect("it is not compared");
        assert!(shown.contains("2000 instructions each, 1000 before"), "{shown}");
        assert!(
            shown.ends_with("not compared: the record is of rustc 1.95.0 x86_64, this is 1.96.0 x86_64"),
            "{shown}"
        );
    }

    #[test]
    fn a_count_without_a_record_is_said() {
        let error = compare(RECORD, "1.95.0 x86_64", &[("publishes", 1)]).expect_err("there is none");
        assert!(error.contains("no line `publishes`"), "{error}");
    }
}
