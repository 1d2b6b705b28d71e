//! A function from an event to an outcome, as the runtime sees it.

mod incoming;
mod meta;
mod slot;
mod def;

use std::future::Future;

use crate::extract::Extractor;
use crate::outcome::Outcome;

pub use self::def::HandlerDef;
pub(crate) use self::def::Read;
pub use self::incoming::{AnyEvent, Incoming, Interest};
pub use self::meta::HandlerMeta;
pub(crate) use self::slot::{Kept, Slot};

/// What stands beside a function under `#[handler]`; by hand it is:
///
/// ```
/// use eda_core::{AnyEvent, Handler, HandlerMeta, Meta};
///
/// async fn audit(event: AnyEvent, meta: Meta) {
///     println!("{} {}", meta.id, event.name());
/// }
///
/// struct Audit;
///
/// impl Handler for Audit {
///     type Event = AnyEvent;
///     type Extract = (Meta,);
///     type Output = ();
///     const META: HandlerMeta = HandlerMeta::new("audit").pattern("order.#");
///
///     async fn call(event: AnyEvent, (meta,): (Meta,)) {
///         audit(event, meta).await;
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "write `#[handler]` on an `async fn`, and its name here"
)]
pub trait Handler: 'static {
    /// What it takes first: an event, or [`AnyEvent`].
    type Event: Incoming;
    /// What it takes beside the event, as a tuple. A service whose state has all of it can subscribe the handler.
    type Extract: Extractor;
    /// What it gives back.
    type Output: Outcome;
    /// Its name and options.
    const META: HandlerMeta;

    /// Calls the function.
    fn call(event: Self::Event, extract: Self::Extract) -> impl Future<Output = Self::Output> + Send;
}
