//! What is read though its writer renames it meanwhile: a pipe among the files holds the reader up until that is done.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use crate::trace::{TraceOptions, find};

#[tokio::test]
async fn a_file_that_is_renamed_while_its_former_is_read_is_read_too() {
    let folder = fresh("renamed");
    let (journal, pipe) = (folder.join("b.journal"), folder.join("b.journal.1"));
    fs::write(&journal, line("middle")).expect("it is ours");
    let renaming = while_read(&pipe, {
        let (journal, former) = (journal.clone(), pipe.clone());
        move |pipe| {
            fs::rename(&journal, &former)?;
            fs::write(&journal, line("newest"))?;
            pipe.write_all(line("oldest").as_bytes())
        }
    });
    assert_eq!(ids("7", vec![journal]).await, ["oldest", "middle"], "what was there before, in this order");
    renaming.join().expect("it does not panic").expect("the files are ours");
    fs::remove_dir_all(&folder).expect("it is ours");
}

#[tokio::test]
async fn what_is_read_again_is_what_was_read_before() {
    let folder = fresh("replaced");
    let (journal, former, pipe) = (folder.join("a.journal"), folder.join("a.journal.1"), folder.join("b.journal"));
    fs::write(&former, line("a")).expect("it is ours");
    fs::write(&journal, line("b")).expect("it is ours");
    let replacing = while_read(&pipe, {
        let journal = journal.clone();
        move |_| fs::rename(&journal, &former)
    });
    assert_eq!(ids("b", vec![journal, pipe]).await, ["a", "b"], "all of the process that the event belongs to");
    replacing.join().expect("it does not panic").expect("the files are ours");
    fs::remove_dir_all(&folder).expect("it is ours");
}

async fn ids(id: &str, journal: Vec<PathBuf>) -> Vec<String> {
    let options = TraceOptions { id: id.to_owned(), journal, queue: false };
    let found = find(None, &options).await.expect("all of it can be read");
    found.entries.iter().filter_map(|entry| entry.id.as_deref().map(str::to_owned)).collect()
}

/// Does something when somebody has begun to read the pipe, which ends with it.
fn while_read(
    pipe: &Path,
    what: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static,
) -> JoinHandle<io::Result<()>> {
    let made = std::process::Command::new("mkfifo").arg(pipe).status().expect("`mkfifo` is there");
    assert!(made.success());
    let pipe = pipe.to_owned();
    std::thread::spawn(move || what(&mut File::options().write(true).open(pipe)?))
}

fn fresh(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("trace-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder is ours");
    folder
}

fn line(id: &str) -> String {
    let head = r#""journal":1,"time":"2026-01-31T12:00:00Z","kind":"published""#;
    format!("{{{head},\"id\":\"{id}\",\"correlation_id\":\"7\",\"outcome\":\"confirmed\"}}\n")
}
