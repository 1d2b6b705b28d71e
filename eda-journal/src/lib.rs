//! The journal: every event that was published or handled, as lines of JSON with ids, so that what led to what can be told
//! afterwards, over services. Use it through the feature `journal` of the facade.
//!
//! A program writes it with a [`FileJournal`]; the tool's `trace` reads it, as does a [`Reader`].

mod entry;
mod file;
mod reader;
mod writer;

pub use eda_core::journal::{Ending, Fact, Journal, What};

pub use self::entry::{Entry, Kind, VERSION};
pub use self::file::{Builder, FileJournal};
pub use self::reader::{Line, Reader, files};
