//! What each route answers.

use std::future::Ready;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::{Endpoint, Shared};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// What Prometheus asks for.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PAGE: &str = "text/html; charset=utf-8";
/// The page holds its own script and style, and loads nothing.
const PAGE_MAY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'";
const NO_METRICS: &str = "nothing renders metrics here: give the endpoint what does, with `Endpoint::metrics`\n";

pub(crate) fn router<S: Clone + Send + Sync + 'static>(endpoint: &Endpoint) -> Router<S> {
    Router::new()
        .route("/health/live", get(async || answer(StatusCode::OK, JSON, "{\"live\":true}\n".to_owned())))
        .route("/health/ready", get(with(endpoint, ready)))
        .route("/metrics", get(with(endpoint, |endpoint| metrics(&endpoint.0))))
        .route("/describe", get(with(endpoint, |endpoint| text(JSON, &endpoint.0.description))))
        .route("/graph", get(with(endpoint, |endpoint| graph(&endpoint.0))))
}

fn with(
    endpoint: &Endpoint,
    tell: fn(&Endpoint) -> Response,
) -> impl Fn() -> Ready<Response> + Clone + Send + Sync + 'static {
    let endpoint = endpoint.clone();
    move || std::future::ready(tell(&endpoint))
}

fn ready(endpoint: &Endpoint) -> Response {
    let readiness = endpoint.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match serde_json::to_string_pretty(&readiness) {
        Ok(document) => answer(status, JSON, document + "\n"),
        Err(error) => {
            answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("could not write the document: {error}\n"))
        }
    }
}

fn metrics(shared: &Shared) -> Response {
    match shared.metrics.get() {
        Some(render) => answer(StatusCode::OK, METRICS, render()),
        None => answer(StatusCode::NOT_FOUND, TEXT, NO_METRICS.to_owned()),
    }
}

fn graph(shared: &Shared) -> Response {
    ([(CONTENT_SECURITY_POLICY, PAGE_MAY)], text(PAGE, &shared.graph)).into_response()
}

fn text(kind: &'static str, body: &str) -> Response {
    answer(StatusCode::OK, kind, body.to_owned())
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response {
    let headers: [(HeaderName, &str); 2] = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}
