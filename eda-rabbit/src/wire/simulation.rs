//! A broker in memory that fails as the real one does, on a paused clock, with one seed that decides everything.
//!
//! A [`Simulation`] stands where a RabbitMQ node and the network before it stand. Frames travel both ways in order and
//! take their time; [`Fault`]s hit frames, connections, channels, queues and the whole broker. All that is in its hands
//! happens in [`drive`](Simulation::drive), which the test spawns beside the services.

mod agenda;
mod client;
mod connection;
mod death;
mod dispatch;
mod exchange;
mod fault;
mod frames;
mod inspect;
mod library;
mod publishing;
mod queue;
mod random;
mod requests;
mod trace;
mod world;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::sleep_until;

pub use self::fault::{Fault, Way};
pub use self::inspect::{Held, QueueView, Tally};
pub use self::random::Random;
pub use self::world::{Counting, Options};

pub(crate) use self::client::Simulated;
pub(crate) use self::random::jitter;
use self::world::World;

/// The broker, and the network before it. Cloning is cheap and shares it.
#[derive(Clone)]
pub struct Simulation {
    world: Arc<Mutex<World>>,
    wake: Arc<Notify>,
}

impl Simulation {
    /// A broker without anything declared. The jitter of this thread follows the seed from here on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(seed: u64, options: Options) -> Self {
        let mut random = Random::new(seed);
        random::seed_jitter(random.fork());
        let wake = Arc::new(Notify::new());
        let world = Arc::new(Mutex::new(World::new(random, options, Arc::clone(&wake))));
        Self { world, wake }
    }

    /// Lets everything happen in its time; it never ends.
    pub async fn drive(self) {
        loop {
            let next = self.world().run_due();
            match next {
                Some(next) => tokio::select! {
                    biased;
                    () = self.wake.notified() => {}
                    () = sleep_until(next) => {}
                },
                None => self.wake.notified().await,
            }
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
