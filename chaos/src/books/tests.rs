//! The sums can be wrong in every way that they are there for.

use super::*;

/// Of a number of which nothing is passed on.
fn told(id: u128, kind: Kind) -> Record {
    Record::Told { id, kind, key: 1, seq: 4 * u64::try_from(id).unwrap_or_default(), hash: 5, at: 100 }
}

fn told_to_be_passed_on(id: u128, kind: Kind) -> Record {
    Record::Told { id, kind, key: 1, seq: 3, hash: 5, at: 100 }
}

fn confirmed(id: u128) -> Record {
    Record::Confirmed { id, at: 110 }
}

fn received(id: u128, handler: &str) -> Record {
    Record::Received { id, handler: handler.into(), redelivered: false, hash: 5, at: 120 }
}

fn effect(id: u128, handler: &str) -> Record {
    Record::Effect { id, handler: handler.into(), at: 121 }
}

fn parked(id: u128, handler: &str, reason: &str) -> Record {
    Record::Parked { id, handler: handler.into(), reason: reason.into(), hash: 5 }
}

fn whole(id: u128, kind: Kind) -> Vec<Record> {
    let mut records = vec![told(id, kind), confirmed(id)];
    for handler in HANDLERS.into_iter().take(2) {
        match kind {
            Kind::Good => records.extend([received(id, handler), effect(id, handler)]),
            Kind::Flaky => {
                let failed = Record::Failed { id, handler: handler.into() };
                records.extend([received(id, handler), failed, received(id, handler), effect(id, handler)]);
            }
            Kind::Poison => records.extend([received(id, handler), parked(id, handler, "permanent")]),
            Kind::Nobody => {}
        }
    }
    records
}

fn findings(records: impl IntoIterator<Item = Record>) -> Findings {
    let mut books = Books::default();
    for record in records {
        books.enter("a", record);
    }
    books.findings()
}

fn off(findings: &Findings) -> [u64; 7] {
    let Findings { lost, unexpected, corrupt, false_park, missed, misreturned, duplicates, .. } = findings;
    [*lost, *unexpected, *corrupt, *false_park, *missed, *misreturned, *duplicates]
}

#[test]
fn a_run_without_a_loss_is_clean() {
    let records = [Kind::Good, Kind::Flaky, Kind::Poison].into_iter().zip(1..).flat_map(|(kind, id)| whole(id, kind));
    let nobody = [told(9, Kind::Nobody), Record::Unroutable { id: 9, at: 1 }];
    let findings = findings(records.chain(nobody));
    assert_eq!(off(&findings), [0; 7], "{findings:?}");
    assert_eq!((findings.told, findings.confirmed, findings.effects), (4, 3, 4));
}

