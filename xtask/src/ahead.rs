//! Builds that later steps need, made while tests wait for brokers: at the lowest priority, so that no test is slower for it.

use std::thread::{JoinHandle, spawn};

use crate::step::run as program;
use crate::{chaos, count, fuzz, simulate};

/// A call of cargo that runs nothing.
pub(crate) struct Build {
    pub arguments: Vec<&'static str>,
    pub variables: &'static [(&'static str, &'static str)],
}

/// Builds one after the other, in the order in which they are needed.
pub(crate) struct Ahead {
    thread: JoinHandle<()>,
}

impl Ahead {
    pub(crate) fn start(more: Vec<Build>) -> Self {
        let mut builds =
            vec![chaos::build(), count::build(), simulate::build_tests(), simulate::build(), fuzz::build()];
        builds.extend(more);
        let work = move || {
            for Build { arguments, variables } in builds {
                let cargo = crate::cargo();
                let words = [&["-n", "19", cargo.as_str()], arguments.as_slice()].concat();
                // a build that fails is told by the step that needs it
                let _ = program("nice", &words, variables);
            }
        };
        Self { thread: spawn(work) }
    }

    /// Until all are made.
    pub(crate) fn wait(self) {
        let _ = self.thread.join();
    }
}
