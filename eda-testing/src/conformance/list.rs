//! The list of all cases: the one place that names them.

use super::case::Case;
use super::cases::{
    closing, dead_letters, disconnected, messages, prefetch, receiving, refused, retries, routing, settling, shared,
    unrouted,
};

/// Hands every case to a macro: `group: name [needs]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($($then:tt)+) => {
        $crate::__conformance_expand! { $($then)+;
            messages: every_part_of_a_message_arrives [];
            messages: a_message_that_says_nothing_gets_an_id_only [];
            messages: every_header_value_arrives [];
            messages: bodies_arrive_byte_for_byte [];
            messages: texts_of_the_greatest_length_arrive [];
            messages: the_order_of_one_publisher_is_kept [];
            messages: several_publishers_and_connections_get_everything_through [];
            refused: a_message_over_a_limit_is_refused [];
            refused: a_header_that_could_steer_a_broker_is_refused [];
            refused: a_float_that_is_no_number_is_refused [];
            refused: a_subscription_that_no_broker_takes_is_refused [];
            routing: a_star_is_one_segment_and_a_hash_any_number [Patterns];
            routing: a_binding_without_wildcards_takes_its_own_key_alone [];
            routing: a_queue_gets_a_message_once_however_many_bindings_match [Patterns];
            routing: several_bindings_lead_into_one_queue [];
            routing: a_message_waits_for_its_first_consumer [];
            routing: declaring_again_keeps_what_is_there [];
            routing: a_foreign_queue_is_taken_as_it_is [ForeignQueues];
            routing: a_foreign_queue_that_is_missing_is_told [ForeignQueues];
            shared: two_subscriptions_both_get_it [];
            shared: two_consumers_of_one_subscription_share_it [];
            shared: what_one_consumer_leaves_another_takes [];
            unrouted: an_unroutable_message_is_parked [Parked];
            unrouted: an_unroutable_message_is_an_error [Reject];
            unrouted: of_many_in_flight_the_unroutable_ones_are_errors [Reject];
            receiving: no_more_is_received_than_was_asked_for [];
            receiving: a_receive_that_is_cancelled_loses_nothing [];
            receiving: health_tells_what_the_consumer_does [];
            prefetch: the_prefetch_bounds_what_is_in_hand [];
            prefetch: each_consumer_has_its_own_prefetch [];
            prefetch: every_way_of_settling_makes_room [DelayedRetry DeadLetters];
            settling: an_ack_consumes [];
            settling: acks_in_any_order_consume [];
            settling: an_ack_consumes_no_other_delivery [];
            settling: what_is_given_back_comes_again [];
            settling: what_is_dropped_comes_again [];
            settling: a_batch_that_is_dropped_comes_again [];
            retries: a_retry_comes_after_its_delay_and_not_before [DelayedRetry];
            retries: a_retry_holds_up_nobody [DelayedRetry];
            retries: a_short_delay_overtakes_a_long_one [DelayedRetry];
            retries: a_retry_comes_to_its_own_queue_alone [DelayedRetry];
            retries: a_retry_outlives_its_consumer [DelayedRetry];
            retries: many_retries_all_come_back [DelayedRetry];
            retries: a_delay_over_the_longest_is_refused_and_it_comes_again [DelayedRetry];
            dead_letters: a_dead_letter_keeps_the_reason_and_the_original [DeadLetters];
            dead_letters: every_reason_is_kept [DeadLetters];
            dead_letters: a_long_detail_is_kept [DeadLetters];
            dead_letters: a_dead_letter_after_retries_tells_the_last_failure [DeadLetters DelayedRetry];
            closing: a_drain_settles_what_is_in_hand_and_gives_back_the_rest [];
            closing: what_is_unsettled_when_the_subscription_closes_comes_again [];
            closing: dropping_a_subscription_gives_back_what_it_had [];
            closing: settling_after_the_close_changes_nothing [];
            closing: a_retry_or_dead_letter_after_the_close_is_an_error [DelayedRetry DeadLetters];
            closing: consumers_that_come_and_go_lose_and_double_nothing [];
            closing: a_close_ends_a_receive_that_waits [];
            closing: closing_twice_is_no_error [];
            closing: a_closed_transport_says_so [];
            closing: a_close_while_handlers_run_returns [];
            closing: what_was_in_hand_when_the_transport_closed_comes_again [Persistent];
            closing: what_is_certain_outlives_the_connection [Persistent DelayedRetry DeadLetters];
            disconnected: a_publish_without_a_broker_is_an_error_in_time [BrokerAway];
            disconnected: a_publish_goes_through_when_the_broker_is_back [BrokerAway];
            disconnected: nothing_is_lost_when_the_connection_is_lost_while_publishing [ConnectionLoss];
            disconnected: nothing_is_lost_when_the_connection_is_lost_while_consuming [ConnectionLoss];
            disconnected: what_was_in_hand_when_the_connection_was_lost_comes_again [ConnectionLoss];
            disconnected: a_retry_while_the_connection_is_lost_loses_nothing [BrokerAway DelayedRetry];
            disconnected: a_dead_letter_while_the_connection_is_lost_is_not_lost [BrokerAway DeadLetters];
            disconnected: health_tells_a_connection_that_is_lost [BrokerAway];
            disconnected: a_consumer_that_the_broker_cancels_consumes_again [ConsumerCancel];
            disconnected: a_close_without_a_broker_returns [BrokerAway];
        }
    };
}

/// Makes the table of cases, or a test of each.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_expand {
    (table; $($group:ident: $name:ident [$($need:ident)*];)+) => {
        &[$(Case {
            group: stringify!($group),
            name: stringify!($name),
            needs: &[$($crate::conformance::Need::$need),*],
            body: |stage| Box::pin($group::$name(stage)),
        }),+]
    };
    (tests $setup:expr; $($group:ident: $name:ident [$($need:ident)*];)+) => {
        $(
            #[test]
            fn $name() {
                $crate::conformance::check(stringify!($name), async || $setup);
            }
        )+
    };
}

/// One `#[test]` for each case of the [suite](mod@crate::conformance), by its name, with a [`Setup`](crate::conformance::Setup)
/// of its own: the expression is evaluated for each on a tokio runtime, and may await.
///
/// A case that is skipped passes and prints why; `cargo test -- --show-output` shows it.
///
/// ```
/// # use std::sync::Arc;
/// # use eda_core::transport::{Transport, memory::Memory};
/// # use eda_testing::conformance::{Options, Setup};
/// # struct Mine;
/// # #[async_trait::async_trait]
/// # impl Setup for Mine {
/// #     async fn connect(&self, _: &Options) -> eda_core::Result<Arc<dyn Transport>> { Ok(Arc::new(Memory::new())) }
/// # }
/// eda_testing::conformance!(Mine);
/// ```
#[macro_export]
macro_rules! conformance {
    ($setup:expr $(,)?) => {
        $crate::__conformance_cases! { tests $setup }
    };
}

/// All cases, in the order of the table in the documentation.
pub fn cases() -> &'static [Case] {
    __conformance_cases! { table }
}
