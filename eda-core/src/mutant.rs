//! Safeguards that a hidden build can leave out, one at a time: the proof that the chaos run notices when one is missing.

/// Whether this safeguard is left out: only with the hidden feature, and where the environment's `EDA_MUTANT` names it.
#[cfg(feature = "__mutants")]
pub fn is_without(safeguard: &str) -> bool {
    static LEFT_OUT: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    LEFT_OUT.get_or_init(|| std::env::var("EDA_MUTANT").ok()).as_deref() == Some(safeguard)
}

/// Nothing is.
#[cfg(not(feature = "__mutants"))]
pub const fn is_without(_safeguard: &str) -> bool {
    false
}

/// Whether this build can leave any out.
pub const fn are_possible() -> bool {
    cfg!(feature = "__mutants")
}
