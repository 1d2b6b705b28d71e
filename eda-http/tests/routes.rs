//! What each route answers, without a socket.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use eda_core::transport::memory::Memory;
use eda_core::{AnyEvent, App, Broker, Service};
use eda_http::Endpoint;
use serde_json::{Value, json};
use tower::ServiceExt;

#[tokio::test]
async fn a_process_is_alive_before_it_is_ready() {
    let endpoint = Endpoint::of(&audit()).expect("the app can start");
    assert_eq!(ask(&endpoint, "/health/live").await, (StatusCode::OK, "{\"live\":true}\n".to_owned()));
    let (status, body) = ask(&endpoint, "/health/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let expected = json!({
        "ready": false,
        "consumers": { "confirmed": 0, "expected": 2 },
        "subscriptions": [
            {
                "service": "audit", "queue": "audit.log", "state": "starting", "since": null,
                "why": "the app has not started yet"
            },
            {
                "service": "audit", "queue": "audit.count", "state": "starting", "since": null,
                "why": "the app has not started yet"
            },
        ],
    });
    assert_eq!(document(&body), expected);
}

#[tokio::test]
async fn readiness_follows_the_app_to_its_end() {
    let app = audit();
    let endpoint = Endpoint::of(&app).expect("the app can start");
    let broker = Broker::new(Memory::new()).await.expect("memory is always there");
    let running = app.start(&broker).await.expect("it starts");
    endpoint.watch(running.health_watch());
    let (status, body) = ask(&endpoint, "/health/ready").await;
    let ready = document(&body);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(ready["consumers"], json!({ "confirmed": 2, "expected": 2 }));
    assert_eq!(ready["subscriptions"][0]["state"], "consuming");
    let since = ready["subscriptions"][0]["since"].as_str().expect("it is told since when");
    assert!(humantime::parse_rfc3339(since).is_ok(), "{since}");
    running.shutdown().await.expect("it ends");
    let (status, body) = ask(&endpoint, "/health/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(document(&body)["subscriptions"][0]["state"], "stopped");
}

#[tokio::test]
async fn metrics_are_what_was_given_or_say_what_to_do() {
    let endpoint = Endpoint::of(&audit()).expect("the app can start");
    let (status, body) = ask(&endpoint, "/metrics").await;
    assert!(status == StatusCode::NOT_FOUND && body.contains("`Endpoint::metrics`"), "{body}");
    let endpoint = endpoint.metrics(|| "events_total 1\n".to_owned()).metrics(String::new);
    assert_eq!(ask(&endpoint, "/metrics").await, (StatusCode::OK, "events_total 1\n".to_owned()));
}

#[tokio::test]
async fn the_app_describes_and_draws_itself() {
    let endpoint = Endpoint::of(&audit()).expect("the app can start");
    let (_, described) = ask(&endpoint, "/describe").await;
    let described = document(&described);
    assert_eq!((&described["format"], &described["version"]), (&json!("eda.description"), &json!(1)));
    let (_, page) = ask(&endpoint, "/graph").await;
    assert!(page.contains("<svg") && page.contains("data-name=\"audit.log\""), "{page}");
}

#[tokio::test]
async fn only_the_routes_answer_and_only_to_get() {
    let endpoint = Endpoint::of(&audit()).expect("the app can start");
    assert_eq!(ask(&endpoint, "/").await.0, StatusCode::NOT_FOUND);
    let posted = Request::post("/describe").body(Body::empty()).expect("it is a request");
    let answered = router(&endpoint).oneshot(posted).await.expect("a router always answers");
    assert_eq!(answered.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn an_app_that_can_not_start_is_told_at_once() {
    let error = Endpoint::of(&App::new()).expect_err("it has no service");
    assert!(error.to_string().contains("it has no service"), "{error}");
}

fn audit() -> App {
    App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}).on("count", |_: AnyEvent| async {}))
}

fn router(endpoint: &Endpoint) -> Router {
    endpoint.router()
}

async fn ask(endpoint: &Endpoint, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).expect("it is a request");
    let answered = router(endpoint).oneshot(request).await.expect("a router always answers");
    let status = answered.status();
    let body = to_bytes(answered.into_body(), usize::MAX).await.expect("it is whole");
    (status, String::from_utf8(body.to_vec()).expect("it is text"))
}

fn document(body: &str) -> Value {
    serde_json::from_str(body).expect("it is one document")
}
