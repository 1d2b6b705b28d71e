//! What a setup leaves out: nothing is skipped without a line that somebody wrote.

use std::sync::Arc;

use async_trait::async_trait;
use eda_core::transport::memory::Memory;
use eda_core::transport::{Capabilities, Transport};
use eda_core::{Error, ErrorKind, Result};
use eda_testing::conformance::{Case, Need, Options, Outcome, Setup, cases, run};

/// Says how to connect, and what it was given as gaps.
struct Bare(Vec<(Need, &'static str)>);

#[async_trait]
impl Setup for Bare {
    async fn connect(&self, _: &Options) -> Result<Arc<dyn Transport>> {
        Ok(Arc::new(Memory::new()))
    }

    fn gaps(&self) -> Vec<(Need, &'static str)> {
        self.0.clone()
    }
}

struct Away;

#[async_trait]
impl Setup for Away {
    async fn connect(&self, _: &Options) -> Result<Arc<dyn Transport>> {
        Err(Error::new(ErrorKind::Unavailable, "nobody is at home"))
    }
}

fn case(name: &str) -> &'static Case {
    cases().iter().find(|case| case.name() == name).expect("there is such a case")
}

#[tokio::test]
async fn a_gap_is_the_reason_why_a_case_is_skipped() {
    let setup = Bare(vec![(Need::Parked, "nothing is parked here")]);
    let outcome = run(case("an_unroutable_message_is_parked"), &setup).await;
    assert_eq!(outcome, Outcome::Skipped("nothing is parked here".into()));
}

#[tokio::test]
async fn a_capability_that_is_not_declared_is_the_reason_too() {
    let gap = case("a_star_is_one_segment_and_a_hash_any_number").gap(&Bare(Vec::new()), Capabilities::default());
    assert_eq!(gap.as_deref(), Some("the transport does not declare the capability `patterns`"));
    assert_eq!(case("an_ack_consumes").gap(&Bare(Vec::new()), Capabilities::default()), None);
}

#[tokio::test]
async fn what_is_neither_written_nor_named_fails() {
    let Outcome::Failed(text) = run(case("an_unroutable_message_is_parked"), &Bare(Vec::new())).await else {
        panic!("it was not looked at")
    };
    assert!(text.contains("the setup has no `parked`: write it, or name `Need::Parked` among the gaps"), "{text}");
}

#[tokio::test]
async fn a_broker_that_does_not_answer_fails_every_case() {
    for case in cases() {
        assert!(
            matches!(run(case, &Away).await, Outcome::Failed(text) if text.contains("nobody is at home")),
            "{case}"
        );
    }
}

#[test]
#[should_panic(expected = "an_ack_consumes: expected a connection, found the error: nobody is at home")]
fn a_failed_case_is_a_failed_test() {
    eda_testing::conformance::check("an_ack_consumes", async || Away);
}
