//! A subscription over a connection that answers, and a queue that does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use eda_core::Policy;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::*;
use crate::publisher::Publisher;
use crate::topology::{Binding, Exchange, Queue};
use crate::wire::{Arrivals, Arrived, BoxFuture, Channel, Confirm, Connect, Link, Outgoing};

const QUEUE: &str = "billing.charge";
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens channels unless it refuses to, or is silent by an internal error; on these, no queue is ever declared.
struct SickQueue {
    refusal: Option<ErrorKind>,
    channel: Arc<NoAnswer>,
    is_abandoned: AtomicBool,
    end: Notify,
    blocked: watch::Sender<Option<String>>,
}

fn unavailable<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unavailable, "no answer in time"))
}

#[async_trait]
impl Link for SickQueue {
    async fn channel(&self) -> Result<Arc<dyn Channel>> {
        match self.refusal {
            Some(ErrorKind::Internal) => std::future::pending().await,
            Some(kind) => Err(Error::new(kind, "no channel")),
            None => Ok(Arc::clone(&self.channel) as Arc<dyn Channel>),
        }
    }

    /// Of those that stay there is one, while it answers at all.
    async fn lasting_channel(&self) -> Result<Arc<dyn Channel>> {
        if self.refusal == Some(ErrorKind::Unavailable) { unavailable() } else { Ok(Arc::clone(&self.channel) as _) }
    }

    fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.subscribe()
    }

    async fn ended(&self) -> String {
        self.end.notified().await;
        "it was cut".to_owned()
    }

    fn abandon(&self, _: &str) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    async fn close(&self) {}
}

#[async_trait]
impl Connect for Arc<SickQueue> {
    async fn connect(&self) -> Result<Arc<dyn Link>> {
        unavailable()
    }
}

/// Declares nothing; or all, and then is silent.
#[derive(Default)]
struct NoAnswer {
    silent: Option<Silent>,
    asked: Notify,
    is_closed: AtomicBool,
    /// The queue of the subscription, which no publisher declares.
    has_declared: AtomicBool,
}

/// To what it never answers.
#[derive(Clone, Copy, PartialEq)]
enum Silent {
    Consume,
    Cancel,
}

impl NoAnswer {
    fn to(silent: Silent) -> Self {
        Self { silent: Some(silent), ..Self::default() }
    }

    fn declared(&self) -> Result {
        if self.silent.is_some() { Ok(()) } else { unavailable() }
    }

    async fn silence<T>(&self) -> T {
        self.asked.notify_one();
        std::future::pending().await
    }
}

/// Nothing comes.
struct Nothing;

impl Arrivals for Nothing {
    fn tag(&self) -> &'static str {
        "nothing"
    }

    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Arrived>>> {
        Poll::Pending
    }
}

#[async_trait]
impl Channel for NoAnswer {
    async fn declare_exchange(&self, _: &Exchange) -> Result {
        Ok(())
    }

    async fn declare_queue(&self, queue: &Queue) -> Result {
        self.has_declared.fetch_or(queue.name == QUEUE, Ordering::Relaxed);
        self.declared()
    }

    async fn bind(&self, _: &Binding) -> Result {
        self.declared()
    }

    /// The publisher's, which is to close nothing here.
    async fn confirm_select(&self) -> Result {
        if self.silent.is_some() { std::future::pending().await } else { unavailable() }
    }

    fn publish(&self, _: Outgoing) -> BoxFuture<Result<Confirm>> {
        Box::pin(async { unavailable() })
    }

    async fn consumers(&self, _: &str) -> Result<u32> {
        unavailable()
    }

    async fn qos(&self, _: u16) -> Result {
        self.declared()
    }

    async fn consume(&self, _: &str) -> Result<Box<dyn Arrivals>> {
        match self.silent {
            None => unavailable(),
            Some(Silent::Consume) => self.silence().await,
            Some(Silent::Cancel) => Ok(Box::new(Nothing)),
        }
    }

    async fn cancel(&self, _: &str) -> Result {
        if self.silent == Some(Silent::Cancel) { self.silence().await } else { unavailable() }
    }

    async fn ack(&self, _: u64, _: bool) -> Result {
        unavailable()
    }

    async fn requeue(&self, _: u64) -> Result {
        unavailable()
    }

    async fn close(&self) -> Result {
        self.is_closed.store(true, Ordering::Relaxed);
        unavailable()
    }
}

fn wanted(link: &Arc<SickQueue>) -> Wanted {
    let connection = Connection::supervise(Arc::new(Arc::clone(link)), Arc::clone(link) as Arc<dyn Link>, "consuming");
    let subscription = Subscription {
        service: "billing".into(),
        queue: QUEUE.into(),
        declare: true,
        bindings: Vec::new(),
        policy: Policy::default(),
    };
    let publisher = Publisher::start(connection.clone());
    let settler = Arc::new(Settler::new(publisher, connection.clone(), subscription.clone()));
    Wanted { connection, subscription, prefetch: 1, settler, patience: Some(PATIENCE), declared_on: None }
}

