//! The story of each order, as the terminal tells it.
//!
//! The services know nothing of it. They log what they do through `tracing`, and so does the framework, which says of
//! every failed attempt what comes next; here these lines get an order, a time and a colour.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::events::euros;
use crate::orders::{Order, Origin, Status};
use crate::terminal::{Style, Terminal, say};

/// A layer of `tracing` that tells the story, and counts on the way.
#[derive(Clone, Debug)]
pub struct Story {
    terminal: Terminal,
    begin: Instant,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// The order of each event, by the event's id.
    orders: HashMap<String, String>,
    retries: HashMap<String, usize>,
    dead_letters: HashMap<String, usize>,
}

impl Story {
    pub fn new(terminal: Terminal) -> Self {
        Self { terminal, begin: Instant::now(), known: Arc::default() }
    }

    /// What it listens to: the shop's own log, and what the framework says to operators.
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> {
        let heard = Targets::new().with_target("shop", Level::DEBUG).with_target("eda_core", Level::INFO);
        self.clone().with_filter(heard)
    }

    /// A line that belongs to no order.
    pub fn remark(&self, text: &str) {
        say(&self.terminal.paint(Style::Dim, text));
    }

    /// How all of it came out.
    pub fn summary(&self, orders: &[Order]) {
        let (terminal, known) = (self.terminal, self.known());
        say(&terminal.paint(Style::Bold, "\nIn the end"));
        for Order { created, status, .. } in orders {
            let (style, end) = match status {
                Status::Placed | Status::Confirmed => (Style::Red, "has not come to its end".to_owned()),
                Status::Completed { parcel } => (Style::Green, format!("completed, parcel {parcel}")),
                Status::Cancelled { reason } => (Style::Red, format!("cancelled: {reason}")),
            };
            let order = terminal.paint(hue(&created.order_id), &format!("{:>11}", created.order_id));
            let (customer, item, price) = (&created.customer, &created.item, euros(created.amount));
            say(&format!("  {order}  {customer:<6} {item:<20} {price:>9}  {}", terminal.paint(style, &end)));
        }
        say(&terminal.paint(Style::Bold, &format!("\n{}", self.totals(orders, &known))));
    }

    fn totals(&self, orders: &[Order], known: &Known) -> String {
        let ended = |is_it: fn(&Status) -> bool| orders.iter().filter(|order| is_it(&order.status)).count();
        let told = |counts: &HashMap<String, usize>| -> usize {
            orders.iter().filter_map(|order| counts.get(&order.created.order_id)).sum()
        };
        let counts = [
            (orders.len(), "order", "orders"),
            (
                orders.iter().filter(|order| order.origin == Origin::OldShop).count(),
                "from the old shop",
                "from the old shop",
            ),
            (ended(|status| matches!(status, Status::Completed { .. })), "completed", "completed"),
            (ended(|status| matches!(status, Status::Cancelled { .. })), "cancelled", "cancelled"),
            // these two only where billing is in this process
            (told(&known.retries), "retry", "retries"),
            (told(&known.dead_letters), "dead letter", "dead letters"),
        ];
        let counts = counts.iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| {
            let word = if *count == 1 { one } else { many };
            format!("{count} {word}, ")
        });
        format!("{}{:.1} s", counts.collect::<String>(), self.begin.elapsed().as_secs_f64())
    }

    fn tell(&self, order: &str, service: &str, style: Style, text: &str) {
        let time = self.terminal.paint(Style::Dim, &format!("{:6.2} s", self.begin.elapsed().as_secs_f64()));
        let order = self.terminal.paint(hue(order), &format!("{order:>11}"));
        let text = self.terminal.paint(style, text);
        say(&format!("{time}  {order}  {service:<8}  {text}"));
    }

    /// A failed attempt, as the framework logs it.
    fn failed(&self, handler: &str, next: &str, fields: &Fields) {
        let mut known = self.known();
        let order = known.orders.get(fields.get("id")).cloned().unwrap_or_default();
        let (service, _) = handler.split_once('.').unwrap_or((handler, ""));
        let (attempt, error) = (fields.get("attempt"), fields.get("error"));
        if next == "dead letter" {
            self.tell(&order, service, Style::Red, &format!("dead letter: {error}"));
            *known.dead_letters.entry(order).or_default() += 1;
        } else {
            self.tell(&order, service, Style::Yellow, &format!("attempt {attempt} failed: {error}; {next}"));
            *known.retries.entry(order).or_default() += 1;
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Story {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let (source, level) = (event.metadata().target(), *event.metadata().level());
        if let Some(service) = source.strip_prefix("shop::") {
            let order = fields.get("order");
            if let Some(id) = fields.0.get("id") {
                self.known().orders.insert(id.clone(), order.to_owned());
            }
            if level <= Level::INFO {
                let text = fields.get("message");
                self.tell(order, service, if text == "completed" { Style::Green } else { Style::Plain }, text);
            }
        } else if let (Some(handler), Some(next)) = (fields.0.get("handler"), fields.0.get("next")) {
            self.failed(handler, next, &fields);
        } else if fields.get("message").starts_with("running on") {
            self.remark(fields.get("message"));
        }
    }
}

/// The fields of a log line as text.
#[derive(Default)]
struct Fields(HashMap<&'static str, String>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

/// Neighbouring orders look different.
fn hue(order: &str) -> Style {
    Style::Hue(order.bytes().map(usize::from).sum())
}
