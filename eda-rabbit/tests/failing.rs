//! A service all of whose handlers fail: it waits, and does not burn a core.

#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a figure for who runs it by hand")]

// with the rights of a service, and no others
#[path = "security/user.rs"]
mod user;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use eda_core::event::CodecError;
use eda_core::{App, Broker, Event, Failure, HandlerDef, Policy, Service, event};
use eda_rabbit::Rabbit;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval};

use crate::user::restricted_where_possible;

const SERVICE: &str = "failing-tests";
const HANDLER: &str = "charge";
/// New events each second, for so many seconds.
const RATE: u64 = 100;
const SECONDS: u64 = 15;

struct Failing {
    number: u64,
}

impl Event for Failing {
    const NAME: &'static str = "failing.tried";

    fn encode(&self) -> event::Encoded {
        Ok(self.number.to_string().into())
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        let text = std::str::from_utf8(body).map_err(CodecError::new)?;
        Ok(Self { number: text.parse().map_err(CodecError::new)? })
    }
}

/// Attempts come no sooner than the schedule of the default policy says. What they cost is to be less than half a core where
/// the framework is optimised, which is told; without that, and beside other tests, only a busy loop is a failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_failures_keeps_to_the_schedule() {
    let url = rabbit_node::shared_url();
    let rabbit = Rabbit::connect(&restricted_where_possible(&url, SERVICE, SERVICE)).await.expect("the broker answers");
    let broker = Broker::new(rabbit).await.expect("it is connected");
    let (sender, mut tried) = mpsc::unbounded_channel();
    let charge = HandlerDef::from_fn(HANDLER, move |failing: Failing| {
        // nobody counts any more at the end
        let _ = sender.send((failing.number, Instant::now()));
        async { Err::<(), _>(Failure::transient("the card network is down")) }
    });
    let app = App::new().service(Service::new(SERVICE).register(charge));
    let running = app.start(&broker).await.expect("the app starts");
    let publisher = broker.publisher(SERVICE);

    let (began, busy) = (Instant::now(), busy());
    let mut ticks = interval(Duration::from_millis(1_000 / RATE));
    let numbers = numbers();
    for number in numbers.clone() {
        ticks.tick().await;
        publisher.publish(&Failing { number }).await.expect("it is confirmed");
    }
    let share = self::busy().saturating_sub(busy).as_secs_f64() / began.elapsed().as_secs_f64();
    let mut attempts: BTreeMap<u64, Vec<Instant>> = BTreeMap::new();
    while let Ok((number, at)) = tried.try_recv() {
        if numbers.contains(&number) {
            attempts.entry(number).or_default().push(at);
        }
    }
    running.shutdown().await.expect("drained");
    broker.close().await.expect("closed");
    delete(&url).await;

    let backoff = Policy::default().backoff;
    for (number, times) in &attempts {
        for (attempt, pair) in (1..).zip(times.windows(2)) {
            let (waited, due) = (pair[1] - pair[0], backoff.after(attempt));
            assert!(waited >= due, "event {number}, attempt {}: after {waited:?}, not {due:?}", attempt + 1);
        }
    }
    // the first ones have waited 1 + 2 + 4 seconds
    let most = attempts.values().map(Vec::len).max().unwrap_or_default();
    assert!(most >= 4, "expected at least four attempts of the first event, found {most}");
    assert!(share < 1.0, "something spins: {share} of a core");
    println!("{} attempts, {:.0} % of a core", attempts.values().map(Vec::len).sum::<usize>(), share * 100.0);
}

/// Of this run: on a broker that stays, retries of the one before may still come.
fn numbers() -> Range<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
    let first = since.as_secs() * 1_000_000;
    first..first + RATE * SECONDS
}

/// The processor time of this process so far, in user and system mode (proc(5): fields 14 and 15, in hundredths).
fn busy() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells");
    let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().expect("a number"));
    Duration::from_millis(10 * ticks.sum::<u64>())
}

async fn delete(url: &str) {
    use lapin::options::QueueDeleteOptions;
    let connection = lapin::Connection::connect(url, lapin::ConnectionProperties::default()).await;
    let channel = connection.expect("the broker answers").create_channel().await.expect("there is one");
    let queue = format!("{SERVICE}.{HANDLER}");
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.expect("it is deleted");
}
