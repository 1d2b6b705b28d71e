//! The table of subscriptions that is printed at the start.

use std::fmt::Write;

use crate::app::QueuePlan;

/// One line for each queue, in columns; nothing for a service that only publishes.
pub(super) fn table(queues: &[QueuePlan]) -> String {
    if queues.is_empty() {
        return String::new();
    }
    let mut rows = vec![["queue", "handler", "takes", "retries", "backoff", "concurrency"].map(str::to_owned)];
    for QueuePlan { subscription, handlers, .. } in queues {
        let policy = &subscription.policy;
        let (first, last) = policy.backoff.bounds();
        for handler in handlers {
            rows.push([
                subscription.queue.clone(),
                handler.meta.name.to_owned(),
                handler.interest.name.or(handler.meta.pattern).unwrap_or(handler.interest.binding).to_owned(),
                policy.retries.to_string(),
                format!("{}..{}", humantime::format_duration(first), humantime::format_duration(last)),
                policy.concurrency.to_string(),
            ]);
        }
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let mut table = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            // writing into a `String` does not fail
            let _ = write!(line, "  {cell:width$}");
        }
        table.push('\n');
        table.push_str(line.trim_end());
    }
    table
}
