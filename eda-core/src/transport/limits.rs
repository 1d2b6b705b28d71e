//! Limits that every transport keeps.

/// How many bytes a body may have: 1 MiB. Checked before sending and before decoding.
pub const BODY_LIMIT: usize = 1024 * 1024;
