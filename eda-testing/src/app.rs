//! `TestApp`: an app of the user under test.
