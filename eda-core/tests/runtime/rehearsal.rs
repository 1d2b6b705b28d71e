//! What a tool is told of a message before it is sent again: what the dead letter would say, and no more.

use eda_core::transport::Reason;
use eda_core::{App, Event, Failure, HandlerDef, Message, Service, event};

use crate::support::{Bench, OrderCreated};

const SECRET: &str = "4012888888881881";

/// Whose author did not expect every body.
struct Card;

impl Event for Card {
    const NAME: &'static str = "card.used";

    fn encode(&self) -> event::Encoded {
        Ok("0".into())
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        assert_eq!(body, b"0", "no card: {SECRET}");
        Ok(Self)
    }
}

fn app(redact: impl Fn(String) -> String + Send + Sync + 'static) -> App {
    let used = HandlerDef::from_fn("used", |_: Card| async {}).configure(|options| options.retries(0));
    App::from(Service::new("billing").on("charge", |_: OrderCreated| async {}).register(used).redact(redact))
}

fn hide(text: &str) -> String {
    text.replace(SECRET, "…")
}

fn no_order() -> Message {
    Message::new("order.created", format!(r#"{{"order_id":"{SECRET}"}}"#))
}

fn read(app: &App, queue: &str, message: Message) -> Failure {
    app.rehearsal().expect("it is valid").read(queue, message).expect_err("it can't be read")
}

/// What is told of a message that can't be read, once it is the same as what its dead letter says.
async fn told(queue: &str, message: Message) -> (Reason, String) {
    let bench = Bench::new().await;
    let _running = bench.start(app(|text| hide(&text))).await;
    let failure = read(&app(|text| hide(&text)), queue, message.clone());
    bench.send(message).await;
    let dead = bench.dead_letters(queue, 1).await.remove(0).failure;
    assert_eq!((failure.reason(), failure.detail()), (dead.reason, dead.detail));
    assert!(!format!("{failure:?} {failure}").contains(SECRET), "{failure}");
    (failure.reason(), failure.detail())
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_is_told_as_its_dead_letter_says_it() {
    let (reason, detail) = told("billing.charge", no_order()).await;
    assert_eq!(reason, Reason::Undecodable);
    assert!(detail.contains(r#"invalid type: string "…""#), "{detail}");
    let plain = read(&app(|text| text), "billing.charge", no_order());
    assert_eq!(hide(&plain.detail()), detail, "without a redaction all is told");
}

#[tokio::test(start_paused = true)]
async fn a_decoder_that_panics_is_told_as_its_dead_letter_says_it() {
    let (reason, detail) = told("billing.used", Message::new("card.used", "1")).await;
    assert_eq!(reason, Reason::Panicked);
    assert!(detail.starts_with("the handler panicked: ") && detail.contains("no card: …"), "{detail}");
}

#[test]
fn where_the_redaction_panics_nothing_is_told() {
    let failure = read(&app(|_| panic!("no idea")), "billing.charge", no_order());
    assert_eq!(failure.detail(), "the error is not shown: its redaction panicked");
}
