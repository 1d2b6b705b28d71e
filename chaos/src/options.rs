//! What a run is asked for.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::fault::Fault;
use crate::ledger::now;

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub events: u64,
    pub fault_count: usize,
    /// After so many faults the broker's consumers are counted.
    pub check_every: usize,
    /// Empty for all that fit the number of nodes.
    pub faults: Vec<Fault>,
    pub minutes: u64,
    pub nodes: usize,
    pub rate: u64,
    pub seed: u64,
    pub rabbitmq_bin: Option<PathBuf>,
    pub json: Option<PathBuf>,
    pub markdown: Option<PathBuf>,
    /// How long anything may take to come right, before that counts as never.
    pub patience: Duration,
    /// Words of a trouble after which there is nothing more to find out.
    pub until: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            events: 20_000,
            fault_count: 10,
            check_every: 1,
            faults: Vec::new(),
            minutes: 10,
            nodes: 1,
            rate: 400,
            seed: now(),
            rabbitmq_bin: None,
            json: None,
            markdown: None,
            patience: Duration::from_secs(60),
            until: None,
        }
    }
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option}: expected a value behind it; see --help"))?;
            match *option {
                "--events" => options.events = number(option, value)?,
                "--fault-count" => options.fault_count = number(option, value)?,
                "--check-every" => options.check_every = number(option, value)?,
                "--faults" => options.faults = value.split(',').map(Fault::named).collect::<Result<_, _>>()?,
                "--minutes" => options.minutes = number(option, value)?,
                "--nodes" => options.nodes = number(option, value)?,
                "--rate" => options.rate = number(option, value)?,
                "--seed" => options.seed = number(option, value)?,
                "--rabbitmq-bin" => options.rabbitmq_bin = Some(value.into()),
                "--json" => options.json = Some(value.into()),
                "--markdown" => options.markdown = Some(value.into()),
                _ => return Err(format!("no such option: {option}; see --help")),
            }
        }
        if !matches!(options.nodes, 1 | 3) {
            return Err(format!("--nodes: expected 1 or 3, found {}", options.nodes));
        }
        if let Some(fault) = options.faults.iter().find(|fault| fault.nodes() > options.nodes) {
            return Err(format!("--faults: `{}` needs --nodes {}", fault.name(), fault.nodes()));
        }
        if options.faults.is_empty() {
            options.faults = Fault::all().filter(|fault| fault.nodes() <= options.nodes).collect();
        }
        Ok(options)
    }

    /// The arguments that repeat this run.
    pub(crate) fn command(&self) -> String {
        let Self { events, fault_count, check_every, nodes, rate, seed, minutes, .. } = self;
        let load = format!("--events {events} --nodes {nodes} --rate {rate} --minutes {minutes} --seed {seed}");
        if *fault_count == 0 {
            return format!("cargo xtask chaos {load} --fault-count 0");
        }
        let faults: Vec<&str> = self.faults.iter().map(|fault| fault.name()).collect();
        let faults = faults.join(",");
        format!("cargo xtask chaos {load} --fault-count {fault_count} --check-every {check_every} --faults {faults}")
    }
}

fn number<T: FromStr>(option: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{option}: expected a number, found `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_word_is_said() {
        for (words, expected) in [
            (&["--nodes", "2"][..], "expected 1 or 3"),
            (&["--events", "many"], "expected a number, found `many`"),
            (&["--events"], "expected a value"),
            (&["--faults", "storm"], "no such kind of fault: storm"),
            (&["--faults", "leader-kill"], "needs --nodes 3"),
            (&["--loud", "1"], "no such option"),
        ] {
            let error = Options::parse(words).expect_err("a wrong word");
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_command_repeats_the_run() {
        let options = Options::parse(&["--faults", "reset,kill", "--seed", "7"]).expect("options");
        let command = options.command();
        let words: Vec<&str> = command.split_whitespace().skip(3).collect();
        assert_eq!(Options::parse(&words).expect("options").command(), command);
    }
}
