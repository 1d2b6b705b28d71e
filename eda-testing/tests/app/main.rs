//! `TestApp` as a user meets it: what it shows, when it settles, how time passes, and what it says when it fails.

mod settle;
mod show;
mod start;
mod support;
mod time;
mod words;
