//! Processes that are ended, in the ways in which they end in production, and begun again.

use std::time::Duration;

use super::Run;
use super::inject::{ALARM, NO_ALARM};
use crate::books::HANDLERS;
use crate::fleet::SLOWED_DOWN;
use crate::ledger::now;
use crate::proxy::{Door, End};

/// The drain's own limit, and a second.
pub(super) const DRAIN: Duration = Duration::from_secs(31);
/// A second signal waits for no drain; what is left is a close, which has three seconds.
const AT_ONCE: Duration = Duration::from_secs(4);
/// A process has heard a signal after that, and has not finished what it has in hand.
const HEARD: Duration = Duration::from_millis(500);
/// So long after it should have ended a process is waited for, to know by how much it was late.
const GRACE: Duration = Duration::from_secs(20);

impl Run {
    /// Ends a process and begins it again.
    pub(super) async fn replace(&mut self, roles: &[&str], signals: &[&str]) -> Result<(), String> {
        let victim = self.one_of(roles);
        self.end(victim, signals).await
    }

    /// By one signal after the other, each when the one before has been heard.
    async fn end(&mut self, victim: usize, signals: &[&str]) -> Result<(), String> {
        let (last, before) = signals.split_last().ok_or("nothing ends without a signal")?;
        for signal in before {
            self.fleet.workers[victim].signal(signal)?;
            self.wait(HEARD).await?;
        }
        self.fleet.workers[victim].signal(last)?;
        let limit = if before.is_empty() { DRAIN } else { AT_ONCE };
        self.until_ended(victim, last, limit).await?;
        self.books.forget(self.fleet.workers[victim].name);
        self.fleet.start(victim)
    }

    /// With deliveries in hand that it can't settle any more.
    pub(super) async fn stop_while_away(&mut self) -> Result<(), String> {
        let victim = self.one_of(&HANDLERS);
        self.each_proxy(victim, |proxy| proxy.door(Door::Shut));
        self.each_proxy(victim, |proxy| proxy.end(End::Reset));
        self.wait(Duration::from_millis(500)).await?;
        let ended = self.end(victim, &["TERM"]).await;
        self.each_proxy(victim, |proxy| proxy.door(Door::Open));
        ended
    }

    pub(super) fn terminate(&mut self, worker: usize) {
        if let Err(error) = self.fleet.workers[worker].signal("TERM") {
            self.trouble(error);
        }
    }

    /// Until a process has ended, well if it may: it is late after `limit`, and killed some time after that.
    pub(super) async fn until_ended(&mut self, worker: usize, signal: &str, limit: Duration) -> Result<(), String> {
        let name = self.fleet.workers[worker].name;
        match self.fleet.workers[worker].ended(limit + GRACE).await? {
            Some((_, took)) if took > limit => {
                self.trouble(format!("{name} ended {took:.1?} after SIG{signal}, which may take {limit:?}"));
            }
            Some((status, _)) if signal != "TERM" || status.success() => {}
            Some((status, _)) => self.trouble(format!("{name} ended with {status} after SIGTERM")),
            None => self.trouble(format!("{name} did not end within {:?} after SIG{signal}", limit + GRACE)),
        }
        Ok(())
    }

    /// Consumers come to much work while the broker takes nothing, so that their retries, and what they return, wait for it.
    pub(super) async fn end_while_blocked(&mut self, roles: &[&str], signals: &[&str]) -> Result<(), String> {
        let consumers = self.fleet.of(&["book", "audit"]);
        consumers.iter().try_for_each(|consumer| self.fleet.workers[*consumer].signal("STOP"))?;
        self.wait(Duration::from_secs(2)).await?;
        self.ctl(&ALARM)?;
        consumers.iter().try_for_each(|consumer| self.fleet.workers[*consumer].signal("CONT"))?;
        self.wait(Duration::from_millis(700)).await?;
        for role in roles {
            self.replace(&[role], signals).await?;
        }
        self.ctl(&NO_ALARM)
    }

    /// What was handed out on the first channel has other tags on the second one. Handlers begin it on the first, are done
    /// when the second one is there, and end with the process before they have begun what has their tags now.
    pub(super) async fn ack_late(&mut self) -> Result<(), String> {
        let victim = self.one_of(&["audit"]);
        self.each_proxy(victim, |proxy| proxy.end(End::Reset));
        self.until_recovered(now(), self.options.patience).await?;
        self.wait(Duration::from_millis(200)).await?;
        self.fleet.slow_down(victim)?;
        self.wait(Duration::from_millis(1_500)).await?;
        self.each_proxy(victim, |proxy| proxy.end(End::Reset));
        self.wait(SLOWED_DOWN + SLOWED_DOWN / 4).await?;
        self.end(victim, &["KILL"]).await
    }

    pub(super) fn one_of(&mut self, roles: &[&str]) -> usize {
        let candidates = self.fleet.of(roles);
        candidates[self.chance.index(candidates.len())]
    }
}
