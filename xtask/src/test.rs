//! `cargo xtask test`: everything that must pass before a change is good.

use crate::step::{Steps, run as program};
use crate::{broker, python, simulate, tidy};

const CLIPPY: &[&str] =
    &["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"];
const CLIPPY_DEFAULT: &[&str] = &["clippy", "-p", "eda-rs", "--all-targets", "--locked", "--", "-D", "warnings"];
const CLIPPY_BARE: &[&str] =
    &["clippy", "-p", "eda-rs", "--all-targets", "--no-default-features", "--locked", "--", "-D", "warnings"];
const DOC: &[&str] = &["doc", "--workspace", "--all-features", "--no-deps", "--locked"];
const DOC_DEFAULT: &[&str] = &["doc", "-p", "eda-rs", "--no-deps", "--locked"];

/// Takes every step, or, with filters, only the tests that they name.
pub(crate) fn run(filters: &[&str]) -> Result<(), String> {
    if let Some(option) = filters.iter().find(|filter| filter.starts_with('-')) {
        return Err(format!("{option}: filters are parts of test names; options go to cargo test itself"));
    }
    let mut steps = Steps::default();
    if filters.is_empty() {
        cargo(&mut steps, "format", &["fmt", "--all", "--check"], &[])?;
        steps.take("tidy", "cargo xtask tidy", tidy::run)?;
    }
    let broker = steps.take("broker", "cargo xtask broker", || {
        let broker = broker::provide()?;
        println!("{}: {}", broker.what, without_password(&broker.url));
        Ok(broker)
    })?;
    let python = steps.take("python", "cargo xtask python", || match python::provide() {
        Ok(python) => {
            println!("{python}");
            Ok(python)
        }
        // filters may name only tests that need no Python
        Err(error) if !filters.is_empty() => {
            println!("tests that run Python will fail: {error}");
            Ok(String::new())
        }
        Err(error) => Err(error),
    })?;
    if filters.is_empty() {
        cargo(&mut steps, "clippy, every feature", CLIPPY, &[])?;
        cargo(&mut steps, "clippy, default features", CLIPPY_DEFAULT, &[])?;
        cargo(&mut steps, "clippy, no features", CLIPPY_BARE, &[])?;
    }
    let mut tests = vec!["test", "--workspace", "--all-features", "--locked"];
    if !filters.is_empty() {
        tests.push("--");
        tests.extend(filters);
    }
    let variables = [("AMQP_URL", broker.url.as_str()), ("EDA_PYTHON", python.as_str())];
    let again = format!("cargo xtask test {}", filters.join(" "));
    steps.take("tests", again.trim(), || program(&cargo_path(), &tests, &variables))?;
    if filters.is_empty() {
        steps.take("simulation, its tests", simulate::CHECK_AGAIN, simulate::check)?;
        steps.take("simulation, 1000 seeds", "cargo xtask simulate", || simulate::run(&[]))?;
        cargo(&mut steps, "docs, every feature", DOC, &[("RUSTDOCFLAGS", "-Dwarnings")])?;
        cargo(&mut steps, "docs, default features", DOC_DEFAULT, &[("RUSTDOCFLAGS", "-Dwarnings")])?;
    }
    println!("\n{}all passed", steps.summary("ok"));
    Ok(())
}

fn cargo(steps: &mut Steps, name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let mut again: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    again.push("cargo".into());
    again.extend(arguments.iter().copied().map(String::from));
    let again = again.join(" ");
    steps.take(name, &again, || program(&cargo_path(), arguments, variables))
}

fn cargo_path() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

/// Passwords stay out of logs.
fn without_password(url: &str) -> String {
    let secret = url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)));
    secret.map_or_else(|| url.into(), |(scheme, host)| format!("{scheme}://…@{host}"))
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_password("amqp://me:secret@host:5672/%2f"), "amqp://…@host:5672/%2f");
        assert_eq!(without_password("amqp://host"), "amqp://host");
    }
}
