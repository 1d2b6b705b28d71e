//! Tries inputs on a target until its time is over, or until one fails.

use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::mutate::mutate;

/// How long one input may take, in a build that is not optimized.
const SLOW: Duration = Duration::from_secs(2);

/// A target, its committed inputs, and for how long to go on.
#[derive(Clone, Debug)]
pub struct Fuzz {
    /// Called with each input; panics where something does not hold.
    pub target: fn(&[u8]),
    /// What new inputs are made of.
    pub corpus: Vec<Vec<u8>>,
    /// How long to try new inputs; none with zero.
    pub time: Duration,
    /// The same seed makes the same inputs, in the same order.
    pub seed: u64,
}

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many inputs, the committed ones among them.
    pub inputs: u64,
}

/// An input that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The input.
    pub input: Vec<u8>,
    /// What the target said, or that it took too long.
    pub why: String,
}

impl Fuzz {
    /// The committed inputs of a target, in the order of their names.
    ///
    /// # Errors
    /// Where there are none, or they can't be read.
    pub fn corpus(target: &str) -> Result<Vec<Vec<u8>>, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let told = |error: std::io::Error| format!("{}: {error}", folder.display());
        let mut paths: Vec<PathBuf> =
            fs::read_dir(&folder).map_err(told)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        let corpus: Vec<_> = paths.iter().map(fs::read).collect::<Result<_, _>>().map_err(told)?;
        if corpus.is_empty() { Err(format!("{} holds no input", folder.display())) } else { Ok(corpus) }
    }

    /// Tries the committed inputs, and then new ones.
    ///
    /// # Errors
    /// The first input that fails.
    pub fn run(&self) -> Result<Report, Failed> {
        let mut inputs = 0;
        for input in &self.corpus {
            self.try_on(input)?;
            inputs += 1;
        }
        let (mut rng, began) = (Rng::with_seed(self.seed), Instant::now());
        while began.elapsed() < self.time {
            let [input, other] = [(), ()].map(|()| rng.choice(&self.corpus).map_or(&[][..], Vec::as_slice));
            self.try_on(&mutate(&mut rng, input, other))?;
            inputs += 1;
        }
        Ok(Report { inputs })
    }

    fn try_on(&self, input: &[u8]) -> Result<(), Failed> {
        let failed = |why| Failed { input: input.to_vec(), why };
        let began = Instant::now();
        catch_unwind(AssertUnwindSafe(|| (self.target)(input))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            failed(text.unwrap_or("it panicked").to_owned())
        })?;
        let took = began.elapsed();
        if took < SLOW { Ok(()) } else { Err(failed(format!("it took {took:?}"))) }
    }
}

impl Failed {
    /// Writes the input into a folder, under a name that is made of it.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<PathBuf> {
        // FNV-1a: a short name for bytes
        let hash = self
            .input
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        let mut name = String::new();
        let _ = write!(name, "{hash:016x}");
        fs::create_dir_all(folder)?;
        let path = folder.join(name);
        fs::write(&path, &self.input)?;
        Ok(path)
    }
}
