//! W3C trace context in the headers of messages: how a trace goes on over a broker.
//!
//! The headers are `traceparent` and `tracestate`, as every OpenTelemetry library of other languages reads them, too. On the way
//! in, the attributes of the CloudEvents extension for distributed tracing are understood where these headers are missing.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::Traces;
use crate::envelope;
use crate::message::{Headers, Message};

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// Writes the trace that goes on into a message. One that is there already is somebody's own, and stays.
pub(super) fn inject(span: &Span, headers: &mut Headers) {
    // without a span of its own, a publish belongs to the one around it
    let context = if span.is_disabled() { Span::current().context() } else { span.context() };
    let context = context.span().span_context().clone();
    if !context.is_valid() || headers.get(PARENT).is_some() {
        return;
    }
    let flags = context.trace_flags() & TraceFlags::SAMPLED;
    let (trace, span) = (context.trace_id(), context.span_id());
    headers.insert(PARENT, format!("00-{trace}-{span}-{:02x}", flags.to_u8()));
    let state = context.trace_state().header();
    if !state.is_empty() {
        headers.insert(STATE, state);
    }
}

/// Relates an attempt to the publish that it came from: with a link out of a trace of its own, or as a part of that trace.
pub(super) fn relate(span: &Span, message: &Message, traces: Traces) {
    if span.is_disabled() {
        return;
    }
    let Some(published) = extract(&message.headers) else { return };
    match traces {
        Traces::Linked => span.add_link(published),
        Traces::One => {
            // it says no where nobody makes traces of spans: then there is nothing to go on
            let _ = span.set_parent(Context::new().with_remote_span_context(published));
        }
    }
}

fn extract(headers: &Headers) -> Option<SpanContext> {
    let text = |name| headers.text(name).or_else(|| envelope::extension(headers, name));
    let state = || text(STATE).and_then(|state| state.parse().ok()).unwrap_or_default();
    parse(text(PARENT)?, state)
}

/// Version 00 has four parts; later ones begin with the same four.
fn parse(parent: &str, state: impl FnOnce() -> TraceState) -> Option<SpanContext> {
    let mut parts = parent.split('-');
    let mut hex = |length| {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        parts.next().filter(|part| part.len() == length && part.bytes().all(is_hex))
    };
    let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    Some(SpanContext::new(trace, span, flags, true, state())).filter(SpanContext::is_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_context_survives() {
        let context = parse(GOOD, TraceState::default).expect("it is well formed");
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert!(parse(&format!("01{}-more", &GOOD[2..]), TraceState::default).is_some(), "a later version");
    }

    #[test]
    fn what_is_none_is_left_out() {
        for text in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c8031-b7ad6b7169203331-01",
            "00-ééééééééééééééee-b7ad6b7169203331-01",
        ] {
            assert_eq!(parse(text, TraceState::default), None, "{text}");
        }
    }
}
