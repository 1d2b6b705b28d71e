//! The conformance suite: what every transport promises, one named case each.
