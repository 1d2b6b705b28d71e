//! The journal: every event that was published or handled, as lines of JSON with ids, so that what led to what can be told
//! afterwards, over services. Use it through the feature `journal` of the facade.
//!
//! A program writes it into a file with a [`FileJournal`], or into a queue of its broker with a [`QueueJournal`]; the tool's
//! `trace` reads both, and a [`Reader`] a file.

mod entry;
mod file;
mod output;
mod queue;
mod reader;
mod waiting;
mod writer;

pub use eda_core::journal::{Ending, Fact, Journal, What};

pub use self::entry::{Entry, Kind, VERSION};
pub use self::file::{Builder, FileJournal};
pub use self::queue::QueueJournal;
pub use self::reader::{Line, Reader, files, open_files};
