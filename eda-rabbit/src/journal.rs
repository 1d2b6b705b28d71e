//! The way into the journal: a publisher of its own, so that what befalls its channel never befalls events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::Append;
use eda_core::{Error, ErrorKind, Result};
use tokio::time::{Instant, timeout};

use crate::connection::Connection;
use crate::convert::journal_lines;
use crate::publisher::{DEADLINE, Publisher};
use crate::topology::Plan;

/// How long declaring may take.
const DECLARE: Duration = Duration::from_secs(10);

pub(crate) struct JournalQueue {
    connection: Connection,
    publisher: Publisher,
    /// Whether the queue was there when it was needed last.
    is_declared: AtomicBool,
}

impl JournalQueue {
    pub(crate) fn new(publishing: &Connection) -> Self {
        let publisher = Publisher::start(publishing.clone());
        Self { connection: publishing.clone(), publisher, is_declared: AtomicBool::new(false) }
    }

    async fn declare(&self) -> Result {
        let link = self.connection.link().await?;
        let declare = async {
            self.connection.unblocked().await;
            let channel = link.channel().await?;
            Plan::journal().declare(&*channel).await?;
            channel.close().await
        };
        tokio::select! {
            declared = declare => declared,
            () = self.connection.lost(&link) => Err(Error::new(ErrorKind::Unavailable, "the connection was lost")),
        }
    }
}

#[async_trait]
impl Append for JournalQueue {
    async fn append(&self, lines: &[u8]) -> Result<()> {
        if !self.is_declared.load(Ordering::Relaxed) {
            let late = |_| Err(Error::new(ErrorKind::Unavailable, "the broker did not declare the journal within 10s"));
            timeout(DECLARE, self.declare()).await.unwrap_or_else(late)?;
        }
        let taken = self.publisher.publish(Arc::new(journal_lines(lines)), Instant::now() + DEADLINE).await;
        // whoever has deleted the queue did not delete the service's rights
        self.is_declared.store(taken.is_ok(), Ordering::Relaxed);
        taken
    }
}
