//! What the tool leaves in the log: alone in its process, since the subscriber is for all of it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use eda_core::transport::memory::Memory;
use eda_core::{AnyEvent, App, Broker, Failure, HandlerDef, Message, Service};
use tracing_subscriber::fmt;

#[tokio::test]
async fn each_letter_that_is_discarded_is_a_line() {
    let log = Log::default();
    let writer = log.clone();
    fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    let memory = Memory::new();
    let broker = Broker::new(memory.clone()).await.expect("memory is always there");
    let app = || {
        let fail = |_: AnyEvent| async { Err::<(), _>(Failure::permanent("declined")) };
        App::from(Service::new("billing").register(HandlerDef::from_fn("charge", fail)))
    };
    let running = app().start(&broker).await.expect("it starts");
    let publisher = broker.transport().publisher().await.expect("it publishes");
    for key in ["order.created", "order.paid"] {
        let receipt = publisher.send(Message::new(key, "{}")).await.expect("there is room");
        receipt.confirmed().await.expect("memory takes it");
    }
    memory.until_idle().await;
    running.shutdown().await.expect("it ends");
    let arguments = ["billing", "dead", "discard", "--yes", "--broker", "memory://"].map(Into::into);
    let mut out = Vec::new();
    eda_tool::execute(app(), arguments, |_| Broker::new(memory.clone()), &mut out).await.expect("they are there");
    assert_eq!(String::from_utf8_lossy(&out), "discarded 2 dead letters\n");
    let log = log.text();
    for key in ["order.created", "order.paid"] {
        let (line, end) = (format!("discarding letter=\"{key} "), "of billing.charge, permanent\"");
        assert!(log.lines().any(|told| told.contains(&line) && told.ends_with(end)), "{key}: {log}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panics while holding it")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics while holding it").extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
