//! What the program is asked for.

/// Which seeds are run, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) seeds: u64,
    pub(crate) first: u64,
    pub(crate) events: u64,
    pub(crate) trace: bool,
}

pub(crate) const EVENTS: u64 = 2_000;

impl Default for Arguments {
    fn default() -> Self {
        Self { seeds: 1_000, first: 0, events: EVENTS, trace: false }
    }
}

const HELP: &str = "\
usage: cargo xtask simulate [--seeds N] [--first SEED] [--events N] [--trace]

  --seeds N      how many seeds (1000)
  --first SEED   the first of them (0)
  --events N     how many events each publishes (2000)
  --trace        prints what happened in each seed";

impl Arguments {
    /// # Errors
    /// What is wrong, and what there is.
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let mut arguments = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().and_then(|value| value.parse().ok());
                value.ok_or_else(|| format!("expected a number after `{word}`\n\n{HELP}"))
            };
            match word.as_str() {
                "--seeds" => arguments.seeds = number()?,
                "--first" => arguments.first = number()?,
                "--events" => arguments.events = number()?,
                "-h" | "--help" => return Err(HELP.to_owned()),
                "--trace" => arguments.trace = true,
                _ => return Err(format!("no such option: {word}\n\n{HELP}")),
            }
        }
        Ok(arguments)
    }
}
