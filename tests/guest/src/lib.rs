//! A user's crate that denies every lint which generated code could touch. It has to compile, and clippy has to be
//! silent; there is nothing to run.

#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, missing_debug_implementations)]
#![deny(missing_copy_implementations, single_use_lifetimes, unused_lifetimes, let_underscore_drop, unused_results)]
#![deny(trivial_casts, trivial_numeric_casts, elided_lifetimes_in_paths)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(clippy::allow_attributes, clippy::allow_attributes_without_reason, clippy::empty_structs_with_brackets)]
#![deny(clippy::missing_docs_in_private_items, clippy::missing_inline_in_public_items)]

pub mod hostile;
