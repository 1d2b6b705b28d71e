//! Every case on the simulated broker, and what each fault breaks: exactly these cases fail, and every case fails for some
//! fault.

use std::collections::BTreeSet;

use eda_testing::conformance::{Case, Outcome, cases, run};

use crate::simulated::{Fault, Simulated};

eda_testing::conformance!(Simulated::with(Fault::None));

/// A test for each fault: it fails these cases, and no others.
macro_rules! faults {
    ($($name:ident: $fault:ident fails [$($case:ident)+])+) => {
        mod fault {
            $(
                #[tokio::test(start_paused = true)]
                async fn $name() {
                    super::expect(super::Fault::$fault, &[$(stringify!($case)),+]).await;
                }
            )+
        }

        const FOUND: &[&str] = &[$($(stringify!($case)),+),+];
    };
}

/// A case that nothing can fail asserts nothing.
#[test]
fn every_case_finds_some_fault() {
    let found: BTreeSet<_> = FOUND.iter().copied().collect();
    let all: BTreeSet<_> = cases().iter().map(Case::name).collect();
    assert_eq!(found, all);
}

async fn expect(fault: Fault, expected: &[&str]) {
    let (mut found, mut texts) = (Vec::new(), Vec::new());
    for case in cases() {
        match run(case, &Simulated::with(fault)).await {
            Outcome::Passed => {}
            Outcome::Failed(text) => {
                found.push(case.name());
                texts.push(format!("{case}: {text}"));
            }
            Outcome::Skipped(why) => panic!("{case} was skipped: {why}"),
        }
    }
    assert_eq!(found, expected, "{texts:#?}");
}

