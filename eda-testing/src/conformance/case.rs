//! What a case is, and how it is run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use eda_core::transport::Capabilities;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::failed::{Failed, Verdict};
use super::setup::{Clock, Need, Options, Setup};
use super::stage::Stage;

pub use super::list::cases;

/// No case takes this long, whatever hangs; by the case's own clock.
const LIMIT: Duration = Duration::from_secs(300);

/// One promise that every transport keeps.
pub struct Case {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) needs: &'static [Need],
    pub(super) body: Body,
}

pub(super) type Body = for<'a> fn(&'a Stage<'a>) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// How a run of a case ended.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The promise was kept.
    Passed,
    /// It was not looked at, for this reason.
    Skipped(String),
    /// It was broken: what was expected and what was found.
    Failed(String),
}

impl Case {
    /// The promise in words, such as `an_ack_consumes`; the name of the test.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it is about, in a word, such as `routing`.
    pub fn group(&self) -> &'static str {
        self.group
    }

    /// What it needs beyond the traits.
    pub fn needs(&self) -> &'static [Need] {
        self.needs
    }

    /// Why it would be skipped: the first need that the transport does not declare, or that the setup has as a gap.
    pub fn gap(&self, setup: &dyn Setup, capabilities: Capabilities) -> Option<String> {
        let gaps = setup.gaps();
        self.needs.iter().find_map(|need| {
            let of_setup = gaps.iter().find(|(gap, _)| gap == need).map(|(_, why)| (*why).to_owned());
            of_setup.or_else(|| {
                need.undeclared(capabilities)
                    .map(|name| format!("the transport does not declare the capability `{name}`"))
            })
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("group", &self.group).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Runs a case on the runtime of the caller.
///
/// # Panics
/// Where the transport or the setup panics.
///
/// # Cancel safety
/// Cancelled, its queues stay as they are.
pub async fn run(case: &Case, setup: &dyn Setup) -> Outcome {
    let run = async {
        let transport = match setup.connect(&Options::default()).await {
            Ok(transport) => transport,
            Err(error) => return Outcome::Failed(format!("expected a connection, found the error: {error}")),
        };
        if let Some(why) = case.gap(setup, transport.capabilities()) {
            return Outcome::Skipped(why);
        }
        match (case.body)(&Stage::new(setup, transport)).await {
            Ok(()) => Outcome::Passed,
            Err(Failed(text)) => Outcome::Failed(text),
        }
    };
    let limit = || Outcome::Failed(format!("expected an end within {LIMIT:?}, found none"));
    timeout(LIMIT, run).await.unwrap_or_else(|_| limit())
}

/// Runs the case of this name on a runtime of its own; what [`conformance!`](crate::conformance!) makes a test of.
///
/// # Panics
/// With the text of a failed case, and where there is no case of that name.
#[expect(clippy::print_stdout, reason = "the test runner shows it to who asks why a case was skipped")]
pub fn check<S: Setup>(name: &str, setup: impl AsyncFnOnce() -> S) {
    let case = cases().iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("there is no case `{name}`: `conformance::cases` lists them"));
    let runtime = runtime(S::clock());
    let outcome = runtime.block_on(async { run(case, &setup().await).await });
    // a transport that hangs may not keep the other tests from running
    runtime.shutdown_background();
    match outcome {
        Outcome::Passed => {}
        Outcome::Skipped(why) => println!("skipped {name}: {why}"),
        Outcome::Failed(text) => panic!("{name}: {text}"),
    }
}

fn runtime(clock: Clock) -> Runtime {
    let built = match clock {
        Clock::Real => Builder::new_multi_thread().worker_threads(2).enable_all().build(),
        Clock::Paused => Builder::new_current_thread().enable_all().start_paused(true).build(),
    };
    built.unwrap_or_else(|error| panic!("expected a runtime for the case, found the error: {error}"))
}