#[test]
fn what_one_handler_never_had_is_lost() {
    let records = whole(1, Kind::Good).into_iter().filter(|record| *record != effect(1, "audit"));
    assert_eq!(off(&findings(records)), [1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn what_a_handler_returned_is_due_at_the_next_one() {
    let passed_on = |kind| {
        let mut records = whole(1, kind);
        records[0] = told_to_be_passed_on(1, kind);
        records
    };
    assert_eq!(off(&findings(passed_on(Kind::Good))), [1, 0, 0, 0, 0, 0, 0], "acked before it was published");
    assert_eq!(off(&findings(passed_on(Kind::Poison))), [0; 7], "its handler returned nothing");
    let shipped = || [received(1, "ship"), effect(1, "ship")];
    assert_eq!(off(&findings(passed_on(Kind::Flaky).into_iter().chain(shipped()))), [0; 7]);
    assert_eq!(off(&findings(whole(1, Kind::Good).into_iter().chain(shipped()))), [0, 1, 0, 0, 0, 0, 0]);
    let twice = findings(passed_on(Kind::Good).into_iter().chain(shipped()).chain(shipped()));
    assert_eq!(off(&twice), [0, 0, 0, 0, 0, 0, 1]);
    assert_eq!((twice.duplicates_at, twice.due_at), ([0, 0, 1], [1, 1, 1]));
    assert!((twice.dup_rate - 1.0).abs() < f64::EPSILON, "of the handler with most: {}", twice.dup_rate);
}

#[test]
fn what_was_never_confirmed_is_no_loss_and_handled_all_the_same_it_is_recovered() {
    assert_eq!(off(&findings([told(1, Kind::Good)])), [0; 7]);
    let handled = findings([told(1, Kind::Good), received(1, "book"), effect(1, "book")]);
    assert_eq!((off(&handled), handled.recovered), ([0; 7], 1));
}

#[test]
fn what_nobody_is_bound_for_is_lost_when_it_counts_as_confirmed() {
    assert_eq!(off(&findings([told(1, Kind::Nobody), confirmed(1)])), [1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn each_other_fault_has_its_own_sum() {
    assert_eq!(off(&findings([received(7, "book")])), [0, 1, 0, 0, 0, 0, 0], "nobody published it");
    let changed = Record::Received { id: 1, handler: "book".into(), redelivered: false, hash: 6, at: 1 };
    let records = whole(1, Kind::Good).into_iter().map(|record| match record {
        Record::Received { ref handler, .. } if handler == "book" => changed.clone(),
        other => other,
    });
    assert_eq!(off(&findings(records)), [0, 0, 1, 0, 0, 0, 0]);
    let parked_too = whole(1, Kind::Good).into_iter().chain([parked(1, "book", "permanent")]);
    assert_eq!(off(&findings(parked_too)), [0, 0, 0, 1, 0, 0, 0]);
    let missed = whole(1, Kind::Poison).into_iter().filter(|record| *record != parked(1, "book", "permanent"));
    assert_eq!(off(&findings(missed)), [0, 0, 0, 0, 1, 0, 0]);
    let returned = whole(1, Kind::Good).into_iter().chain([Record::Unroutable { id: 1, at: 1 }]);
    assert_eq!(off(&findings(returned)), [0, 0, 0, 0, 0, 1, 0]);
    let twice = whole(1, Kind::Good).into_iter().chain([received(1, "book")]);
    assert_eq!(off(&findings(twice)), [0, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn what_the_broker_has_parked_is_suspect_and_not_lost() {
    let mut records = vec![told(1, Kind::Good), confirmed(1)];
    records.extend([parked(1, "book", "suspect"), received(1, "audit"), effect(1, "audit")]);
    let findings = findings(records);
    assert_eq!((off(&findings), findings.suspect), ([0; 7], 1));
}

#[test]
fn a_letter_that_the_framework_wrote_is_not_hidden_by_one_of_the_broker() {
    let letters = [parked(1, "book", "permanent"), parked(1, "book", "suspect")];
    for letters in [letters.clone(), [letters[1].clone(), letters[0].clone()]] {
        let findings = findings(whole(1, Kind::Good).into_iter().chain(letters));
        assert_eq!((off(&findings), findings.suspect), ([0, 0, 0, 1, 0, 0, 0], 0));
    }
}

#[test]
fn a_dead_letter_keeps_what_was_sent() {
    for kind in [Kind::Poison, Kind::Good] {
        let changed = Record::Parked { id: 1, handler: "audit".into(), reason: "suspect".into(), hash: 6 };
        let found = findings(whole(1, kind).into_iter().chain([changed.clone()]));
        assert_eq!(found.corrupt, 1, "{kind:?}");
        // and where the handler never saw it, against what the publisher told
        let found = findings([told(1, kind), confirmed(1), changed]);
        assert_eq!(found.corrupt, 1, "{kind:?}");
    }
}

#[test]
fn effects_behind_those_of_a_later_event_are_counted() {
    let records = [2, 1].into_iter().flat_map(|id| whole(id, Kind::Good));
    assert_eq!(findings(records).out_of_order, 2, "one for each handler");
}

#[test]
fn another_content_is_seen_whichever_ledger_is_read_first() {
    let mut records = whole(1, Kind::Good);
    let Record::Received { hash, .. } = &mut records[2] else { panic!("{records:?}") };
    *hash = 6;
    for rotated in 0..records.len() {
        records.rotate_left(1);
        assert_eq!(findings(records.clone()).corrupt, 1, "rotated {rotated}");
    }
}
