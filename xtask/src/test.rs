//! `cargo xtask test`: everything that must pass before a change is good.

use rabbit_node::{Node, Options};

use crate::step::{Steps, run as program, run_beside};
use crate::{broker, browser, chaos, collector, count, fuzz, install, python, simulate, tidy};

const CLIPPY: &[&str] =
    &["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"];
const CLIPPY_DEFAULT: &[&str] = &["clippy", "-p", "eda-rs", "--all-targets", "--locked", "--", "-D", "warnings"];
const CLIPPY_BARE: &[&str] =
    &["clippy", "-p", "eda-rs", "--all-targets", "--no-default-features", "--locked", "--", "-D", "warnings"];
/// The features of all are the same in each command, so that what one builds the others find.
const TESTS: &[&str] = &["test", "--workspace", "--all-features", "--locked"];
/// Takes minutes, and waits for most of them.
const MUTANTS: &str = "every_safeguard_is_missed";
/// More than twice what all tests took on the slowest machine so far: what has not ended then hangs, and its output tells
/// which test it is.
const HANGS_AFTER: &str = "60m";
/// What holds only where the feature is not compiled in.
const NO_TLS: &[&str] =
    &["test", "-p", "eda-rabbit", "--locked", "--lib", "--test", "security", "--", "tls_is_never", "amqps_without_tls"];
/// What a publish allocates where nothing counts it; with metrics it is among the tests of all features.
const NO_METRICS: &[&str] = &["test", "-p", "eda-inprocess", "--locked"];
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
    let mut collector = String::new();
    if filters.is_empty() {
        steps.take("browser", "cargo xtask test", || {
            println!("{}", browser::provide());
            Ok(())
        })?;
        steps.take("collector", "cargo xtask test", || {
            collector = collector::provide(&python, &python::target()).unwrap_or_else(|why| {
                println!("{why}");
                String::new()
            });
            println!("{collector}");
            Ok(())
        })?;
        steps.take("promtool", "apt-get install prometheus", install::promtool)?;
        steps.take("valgrind", "apt-get install valgrind", || {
            install::valgrind();
            Ok(())
        })?;
        cargo(&mut steps, "clippy, every feature", CLIPPY, &[])?;
        cargo(&mut steps, "clippy, default features", CLIPPY_DEFAULT, &[])?;
        cargo(&mut steps, "clippy, no features", CLIPPY_BARE, &[])?;
    }
    let mut variables = vec![("AMQP_URL", broker.url.as_str()), ("EDA_PYTHON", python.as_str())];
    variables.extend((!collector.is_empty()).then_some(("EDA_COLLECTOR", collector.as_str())));
    // what fails does not hide what fails behind it
    let all = [TESTS, &["--no-fail-fast", "--"]].concat();
    if filters.is_empty() {
        cargo(&mut steps, "tests are built", &[TESTS, &["--no-run"]].concat(), &[])?;
        let program = crate::cargo();
        let limited = |words: &[&'static str]| [&[HANGS_AFTER, &program][..], words].concat();
        let mutants = limited(&[TESTS, &["--test", "mutants", "--", "--nocapture"]].concat());
        let gate = limited(&chaos::words(chaos::GATE));
        let others = limited(&[&all[..], &["--skip", MUTANTS]].concat());
        install::ensure()?;
        steps.take("tests, and chaos beside them", "cargo xtask test", || {
            run_beside("timeout", &[&mutants, &gate], &others, &variables)
        })?;
        on_version_4(&mut steps)?;
        steps.take("instructions", "cargo xtask count", || count::run(&[]))?;
        cargo(&mut steps, "tests without TLS", NO_TLS, &[])?;
        cargo(&mut steps, "allocations without metrics", NO_METRICS, &[])?;
        steps.take("fuzz", "cargo xtask fuzz", || fuzz::run(fuzz::SECONDS))?;
        steps.take("simulation, its tests", simulate::CHECK_AGAIN, simulate::check)?;
        steps.take("simulation, 1000 seeds", "cargo xtask simulate", || simulate::run(&[]))?;
        cargo(&mut steps, "docs, every feature", DOC, &[("RUSTDOCFLAGS", "-Dwarnings")])?;
        cargo(&mut steps, "docs, default features", DOC_DEFAULT, &[("RUSTDOCFLAGS", "-Dwarnings")])?;
    } else {
        let again = format!("cargo xtask test {}", filters.join(" "));
        let named = [&all[..], filters].concat();
        steps.take("tests", &again, || program(&crate::cargo(), &named, &variables))?;
    }
    println!("\n{}all passed", steps.summary("ok"));
    Ok(())
}

/// What differs from version to version, on a second one, where there is one.
fn on_version_4(steps: &mut Steps) -> Result<(), String> {
    let Ok(bin) = std::env::var("EDA_RABBITMQ_4_BIN") else {
        println!("\nno RabbitMQ 4: set EDA_RABBITMQ_4_BIN to the folder of its programs to test on it, too");
        return Ok(());
    };
    let node = Node::start(Options { bin: Some(bin.clone().into()), ..Options::default() })?;
    let variables = [("AMQP_URL", node.url()), ("EDA_RABBITMQ_BIN", bin.clone())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let tests = ["test", "-p", "eda-rabbit", "--all-features", "--locked"];
    cargo(steps, "RabbitMQ 4: tests", &tests, &variables)?;
    let tool = ["test", "-p", "eda-rs", "--all-features", "--locked", "--test", "tool"];
    cargo(steps, "RabbitMQ 4: the tool", &tool, &variables)?;
    let arguments = [chaos::GATE, &["--rabbitmq-bin", &bin]].concat();
    let again = format!("cargo xtask chaos {}", arguments.join(" "));
    steps.take("RabbitMQ 4: chaos", &again, || chaos::run(&arguments))
}

fn cargo(steps: &mut Steps, name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let mut again: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    again.push("cargo".into());
    again.extend(arguments.iter().copied().map(String::from));
    let again = again.join(" ");
    steps.take(name, &again, || program(&crate::cargo(), arguments, variables))
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
