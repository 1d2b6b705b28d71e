//! What a program does, as its journal has it.

use std::borrow::Cow;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use eda_core::transport::memory::Memory;
use eda_core::{AnyEvent, App, Backoff, Broker, Event, Failure, HandlerDef, Service, event, json};
use eda_journal::{Entry, FileJournal, Kind, Reader, files, open_files};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order_id: u64,
}

impl Event for OrderPlaced {
    const NAME: &'static str = "order.placed";

    fn encode(&self) -> event::Encoded {
        json::encode(self)
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        json::decode(body)
    }
}

#[derive(Serialize, Deserialize)]
struct OrderCooked {
    order_id: u64,
}

impl Event for OrderCooked {
    const NAME: &'static str = "order.cooked";

    fn encode(&self) -> event::Encoded {
        json::encode(self)
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        json::decode(body)
    }
}

#[tokio::test]
async fn what_is_published_and_handled_is_written_down_with_its_ids() {
    let file = fresh("all");
    let memory = Memory::new();
    let plain = Broker::new(memory.clone()).await.expect("memory is always there");
    let broker = plain.clone().journaled(FileJournal::open(&file).expect("the folder is ours"));
    let running = kitchen().start(&broker).await.expect("it starts");
    let cause = broker.publisher("web").publish(&OrderPlaced { order_id: 7 }).await.expect("memory takes it");
    plain.publisher("web").publish(&OrderCooked { order_id: 8 }).await.expect("memory takes it");
    memory.until_idle().await;
    running.shutdown().await.expect("it ends");
    drop(broker);

    let entries = entries(&file);
    let told: Vec<_> = entries
        .iter()
        .filter(|entry| entry.correlation_id.as_deref() == Some(&cause.to_string()))
        .map(|entry| (entry.kind, text(entry.event.as_ref()), text(entry.service.as_ref()), &*entry.outcome))
        .collect();
    let (published, handled) = (Kind::Published, Kind::Handled);
    for expected in [
        (published, "order.placed", "web", "confirmed"),
        (published, "order.cooked", "kitchen", "confirmed"),
        (handled, "order.placed", "kitchen", "handled"),
        (handled, "order.cooked", "kitchen", "handled"),
    ] {
        assert_eq!(told.iter().filter(|told| **told == expected).count(), 1, "{expected:?} in {told:?}");
    }
    assert_eq!(told.len(), 4, "{told:?}");
    let cooked = entries.iter().find(|entry| text(entry.service.as_ref()) == "kitchen" && entry.kind == published);
    assert_eq!(cooked.and_then(|entry| entry.causation_id.as_deref()), Some(&*cause.to_string()));
    let unjournaled =
        entries.iter().filter(|entry| text(entry.event.as_ref()) == "order.cooked" && entry.kind == published);
    assert_eq!(unjournaled.count(), 1, "what is published through another handle is not written down");
}

#[tokio::test(start_paused = true)]
async fn failures_are_written_down_with_what_comes_next() {
    let file = fresh("failures");
    let memory = Memory::new();
    let broker = Broker::new(memory.clone()).await.expect("memory is always there");
    let fail = |_: OrderPlaced| async { Err::<(), _>(Failure::transient("card 4711 is locked")) };
    let fail =
        HandlerDef::from_fn("fail", fail).configure(|options| options.retries(1).backoff(Backoff::millis(200, 200)));
    let redact = |text: String| text.replace("4711", "####");
    let app = App::new().service(Service::new("billing").register(fail).redact(redact));
    let app = app.journal(FileJournal::open(&file).expect("the folder is ours"));
    let running = app.start(&broker).await.expect("it starts");
    broker.publisher("web").publish(&OrderPlaced { order_id: 7 }).await.expect("memory takes it");
    memory.until_idle().await;
    // the clock is paused: it jumps to the retry
    tokio::time::sleep(Duration::from_millis(200)).await;
    memory.until_idle().await;
    running.shutdown().await.expect("it ends");

    let entries = entries(&file);
    let told: Vec<_> = entries.iter().map(|entry| (entry.attempt, &*entry.outcome, entry.retry_after_ms)).collect();
    assert_eq!(told, [(Some(1), "retry", Some(200)), (Some(2), "dead-letter", None)], "only the app has a journal");
    for entry in &entries {
        assert_eq!((text(entry.reason.as_ref()), text(entry.handler.as_ref())), ("transient", "fail"));
        assert!(text(entry.error.as_ref()).contains("card #### is locked"), "{entry:?}");
    }
}

