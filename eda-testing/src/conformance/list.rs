//! The list of all cases: the one place that names them.

use super::case::Case;
use super::cases::*;

/// Hands every case to a macro: `group: name [needs]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($($then:tt)+) => {
        $crate::__conformance_expand! { $($then)+;
            messages: every_part_of_a_message_arrives [];
            routing: a_star_is_one_segment_and_a_hash_any_number [Patterns];
            settling: an_ack_consumes [];
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

/// One `#[test]` for each case of the [suite](crate::conformance), by its name, with a [`Setup`](crate::conformance::Setup)
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