faults! {
    acks_before_handling: AcksBeforeHandling fails [
        a_foreign_queue_is_taken_as_it_is
        what_one_consumer_leaves_another_takes
        the_prefetch_bounds_what_is_in_hand
        each_consumer_has_its_own_prefetch
        every_way_of_settling_makes_room
        an_ack_consumes_no_other_delivery
        what_is_given_back_comes_again
        what_is_dropped_comes_again
        a_batch_that_is_dropped_comes_again
        a_retry_comes_after_its_delay_and_not_before
        a_retry_holds_up_nobody
        a_short_delay_overtakes_a_long_one
        a_retry_comes_to_its_own_queue_alone
        a_retry_outlives_its_consumer
        many_retries_all_come_back
        a_delay_over_the_longest_is_refused_and_it_comes_again
        a_dead_letter_keeps_the_reason_and_the_original
        every_reason_is_kept
        a_long_detail_is_kept
        a_dead_letter_after_retries_tells_the_last_failure
        a_drain_settles_what_is_in_hand_and_gives_back_the_rest
        what_is_unsettled_when_the_subscription_closes_comes_again
        dropping_a_subscription_gives_back_what_it_had
        settling_after_the_close_changes_nothing
        a_retry_or_dead_letter_after_the_close_is_an_error
        consumers_that_come_and_go_lose_and_double_nothing
        a_close_while_handlers_run_returns
        what_was_in_hand_when_the_transport_closed_comes_again
        what_is_certain_outlives_the_connection
        what_was_in_hand_when_the_connection_was_lost_comes_again
        a_retry_while_the_connection_is_lost_loses_nothing
        a_dead_letter_while_the_connection_is_lost_is_not_lost
    ]
    forgets_retries: ForgetsRetries fails [
        a_retry_comes_after_its_delay_and_not_before
        a_retry_holds_up_nobody
        a_short_delay_overtakes_a_long_one
        a_retry_comes_to_its_own_queue_alone
        a_retry_outlives_its_consumer
        many_retries_all_come_back
        a_delay_over_the_longest_is_refused_and_it_comes_again
        a_dead_letter_after_retries_tells_the_last_failure
        what_is_certain_outlives_the_connection
    ]
    loses_on_close: LosesOnClose fails [
        an_ack_consumes_no_other_delivery
        what_is_unsettled_when_the_subscription_closes_comes_again
        settling_after_the_close_changes_nothing
        a_retry_or_dead_letter_after_the_close_is_an_error
        what_was_in_hand_when_the_transport_closed_comes_again
    ]
    doubles: Doubles fails [
        bodies_arrive_byte_for_byte
        the_order_of_one_publisher_is_kept
        several_publishers_and_connections_get_everything_through
        a_star_is_one_segment_and_a_hash_any_number
        a_binding_without_wildcards_takes_its_own_key_alone
        a_queue_gets_a_message_once_however_many_bindings_match
        several_bindings_lead_into_one_queue
        declaring_again_keeps_what_is_there
        two_subscriptions_both_get_it
        two_consumers_of_one_subscription_share_it
        what_one_consumer_leaves_another_takes
        an_unroutable_message_is_parked
        of_many_in_flight_the_unroutable_ones_are_errors
        no_more_is_received_than_was_asked_for
        a_receive_that_is_cancelled_loses_nothing
        the_prefetch_bounds_what_is_in_hand
        every_way_of_settling_makes_room
        an_ack_consumes
        acks_in_any_order_consume
        an_ack_consumes_no_other_delivery
        what_is_given_back_comes_again
        what_is_dropped_comes_again
        a_batch_that_is_dropped_comes_again
        a_retry_comes_after_its_delay_and_not_before
        a_retry_holds_up_nobody
        a_short_delay_overtakes_a_long_one
        a_retry_comes_to_its_own_queue_alone
        a_retry_outlives_its_consumer
        many_retries_all_come_back
        a_delay_over_the_longest_is_refused_and_it_comes_again
        a_dead_letter_keeps_the_reason_and_the_original
        every_reason_is_kept
        a_drain_settles_what_is_in_hand_and_gives_back_the_rest
        what_is_unsettled_when_the_subscription_closes_comes_again
        dropping_a_subscription_gives_back_what_it_had
        settling_after_the_close_changes_nothing
        a_retry_or_dead_letter_after_the_close_is_an_error
        consumers_that_come_and_go_lose_and_double_nothing
        what_was_in_hand_when_the_transport_closed_comes_again
        what_is_certain_outlives_the_connection
    ]
    reorders: Reorders fails [
        the_order_of_one_publisher_is_kept
        several_publishers_and_connections_get_everything_through
        a_star_is_one_segment_and_a_hash_any_number
        a_queue_gets_a_message_once_however_many_bindings_match
        several_bindings_lead_into_one_queue
        two_subscriptions_both_get_it
        what_one_consumer_leaves_another_takes
        no_more_is_received_than_was_asked_for
        a_receive_that_is_cancelled_loses_nothing
        a_short_delay_overtakes_a_long_one
        a_drain_settles_what_is_in_hand_and_gives_back_the_rest
        what_is_certain_outlives_the_connection
    ]
    ignores_prefetch: IgnoresPrefetch fails [
        the_prefetch_bounds_what_is_in_hand
        each_consumer_has_its_own_prefetch
        every_way_of_settling_makes_room
    ]
    ignores_wildcards: IgnoresWildcards fails [
        a_star_is_one_segment_and_a_hash_any_number
    ]
    retries_at_once: RetriesAtOnce fails [
        a_retry_comes_after_its_delay_and_not_before
        a_short_delay_overtakes_a_long_one
        a_retry_outlives_its_consumer
        a_delay_over_the_longest_is_refused_and_it_comes_again
    ]
    retries_in_turn: RetriesInTurn fails [
        a_short_delay_overtakes_a_long_one
    ]
    retries_in_hand: RetriesInHand fails [
        every_way_of_settling_makes_room
        a_retry_comes_after_its_delay_and_not_before
        a_retry_holds_up_nobody
        a_retry_outlives_its_consumer
        many_retries_all_come_back
        a_delay_over_the_longest_is_refused_and_it_comes_again
        what_is_certain_outlives_the_connection
    ]
    retries_by_publishing: RetriesByPublishing fails [
        a_retry_comes_after_its_delay_and_not_before
        a_retry_holds_up_nobody
        a_short_delay_overtakes_a_long_one
        a_retry_comes_to_its_own_queue_alone
        a_retry_outlives_its_consumer
        many_retries_all_come_back
        a_delay_over_the_longest_is_refused_and_it_comes_again
        what_is_certain_outlives_the_connection
    ]
    forgets_attempts: ForgetsAttempts fails [
        a_retry_comes_after_its_delay_and_not_before
        a_retry_holds_up_nobody
        a_retry_outlives_its_consumer
        many_retries_all_come_back
        what_is_certain_outlives_the_connection
    ]
    forgets_redelivered: ForgetsRedelivered fails [
        what_one_consumer_leaves_another_takes
        what_is_given_back_comes_again
        what_is_dropped_comes_again
        a_delay_over_the_longest_is_refused_and_it_comes_again
    ]
    forgets_dead_letters: ForgetsDeadLetters fails [
        a_dead_letter_keeps_the_reason_and_the_original
        every_reason_is_kept
        a_long_detail_is_kept
        a_dead_letter_after_retries_tells_the_last_failure
        what_is_certain_outlives_the_connection
        a_dead_letter_while_the_connection_is_lost_is_not_lost
    ]
    forgets_reasons: ForgetsReasons fails [
        a_dead_letter_keeps_the_reason_and_the_original
        every_reason_is_kept
        a_long_detail_is_kept
    ]
    cuts_details: CutsDetails fails [
        a_long_detail_is_kept
    ]
    loses_what_is_given_back: LosesWhatIsGivenBack fails [
        a_foreign_queue_is_taken_as_it_is
        what_one_consumer_leaves_another_takes
        every_way_of_settling_makes_room
        what_is_given_back_comes_again
        what_is_dropped_comes_again
        a_batch_that_is_dropped_comes_again
        a_drain_settles_what_is_in_hand_and_gives_back_the_rest
        what_is_unsettled_when_the_subscription_closes_comes_again
        dropping_a_subscription_gives_back_what_it_had
        consumers_that_come_and_go_lose_and_double_nothing
        what_was_in_hand_when_the_transport_closed_comes_again
        what_is_certain_outlives_the_connection
    ]
    never_acks: NeverAcks fails [
        the_order_of_one_publisher_is_kept
        several_publishers_and_connections_get_everything_through
        two_consumers_of_one_subscription_share_it
        what_one_consumer_leaves_another_takes
        the_prefetch_bounds_what_is_in_hand
        every_way_of_settling_makes_room
        an_ack_consumes
        acks_in_any_order_consume
        an_ack_consumes_no_other_delivery
        a_retry_holds_up_nobody
        a_drain_settles_what_is_in_hand_and_gives_back_the_rest
        consumers_that_come_and_go_lose_and_double_nothing
        what_is_certain_outlives_the_connection
        nothing_is_lost_when_the_connection_is_lost_while_publishing
        nothing_is_lost_when_the_connection_is_lost_while_consuming
    ]
    acks_all_before: AcksAllBefore fails [
        the_prefetch_bounds_what_is_in_hand
        an_ack_consumes_no_other_delivery
    ]
    acks_in_order_only: AcksInOrderOnly fails [
        the_prefetch_bounds_what_is_in_hand
        acks_in_any_order_consume
        an_ack_consumes_no_other_delivery
        consumers_that_come_and_go_lose_and_double_nothing
    ]
    says_yes_after_the_close: SaysYesAfterTheClose fails [
        a_retry_or_dead_letter_after_the_close_is_an_error
    ]
    writes_headers_as_text: WritesHeadersAsText fails [
        every_header_value_arrives
        a_float_that_is_no_number_is_refused
    ]
    loses_properties: LosesProperties fails [
        every_part_of_a_message_arrives
        texts_of_the_greatest_length_arrive
        a_dead_letter_keeps_the_reason_and_the_original
    ]
    invents_content_types: InventsContentTypes fails [
        a_message_that_says_nothing_gets_an_id_only
    ]
    reads_bodies_as_text: ReadsBodiesAsText fails [
        bodies_arrive_byte_for_byte
    ]
    cuts_texts: CutsTexts fails [
        texts_of_the_greatest_length_arrive
    ]
    accepts_everything: AcceptsEverything fails [
        a_message_over_a_limit_is_refused
        a_header_that_could_steer_a_broker_is_refused
        a_float_that_is_no_number_is_refused
        a_subscription_that_no_broker_takes_is_refused
        a_foreign_queue_that_is_missing_is_told
    ]
    swallows_unroutable: SwallowsUnroutable fails [
        an_unroutable_message_is_parked
        an_unroutable_message_is_an_error
        of_many_in_flight_the_unroutable_ones_are_errors
    ]
    takes_prefixes: TakesPrefixes fails [
        texts_of_the_greatest_length_arrive
        a_star_is_one_segment_and_a_hash_any_number
        a_binding_without_wildcards_takes_its_own_key_alone
    ]
    binds_once: BindsOnce fails [
        a_subscription_that_no_broker_takes_is_refused
        several_bindings_lead_into_one_queue
        declaring_again_keeps_what_is_there
    ]
    first_queue_only: FirstQueueOnly fails [
        two_subscriptions_both_get_it
        a_retry_comes_to_its_own_queue_alone
    ]
    every_consumer_gets_all: EveryConsumerGetsAll fails [
        a_message_waits_for_its_first_consumer
        declaring_again_keeps_what_is_there
        a_foreign_queue_is_taken_as_it_is
        two_consumers_of_one_subscription_share_it
        what_one_consumer_leaves_another_takes
        an_ack_consumes_no_other_delivery
        a_retry_outlives_its_consumer
        a_dead_letter_keeps_the_reason_and_the_original
        every_reason_is_kept
        a_long_detail_is_kept
        a_dead_letter_after_retries_tells_the_last_failure
        a_drain_settles_what_is_in_hand_and_gives_back_the_rest
        what_is_unsettled_when_the_subscription_closes_comes_again
        dropping_a_subscription_gives_back_what_it_had
        settling_after_the_close_changes_nothing
        a_retry_or_dead_letter_after_the_close_is_an_error
        consumers_that_come_and_go_lose_and_double_nothing
        what_was_in_hand_when_the_transport_closed_comes_again
        what_is_certain_outlives_the_connection
        nothing_is_lost_when_the_connection_is_lost_while_publishing
        a_dead_letter_while_the_connection_is_lost_is_not_lost
        a_consumer_that_the_broker_cancels_consumes_again
    ]
    declares_late: DeclaresLate fails [
        a_subscription_that_no_broker_takes_is_refused
        a_message_waits_for_its_first_consumer
        declaring_again_keeps_what_is_there
        a_foreign_queue_that_is_missing_is_told
        of_many_in_flight_the_unroutable_ones_are_errors
        consumers_that_come_and_go_lose_and_double_nothing
        what_is_certain_outlives_the_connection
        nothing_is_lost_when_the_connection_is_lost_while_publishing
    ]
    empties_queues: EmptiesQueues fails [
        a_message_waits_for_its_first_consumer
        declaring_again_keeps_what_is_there
        an_ack_consumes_no_other_delivery
        a_drain_settles_what_is_in_hand_and_gives_back_the_rest
        what_is_unsettled_when_the_subscription_closes_comes_again
        dropping_a_subscription_gives_back_what_it_had
        settling_after_the_close_changes_nothing
        a_retry_or_dead_letter_after_the_close_is_an_error
        what_was_in_hand_when_the_transport_closed_comes_again
        nothing_is_lost_when_the_connection_is_lost_while_publishing
    ]
    makes_foreign_queues: MakesForeignQueues fails [
        a_foreign_queue_that_is_missing_is_told
    ]
    ignores_foreign_queues: IgnoresForeignQueues fails [
        a_foreign_queue_is_taken_as_it_is
    ]
    gives_too_much: GivesTooMuch fails [
        a_star_is_one_segment_and_a_hash_any_number
        a_queue_gets_a_message_once_however_many_bindings_match
        several_bindings_lead_into_one_queue
        two_subscriptions_both_get_it
        what_one_consumer_leaves_another_takes
        no_more_is_received_than_was_asked_for
        a_short_delay_overtakes_a_long_one
        a_drain_settles_what_is_in_hand_and_gives_back_the_rest
        a_retry_or_dead_letter_after_the_close_is_an_error
        consumers_that_come_and_go_lose_and_double_nothing
        what_was_in_hand_when_the_transport_closed_comes_again
        what_is_certain_outlives_the_connection
        a_consumer_that_the_broker_cancels_consumes_again
    ]
    loses_cancelled_receives: LosesCancelledReceives fails [
        a_receive_that_is_cancelled_loses_nothing
    ]
    ignores_cancel: IgnoresCancel fails [
        health_tells_what_the_consumer_does
        a_drain_settles_what_is_in_hand_and_gives_back_the_rest
    ]
    tells_no_health: TellsNoHealth fails [
        health_tells_what_the_consumer_does
        a_publish_without_a_broker_is_an_error_in_time
        what_was_in_hand_when_the_connection_was_lost_comes_again
        health_tells_a_connection_that_is_lost
        a_consumer_that_the_broker_cancels_consumes_again
    ]
    hangs_on_close: HangsOnClose fails [
        a_close_ends_a_receive_that_waits
        closing_twice_is_no_error
        a_closed_transport_says_so
        a_close_while_handlers_run_returns
        what_was_in_hand_when_the_transport_closed_comes_again
        what_is_certain_outlives_the_connection
        a_close_without_a_broker_returns
    ]
    never_ends: NeverEnds fails [
        a_drain_settles_what_is_in_hand_and_gives_back_the_rest
        a_close_ends_a_receive_that_waits
        a_closed_transport_says_so
        a_close_while_handlers_run_returns
    ]
    refuses_the_second_close: RefusesTheSecondClose fails [
        closing_twice_is_no_error
    ]
    stays_open: StaysOpen fails [
        a_close_ends_a_receive_that_waits
        a_closed_transport_says_so
        a_close_while_handlers_run_returns
    ]
    loses_queues_on_close: LosesQueuesOnClose fails [
        what_was_in_hand_when_the_transport_closed_comes_again
        what_is_certain_outlives_the_connection
    ]
    confirms_before_sending: ConfirmsBeforeSending fails [
        a_message_over_a_limit_is_refused
        a_header_that_could_steer_a_broker_is_refused
        a_float_that_is_no_number_is_refused
        an_unroutable_message_is_parked
        an_unroutable_message_is_an_error
        of_many_in_flight_the_unroutable_ones_are_errors
        a_publish_without_a_broker_is_an_error_in_time
        nothing_is_lost_when_the_connection_is_lost_while_publishing
    ]
    waits_for_ever: WaitsForEver fails [
        a_publish_without_a_broker_is_an_error_in_time
        a_close_without_a_broker_returns
    ]
    never_reconnects: NeverReconnects fails [
        a_publish_without_a_broker_is_an_error_in_time
        a_publish_goes_through_when_the_broker_is_back
        nothing_is_lost_when_the_connection_is_lost_while_consuming
        what_was_in_hand_when_the_connection_was_lost_comes_again
        a_retry_while_the_connection_is_lost_loses_nothing
        a_dead_letter_while_the_connection_is_lost_is_not_lost
        health_tells_a_connection_that_is_lost
        a_consumer_that_the_broker_cancels_consumes_again
    ]
    loses_in_hand: LosesInHand fails [
        what_was_in_hand_when_the_connection_was_lost_comes_again
    ]
    moves_into_nothing: MovesIntoNothing fails [
        a_close_while_handlers_run_returns
        a_retry_while_the_connection_is_lost_loses_nothing
        a_dead_letter_while_the_connection_is_lost_is_not_lost
    ]
    misses_the_brokers_cancel: MissesTheBrokersCancel fails [
        a_consumer_that_the_broker_cancels_consumes_again
    ]
}
