//! What a running app tells of itself, as recorders see it.

// events, services and a recorder
mod support;
// what is counted and measured
mod metrics;
// what an exporter makes of it
mod prometheus;