#[tokio::test]
async fn a_journal_is_bounded() {
    let file = fresh("bounded");
    let limit = 20_000;
    let journal = FileJournal::at(&file).size_limit(limit).open().expect("the folder is ours");
    let broker = Broker::new(Memory::new()).await.expect("memory is always there").journaled(journal.clone());
    let publisher = broker.publisher("web");
    let mut ids = Vec::new();
    for order_id in 0..200 {
        ids.push(publisher.publish(&OrderPlaced { order_id }).await.expect("memory takes it").to_string());
    }
    let dropped = journal.dropped();
    drop((publisher, broker, journal));
    let parts = files(&file);
    assert_eq!(parts.len(), 2, "it was begun anew");
    for part in &parts {
        assert!(part.metadata().expect("it is there").len() <= limit, "{part:?}");
    }
    // what is left are the newest, in order and without a gap
    let kept: Vec<_> = entries(&file).into_iter().filter_map(|entry| entry.id).collect();
    assert!(dropped == 0 && kept.len() > 50 && kept.len() < 200, "{dropped} {}", kept.len());
    assert_eq!(kept, ids[200 - kept.len()..]);
}

#[test]
fn a_line_that_was_cut_off_spoils_no_other() {
    let file = fresh("torn");
    std::fs::write(&file, "{\"journal\": 1, \"time\": \"20").expect("the folder is ours");
    drop(FileJournal::open(&file).expect("the folder is ours"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it can be built");
    runtime.block_on(async {
        let journal = FileJournal::open(&file).expect("the folder is ours");
        let broker = Broker::new(Memory::new()).await.expect("memory is always there").journaled(journal);
        broker.publisher("web").publish(&OrderPlaced { order_id: 7 }).await.expect("memory takes it");
    });
    let lines: Vec<_> = Reader::open(&file).expect("it is there").map(|line| line.expect("it can be read")).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].entry.is_err() && lines[1].entry.is_ok(), "{lines:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_full_costs_lines_and_nothing_else() {
    let journal = FileJournal::open("/dev/full").expect("Linux has it");
    let broker = Broker::new(Memory::new()).await.expect("memory is always there").journaled(journal.clone());
    broker.publisher("web").publish(&OrderPlaced { order_id: 7 }).await.expect("memory takes it");
    let dropped = async {
        while journal.dropped() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, dropped).await.expect("it is counted");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_stalls_stops_nobody_and_what_is_dropped_is_told() {
    const COUNT: u64 = 12_000;
    let (journal, pipe) = stalled("stalled");
    let broker = Broker::new(Memory::new()).await.expect("memory is always there").journaled(journal.clone());
    let publisher = broker.publisher("web");
    for order_id in 0..COUNT {
        publisher.publish(&OrderPlaced { order_id }).await.expect("memory takes it");
    }
    let dropped = journal.dropped();
    assert!(dropped > 0 && dropped < COUNT, "{dropped}");
    let text = read_on(pipe, (publisher, broker, journal));
    let entries: Vec<_> = text.lines().map(|line| Entry::parse(line.as_bytes()).expect("it is whole")).collect();
    let told: u64 = entries.iter().filter_map(|entry| entry.count).sum();
    let written = entries.iter().filter(|entry| entry.kind == Kind::Published).count() as u64;
    assert_eq!((told, written), (dropped, COUNT - dropped));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_waits_is_bounded_in_bytes_where_lines_are_long() {
    const COUNT: u64 = 5_000;
    const LIMIT: usize = 16 * 1024 * 1024;
    let (journal, pipe) = stalled("long");
    let memory = Memory::new();
    let broker = Broker::new(memory.clone()).await.expect("memory is always there");
    let fail = |_: OrderPlaced| async { Err::<(), _>(Failure::permanent("x".repeat(4_096))) };
    let app = App::from(Service::new("billing").register(HandlerDef::from_fn("fail", fail))).journal(journal.clone());
    let running = app.start(&broker).await.expect("it starts");
    for order_id in 0..COUNT {
        broker.publisher("web").publish(&OrderPlaced { order_id }).await.expect("memory takes it");
    }
    memory.until_idle().await;
    running.shutdown().await.expect("it ends");
    let dropped = journal.dropped();
    assert!(dropped > 0 && dropped < COUNT, "{dropped} though fewer lines wait than may");
    let text = read_on(pipe, journal);
    // and what the pipe took before it was full
    assert!((LIMIT..LIMIT + 200_000).contains(&text.len()), "{}", text.len());
    assert_eq!(text.lines().count() as u64, COUNT - dropped + 1, "one line tells how many are missing");
}

/// A journal whose disk takes nothing until it is [read on](read_on).
#[cfg(target_os = "linux")]
fn stalled(name: &str) -> (FileJournal, std::fs::File) {
    let pipe = fresh(name);
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("`mkfifo` is there");
    assert!(made.success());
    // each end waits for the other to be opened
    let opening = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::File::open(pipe)
    });
    let journal = FileJournal::open(&pipe).expect("it is ours");
    (journal, opening.join().expect("it does not panic").expect("it is ours"))
}

/// What a journal has written when all who hold it have gone.
#[cfg(target_os = "linux")]
fn read_on(mut pipe: std::fs::File, held: impl Sized) -> String {
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut pipe, &mut text).map(|_| text)
    });
    drop(held);
    reading.join().expect("it does not panic").expect("it is text")
}

