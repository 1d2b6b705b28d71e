//! What a running app tells of itself, as subscribers, recorders and exporters see it.

// events, services and a recorder
mod support;
// what is counted and measured
mod metrics;
// what an exporter makes of it
mod prometheus;
// the spans and their fields
mod spans;
// traces over a broker
mod otel;
// the guide and the dashboard
mod documents;
// what the two ask Prometheus for
mod expressions;
