//! The places where messages are parked, and a look through them.

use std::collections::BTreeSet;
use std::io::{Write, stderr};

use eda_core::transport::{Keep, Kept, Letter, Place};
use eda_core::{Broker, Error, ErrorKind};

use super::{FilterOptions, event};
use crate::keeper::{Seen, keeper, next};
use crate::names::unknown;
use crate::progress::Progress;
use crate::text::beside;
use crate::transports::shared;
use crate::{Stop, write};

/// Names of events are whatever others have sent.
const EVENTS: usize = 100;

/// What was seen of all, whether it matches or not.
pub(super) struct Looked {
    pub(super) found: u64,
    /// The names of the first [`EVENTS`] different ones.
    events: BTreeSet<String>,
    pub(super) seen: Seen,
}

/// The places that there are.
pub(super) struct Parked<'a> {
    keep: &'a dyn Keep,
    pub(super) places: Vec<Place>,
    /// But for those that somebody else has in hand.
    count: u64,
}

impl<'a> Parked<'a> {
    pub(super) async fn find(broker: &'a Broker) -> Result<Self, Error> {
        let keep = keeper(broker)?;
        let (mut places, mut count, mut others) = (Vec::new(), 0, 0);
        for place in [Place::Unrouted, Place::Orphaned] {
            let Some(mut kept) = keep.open(&place).await? else { continue };
            count += kept.count();
            others += kept.others();
            kept.close().await?;
            places.push(place);
        }
        if count == 0 && others == 0 {
            shared(broker)?;
        }
        if places.is_empty() {
            let text = "the broker has no `eda.unrouted` yet: run a service, or `topology apply`";
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        Ok(Self { keep, places, count })
    }

    pub(super) async fn open(&self, place: &Place) -> Result<Box<dyn Kept>, Error> {
        self.keep.open(place).await?.ok_or_else(|| Error::new(ErrorKind::NotFound, "the queue was deleted meanwhile"))
    }

    pub(super) async fn look(&self, filter: &FilterOptions, mut tell: impl FnMut(Letter)) -> Result<Looked, Error> {
        let progress = Progress::new("looking", self.count);
        let mut looked = Looked { found: 0, events: BTreeSet::new(), seen: Seen::default() };
        for place in &self.places {
            let mut kept = self.open(place).await?;
            let mut count = 0;
            let done = async {
                while let Some(letter) = next(&mut *kept).await? {
                    progress.step();
                    count += 1;
                    if looked.events.len() < EVENTS && !looked.events.contains(event(&letter)) {
                        looked.events.insert(event(&letter).to_owned());
                    }
                    if filter.matches(&letter) {
                        looked.found += 1;
                        tell(letter);
                    }
                }
                Ok::<_, Error>(())
            };
            let done = done.await;
            if looked.seen.add(&*kept, count, done.is_ok()) {
                // whoever closed the stream wants to hear nothing
                let _ = writeln!(
                    stderr(),
                    "note: somebody else looks through these: what is in hand there is not seen here"
                );
            }
            let closed = kept.close().await;
            done?;
            closed?;
        }
        Ok(looked)
    }
}

impl Looked {
    /// # Errors
    /// Where something was asked for, or somebody else may have what is not seen.
    pub(super) fn nothing(&self, filter: &FilterOptions, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
        if let Some(wanted) = &filter.event
            && (1..EVENTS).contains(&self.events.len())
            && !self.events.contains(wanted)
        {
            let known = self.events.iter().map(String::as_str);
            return Err(Stop::Found(vec![unknown("unrouted event", wanted, known).to_string()]));
        }
        if filter.is_narrow() {
            return Err(Stop::Found(vec![format!("nothing matches{}", beside(self.seen.of, "other message"))]));
        }
        if self.seen.others > 0 {
            return Err(Stop::Found(vec!["nothing is unrouted but what somebody else has in hand".to_owned()]));
        }
        if json { Ok(()) } else { write(out, "nothing is unrouted\n") }
    }
}
