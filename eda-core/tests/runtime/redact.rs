//! What is told of a failure, and what is not.

use eda_core::transport::FailureRecord;
use eda_core::{App, EventId, Failure, HandlerDef, Message, Service};

use crate::support::{Bench, OrderCreated, log};

const SECRET: &str = "4012888888881881";

fn fails(text: &'static str) -> HandlerDef<()> {
    HandlerDef::from_fn("charge", move |_: OrderCreated| async move { Err::<(), _>(Failure::permanent(text)) })
}

async fn detail(service: Service) -> String {
    let bench = Bench::new().await;
    let _running = bench.start(App::new().service(service)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    bench.dead_letters("billing.charge", 1).await.remove(0).failure.detail
}

#[tokio::test(start_paused = true)]
async fn a_service_rewrites_what_is_told_of_a_failure_in_the_log_and_the_dead_letter() {
    let (log, _guard) = log();
    let service = Service::new("billing").register(fails("card 4012888888881881 was declined"));
    let detail = detail(service.redact(|text| text.replace(SECRET, "…"))).await;
    assert_eq!(detail, "card … was declined");
    assert!(log.text().contains("card … was declined"), "{}", log.text());
    assert!(!log.text().contains(SECRET), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_rewritten_like_an_error() {
    let handler = HandlerDef::from_fn("charge", |order: OrderCreated| async move {
        assert_ne!(order.order_id, 1, "card {SECRET}");
    })
    .configure(|options| options.retries(0));
    let detail = detail(Service::new("billing").register(handler).redact(|text| text.replace(SECRET, "…"))).await;
    assert_eq!(detail, "the handler panicked: assertion `left != right` failed: card …\n  left: 1\n right: 1");
}

#[tokio::test(start_paused = true)]
async fn what_is_rewritten_is_seen_whole_and_cut_afterwards() {
    let text = "x".repeat(FailureRecord::DETAIL_LIMIT - 8) + SECRET;
    let handler = fails(String::leak(text));
    let cut = detail(Service::new("billing").register(handler).redact(|text| text.replace(SECRET, "…"))).await;
    assert_eq!(cut, "x".repeat(FailureRecord::DETAIL_LIMIT - 8) + "…");
    let grown = detail(Service::new("billing").register(fails("a")).redact(|_| "b".repeat(9_999))).await;
    assert_eq!(grown, "b".repeat(FailureRecord::DETAIL_LIMIT));
}

#[tokio::test(start_paused = true)]
async fn where_the_rewriting_panics_nothing_is_told() {
    let service = Service::new("billing").register(fails(SECRET)).redact(|_| panic!("no idea"));
    assert_eq!(detail(service).await, "the error is not shown: its redaction panicked");
}

#[tokio::test(start_paused = true)]
async fn an_id_of_somebody_else_forges_no_line_of_the_log() {
    let (log, _guard) = log();
    let bench = Bench::new().await;
    let _running = bench.start(App::new().service(Service::new("billing").register(fails("declined")))).await;
    let mut message = Message::new("order.created", r#"{"order_id":1}"#);
    message.id = Some(EventId::from("7\n2026-11-23T08:54:00Z ERROR all is lost\r\0\u{1b}[2J"));
    message.correlation_id = Some("8\nforged".into());
    bench.memory.send_to_queue("billing.charge", message.clone()).expect("the queue is there");
    let dead = bench.dead_letters("billing.charge", 1).await;
    assert_eq!(dead[0].message.id, message.id, "it is kept as it is");
    let log = log.text();
    assert!(log.contains(r"7\n2026-11-23T08:54:00Z ERROR all is lost\r\0\u{1b}[2J"), "{log}");
    assert!(log.lines().all(|line| !line.starts_with("2026-11-23T08:54:00Z") && !line.starts_with("forged")), "{log}");
    assert!(!log.contains(|letter: char| letter.is_control() && letter != '\n'), "{log}");
}