#[tokio::test]
async fn a_journal_whose_file_was_removed_goes_on_with_a_new_one() {
    let file = fresh("removed");
    let journal = FileJournal::at(&file).size_limit(5_000).open().expect("the folder is ours");
    let broker = Broker::new(Memory::new()).await.expect("memory is always there").journaled(journal.clone());
    std::fs::remove_file(&file).expect("it is ours");
    for order_id in 0..100 {
        broker.publisher("web").publish(&OrderPlaced { order_id }).await.expect("memory takes it");
    }
    let last = broker.publisher("web").publish(&OrderPlaced { order_id: 100 }).await.expect("memory takes it");
    drop((broker, journal));
    assert_eq!(entries(&file).last().and_then(|entry| entry.id.clone()).as_deref(), Some(&*last.to_string()));
}

#[test]
fn a_newer_version_is_told_with_both() {
    let error = Entry::parse(br#"{"journal": 2}"#).expect_err("this program knows version 1 only");
    assert!(error.contains("version 2") && error.contains("version 1"), "{error}");
}

#[test]
fn a_journal_that_can_not_be_opened_is_told_at_once() {
    let nowhere = fresh("nowhere").join("below").join("a-file");
    let error = FileJournal::open(&nowhere).expect_err("there is no such folder");
    assert!(error.to_string().starts_with("could not open the journal (file: "), "{error}");
}

#[test]
fn what_was_opened_is_read_though_it_is_renamed() {
    let file = fresh("renamed");
    let former = file.with_extension("journal.1");
    let line = |id: &str| {
        let head = r#""journal":1,"time":"2026-01-31T12:00:00Z","kind":"published""#;
        format!("{{{head},\"id\":\"{id}\",\"outcome\":\"confirmed\"}}\n")
    };
    std::fs::write(&former, line("a")).expect("it is ours");
    std::fs::write(&file, line("b")).expect("it is ours");
    let opened = open_files(&file);
    std::fs::rename(&file, &former).expect("it is ours");
    std::fs::write(&file, line("c")).expect("it is ours");
    let readers = opened.into_iter().map(|(_, file)| Reader::new(BufReader::new(file.expect("it was there"))));
    let lines = readers.flatten().map(|line| line.expect("it can be read").entry.expect("it is whole"));
    let ids: Vec<_> = lines.filter_map(|entry| entry.id).collect();
    assert_eq!(ids, ["a", "b"]);
}

#[test]
fn a_file_that_can_not_be_opened_is_told_with_its_name() {
    let file = fresh("missing");
    let told = |file: &Path| -> Vec<_> {
        open_files(file).into_iter().map(|(path, file)| (path, file.map_err(|error| error.kind()).err())).collect()
    };
    let missing = Some(ErrorKind::NotFound);
    assert_eq!(told(&file), [(file.clone(), missing)]);
    let former = file.with_extension("journal.1");
    std::fs::write(&former, "").expect("it is ours");
    assert_eq!(told(&file), [(former, None), (file.clone(), missing)]);
    // what is below a file is no former one, either
    std::fs::write(&file, "").expect("it is ours");
    let below = file.join("b.journal");
    assert_eq!(told(&below), [(below.clone(), Some(ErrorKind::NotADirectory))]);
}

fn kitchen() -> App {
    let cook = |order: OrderPlaced| async move { OrderCooked { order_id: order.order_id } };
    let serve = |event: AnyEvent| async move { drop(event) };
    let serve = HandlerDef::from_fn("serve", serve).configure(|options| options.pattern("order.cooked"));
    App::new().service(Service::new("kitchen").on("cook", cook).register(serve))
}

/// What the journal holds, oldest first.
fn entries(file: &Path) -> Vec<Entry<'static>> {
    let readers = files(file).into_iter().map(|part| Reader::open(&part).expect("it is there"));
    readers.flatten().map(|line| line.expect("it can be read").entry.expect("it is whole")).collect()
}

fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("journal-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder is ours");
    folder.join("a.journal")
}

fn text<'a>(text: Option<&'a Cow<'_, str>>) -> &'a str {
    text.map(AsRef::as_ref).unwrap_or_default()
}