fn link(refusal: Option<ErrorKind>, channel: NoAnswer) -> Arc<SickQueue> {
    let (is_abandoned, blocked) = (AtomicBool::new(false), watch::Sender::new(None));
    Arc::new(SickQueue { refusal, channel: Arc::new(channel), is_abandoned, end: Notify::new(), blocked })
}

/// Whether the connection was given up over a queue that does not answer.
async fn is_abandoned(refusal: Option<ErrorKind>) -> bool {
    let link = link(refusal, NoAnswer::default());
    let opened = open_session(&wanted(&link), false, None, &mut None).await;
    assert_eq!(opened.err().map(|error| error.kind()), Some(ErrorKind::Unavailable));
    link.is_abandoned.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn one_sick_queue_cuts_off_no_other() {
    assert!(!is_abandoned(None).await);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_opens_no_channel_is_given_up() {
    assert!(is_abandoned(Some(ErrorKind::Unavailable)).await);
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_channels_are_all_in_use_is_kept() {
    assert!(!is_abandoned(Some(ErrorKind::Rejected)).await);
}

/// The broker may have made the consumer already, and would hand messages to a channel that nobody reads.
#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_given_up_while_it_begins_leaves_no_consumer_behind() {
    let link = link(None, NoAnswer::to(Silent::Consume));
    let wanted = wanted(&link);
    let publishing = wanted.connection.clone();
    let subscribing = tokio::spawn(async move {
        let opened = Subscriber::open(wanted, &publishing).await;
        opened.err().map(|error| error.kind())
    });
    link.channel.asked.notified().await;
    subscribing.abort();
    let closed = async {
        while !link.channel.is_closed.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(1), closed).await.expect("the channel is closed");
}

/// Whether a subscription declares its queue before it consumes.
async fn declares(declared_on: impl FnOnce(&Arc<dyn Link>) -> Weak<dyn Link>) -> bool {
    let link = link(None, NoAnswer::to(Silent::Consume));
    let wanted = wanted(&link);
    let present = wanted.connection.link().await.expect("it is there");
    let mut channel = None;
    tokio::select! {
        _ = open_session(&wanted, false, Some(declared_on(&present)), &mut channel) => unreachable!("nobody answers"),
        () = link.channel.asked.notified() => {}
    }
    link.channel.has_declared.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn what_was_just_declared_on_the_connection_is_not_declared_again() {
    assert!(!declares(Arc::downgrade).await);
    let another = link(None, NoAnswer::default()) as Arc<dyn Link>;
    assert!(declares(|_| Arc::downgrade(&another)).await);
}

/// What is asked of a connection that has just ended may never be answered.
#[tokio::test(start_paused = true)]
async fn whoever_waits_for_an_answer_hears_that_the_connection_is_lost() {
    let link = link(None, NoAnswer::to(Silent::Cancel));
    let wanted = wanted(&link);
    let publishing = wanted.connection.clone();
    let mut subscriber = Subscriber::open(wanted, &publishing).await.expect("it consumes");
    let status = subscriber.status();
    let cancelling = tokio::spawn(async move { subscriber.cancel().await.err().map(|error| error.kind()) });
    link.channel.asked.notified().await;
    link.end.notify_one();
    let told = timeout(Duration::from_secs(1), cancelling).await.expect("nobody waits for an answer any more");
    assert_eq!(told.expect("it does not panic"), Some(ErrorKind::Unavailable));
    assert_eq!(status.borrow().state, ConsumerState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_start_beside_a_queue_that_does_not_answer_ends() {
    let wanted = wanted(&link(None, NoAnswer::default()));
    let (publishing, began) = (wanted.connection.clone(), Instant::now());
    let opened = timeout(3 * PATIENCE, Subscriber::open(wanted, &publishing)).await.expect("it is tried no longer");
    assert_eq!(opened.err().map(|error| error.kind()), Some(ErrorKind::Unavailable));
    assert!(began.elapsed() >= PATIENCE, "it was given up after {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_whether_a_connection_answers_hears_that_it_is_lost() {
    let link = link(Some(ErrorKind::Internal), NoAnswer::default());
    let wanted = wanted(&link);
    let opening = tokio::spawn(async move { open_session(&wanted, false, None, &mut None).await.err() });
    // it has been told that its queue does not answer, and asks for a channel
    tokio::time::advance(Duration::from_millis(100)).await;
    link.end.notify_one();
    let told = timeout(Duration::from_secs(1), opening).await.expect("nobody waits for an answer any more");
    let error = told.expect("it does not panic").expect("it could not begin");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!link.is_abandoned.load(Ordering::Relaxed), "it has ended by itself");
}
