//! What a run is asked for.

use std::path::PathBuf;
use std::str::FromStr;

use super::program::Pair;
use crate::task::{HANDLERS, Queue, Work};

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) rounds: u32,
    works: Vec<Work>,
    queues: Vec<Queue>,
    is_quick: bool,
    pub(super) json: Option<PathBuf>,
    /// Where the profiles go, if instructions are to be counted.
    pub(super) callgrind: Option<PathBuf>,
    /// Where the profiles go, if it is to be told where time goes.
    pub(super) perf: Option<PathBuf>,
}

impl Options {
    pub(super) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self {
            rounds: 3,
            works: Work::ALL.to_vec(),
            queues: Queue::ALL.to_vec(),
            is_quick: false,
            json: None,
            callgrind: None,
            perf: None,
        };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if *word == "--quick" {
                options.is_quick = true;
                continue;
            }
            let value = rest.next().ok_or_else(|| format!("{word}: expected a value behind it; see --help"))?;
            match *word {
                "--rounds" => options.rounds = rounds(value)?,
                "--works" => options.works = list(value)?,
                "--queues" => options.queues = of_brokers(value)?,
                "--json" => options.json = Some(value.into()),
                "--callgrind" => options.callgrind = Some(value.into()),
                "--perf" => options.perf = Some(value.into()),
                _ => return Err(format!("no such option: {word}; see --help")),
            }
        }
        Ok(options)
    }

    /// Every work on every kind of queue.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair> {
        let is_quick = self.is_quick;
        let pair = move |work: Work, queue| {
            let divisor = match work {
                // sixteen prefetches must be well below a fifth, since what was fetched before counts for nobody
                Work::Handlers => 1,
                _ if is_quick => 10,
                _ => 1,
            };
            // each handler has as many
            let events = work.events() / divisor / HANDLERS as u64 * HANDLERS as u64;
            Pair { work, queue, events }
        };
        self.works.iter().flat_map(move |work| {
            let queues = if *work == Work::Memory { &[Queue::Memory] } else { self.queues.as_slice() };
            queues.iter().map(move |queue| pair(*work, *queue))
        })
    }
}

fn rounds(value: &str) -> Result<u32, String> {
    value
        .parse()
        .ok()
        .filter(|rounds| *rounds > 0)
        .ok_or_else(|| format!("--rounds: expected a number from 1, found `{value}`"))
}

fn of_brokers(value: &str) -> Result<Vec<Queue>, String> {
    let queues: Vec<Queue> = list(value)?;
    if queues.contains(&Queue::Memory) {
        return Err("--queues: expected classic, quorum or both; there is `--works memory`".into());
    }
    Ok(queues)
}

fn list<T: FromStr<Err = String>>(value: &str) -> Result<Vec<T>, String> {
    value.split(',').map(str::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_word_is_said() {
        for (words, expected) in [
            (&["--rounds", "0"][..], "expected a number from 1"),
            (&["--works", "publish,eat"], "no such work: `eat`"),
            (&["--queues", "stream"], "no such kind of queue"),
            (&["--queues", "memory"], "there is `--works memory`"),
            (&["--json"], "expected a value"),
            (&["--loud", "1"], "no such option"),
        ] {
            let error = Options::parse(words).expect_err("a wrong word");
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn works_and_queues_are_paired() {
        let options = Options::parse(&["--quick", "--works", "handlers,consume"]).expect("options");
        let pairs: Vec<_> = options.pairs().map(|pair| (pair.work, pair.queue, pair.events)).collect();
        assert_eq!(pairs.len(), 4);
        assert_eq!(pairs[0], (Work::Handlers, Queue::Classic, 50_000));
        assert_eq!(pairs[2], (Work::Consume, Queue::Classic, 4_992));
    }
}
