//! How each kind of fault is done, and undone.

use std::time::{Duration, Instant};

use super::screen::Screen;
use super::{PUBLISHERS, Run, parked};
use crate::books::HANDLERS;
use crate::fault::Fault;
use crate::ledger::{Millis, now};
use crate::proxy::{Door, End, Way};

pub(super) const ALARM: [&str; 2] = ["set_vm_memory_high_watermark", "0.000001"];
pub(super) const NO_ALARM: [&str; 2] = ["set_vm_memory_high_watermark", "0.4"];

/// How long a consumer may take whom the broker does not tell that its queue was deleted, as 3.10 may after a change of the leader:
/// it asks after 20 s in which nothing came.
const UNTOLD: Duration = Duration::from_secs(25);

impl Run {
    /// Does it, and gives the time from which on progress is expected again.
    pub(super) async fn inject(&mut self, fault: Fault) -> Result<Millis, String> {
        let victim = self.chance.index(self.fleet.workers.len());
        let node = self.chance.index(self.cluster.len());
        match fault {
            Fault::Reset => self.each_proxy(victim, |proxy| proxy.end(End::Reset)),
            Fault::HalfClose => self.each_proxy(victim, |proxy| proxy.end(End::HalfClose)),
            Fault::BlackHole => self.each_proxy(victim, |proxy| proxy.on_these(Way::Hole, Way::Hole)),
            Fault::Deaf => self.each_proxy(victim, |proxy| proxy.on_these(Way::Pass, Way::Hole)),
            Fault::Mute => self.each_proxy(victim, |proxy| proxy.on_these(Way::Hole, Way::Pass)),
            Fault::CutAfter => {
                let bytes = usize::try_from(self.chance.below(40_000)).unwrap_or_default();
                self.each_proxy(victim, |proxy| proxy.on_these(Way::CutAfter(bytes), Way::CutAfter(bytes)));
            }
            Fault::Slow => self.travel(victim, Way::Slow, 8).await?,
            Fault::Sliced => self.travel(victim, Way::Sliced, 5).await?,
            Fault::LateConfirms => self.confirm_late().await?,
            Fault::Refused => self.at_the_door(victim, Door::Shut).await?,
            Fault::SilentDoor => self.at_the_door(victim, Door::Silent).await?,
            Fault::GarbageDoor => self.at_the_door(victim, Door::Garbage).await?,
            Fault::Flap => {
                for _ in 0..4 {
                    self.each_proxy(victim, |proxy| proxy.end(End::Reset));
                    self.wait(Duration::from_secs(2)).await?;
                }
                self.each_proxy(victim, |proxy| proxy.end(End::Reset));
            }
            Fault::LongFlap => self.flap_for_long().await?,
            Fault::Stutter => self.stutter().await?,
            Fault::Kill => {
                self.blocking(|run| run.cluster.kill(node))?;
                let away = 1_000 + self.chance.below(3_000);
                self.wait(Duration::from_millis(away)).await?;
                self.blocking(|run| run.cluster.start_again(node))?;
            }
            Fault::Stop => {
                self.blocking(|run| run.cluster.stop(node))?;
                self.blocking(|run| run.cluster.start_again(node))?;
            }
            Fault::Freeze => {
                self.cluster.pause(node)?;
                self.wait(Duration::from_secs(8)).await?;
                self.cluster.resume(node)?;
            }
            Fault::LongFreeze => {
                self.cluster.pause(node)?;
                self.wait(Duration::from_secs(60)).await?;
                self.cluster.resume(node)?;
            }
            Fault::CloseConnections => self.close_connections()?,
            Fault::ConnectionLimit => self.limit_connections().await?,
            Fault::MemoryAlarm => {
                self.ctl(&ALARM)?;
                self.wait(Duration::from_secs(4)).await?;
                self.ctl(&NO_ALARM)?;
            }
            Fault::KilledWhileBlocked => self.end_while_blocked(&["book", "audit"], &["KILL"]).await?,
            Fault::StoppedWhileBlocked => self.end_while_blocked(&["audit"], &["TERM"]).await?,
            Fault::StoppedTwice => self.end_while_blocked(&["audit"], &["TERM", "TERM"]).await?,
            Fault::StoppedWhileAway => self.stop_while_away().await?,
            Fault::DiskAlarm => {
                self.ctl(&["set_disk_free_limit", "10000GB"])?;
                self.wait(Duration::from_secs(4)).await?;
                self.ctl(&["set_disk_free_limit", "50MB"])?;
            }
            Fault::PermissionRevoked => self.revoke().await?,
            Fault::QueueFull => self.fill_queue().await?,
            Fault::QueueDeleted => return self.delete_queue().await,
            Fault::RetryGone => self.delete_retry_exchange().await?,
            Fault::ConsumerKill => self.replace(&HANDLERS, &["KILL"]).await?,
            Fault::ConsumerStop => self.replace(&HANDLERS, &["TERM"]).await?,
            Fault::PublisherKill => self.replace(&PUBLISHERS, &["KILL"]).await?,
            Fault::ConsumerFreeze => {
                let victim = self.one_of(&HANDLERS);
                self.fleet.workers[victim].signal("STOP")?;
                self.wait(Duration::from_secs(8)).await?;
                self.fleet.workers[victim].signal("CONT")?;
            }
            Fault::LateAcks => self.ack_late().await?,
            Fault::LeaderKill => {
                let leader = self.leader()?;
                self.blocking(|run| run.cluster.kill(leader))?;
                // the others are to go on without it
                let since = now();
                self.wait_for_all(since);
                self.wait(Duration::from_secs(4)).await?;
                self.blocking(|run| run.cluster.start_again(leader))?;
                return Ok(since);
            }
            Fault::TwoDown => self.down(&[node, (node + 1) % 3], 5).await?,
            Fault::AllDown => self.down(&[0, 1, 2], 60).await?,
            Fault::Partition => self.part(node).await?,
        }
        Ok(now())
    }

    pub(super) fn each_proxy(&self, worker: usize, act: impl Fn(&crate::proxy::Proxy)) {
        self.fleet.workers[worker].proxies.iter().for_each(act);
    }

    async fn travel(&mut self, victim: usize, way: Way, seconds: u64) -> Result<(), String> {
        self.each_proxy(victim, |proxy| proxy.on_all(way, way));
        self.wait(Duration::from_secs(seconds)).await?;
        self.each_proxy(victim, |proxy| proxy.on_all(Way::Pass, Way::Pass));
        Ok(())
    }

    /// Who reads along must have seen a connection from its beginning, so there are new ones.
    async fn confirm_late(&mut self) -> Result<(), String> {
        let publishers = self.fleet.of(&PUBLISHERS);
        for publisher in &publishers {
            self.each_proxy(*publisher, |proxy| proxy.on_the_next(Way::Pass, Way::Gathered));
            self.each_proxy(*publisher, |proxy| proxy.end(End::Reset));
        }
        self.wait(Duration::from_secs(5)).await?;
        for publisher in publishers {
            self.each_proxy(publisher, |proxy| proxy.on_all(Way::Pass, Way::Pass));
        }
        Ok(())
    }

    async fn at_the_door(&mut self, victim: usize, door: Door) -> Result<(), String> {
        self.each_proxy(victim, |proxy| proxy.door(door));
        self.each_proxy(victim, |proxy| proxy.end(End::Reset));
        self.wait(Duration::from_secs(5)).await?;
        self.each_proxy(victim, |proxy| proxy.door(Door::Open));
        Ok(())
    }

    /// Long enough for what each reset would leave behind to show.
    async fn flap_for_long(&mut self) -> Result<(), String> {
        const APART: Duration = Duration::from_secs(3);
        for number in 1..=40 {
            (0..self.fleet.workers.len()).for_each(|worker| self.each_proxy(worker, |proxy| proxy.end(End::Reset)));
            let (began, since) = (Instant::now(), now());
            if self.until_recovered(since, APART).await?.is_none() {
                let who = &self.waiting.workers;
                self.trouble(format!("long-flap: {who:?} made no progress between resets {number} and {}", number + 1));
            }
            self.wait(APART.saturating_sub(began.elapsed())).await?;
        }
        Ok(())
    }

    async fn stutter(&mut self) -> Result<(), String> {
        let all = 0..self.fleet.workers.len();
        for worker in all.clone() {
            self.each_proxy(worker, |proxy| proxy.door(Door::Shut));
            self.each_proxy(worker, |proxy| proxy.end(End::Reset));
        }
        self.wait(Duration::from_secs(3)).await?;
        all.clone().for_each(|worker| self.each_proxy(worker, |proxy| proxy.door(Door::Open)));
        for _ in 0..5 {
            self.wait(Duration::from_millis(300)).await?;
            all.clone().for_each(|worker| self.each_proxy(worker, |proxy| proxy.end(End::Reset)));
        }
        Ok(())
    }

    async fn revoke(&mut self) -> Result<(), String> {
        let vhost = self.cluster.vhost().to_owned();
        self.ctl(&["set_permissions", "--vhost", &vhost, "guest", ".*", "^$", ".*"])?;
        self.wait(Duration::from_secs(4)).await?;
        self.ctl(&["set_permissions", "--vhost", &vhost, "guest", ".*", ".*", ".*"])
    }

    async fn limit_connections(&mut self) -> Result<(), String> {
        let vhost = self.cluster.vhost().to_owned();
        self.ctl(&["set_vhost_limits", "--vhost", &vhost, r#"{"max-connections": 0}"#])?;
        self.close_connections()?;
        self.wait(Duration::from_secs(4)).await?;
        self.ctl(&["clear_vhost_limits", "--vhost", &vhost])
    }

    /// A queue refuses what is published to it while its consumers have their hands full. They go on before the limit ends:
    /// RabbitMQ tells publishers that there is room again when messages are taken out, and not when a limit is lifted.
    async fn fill_queue(&mut self) -> Result<(), String> {
        let vhost = self.cluster.vhost().to_owned();
        let policy = ["--apply-to", "queues", "full", r"^book\.note$", r#"{"max-length": 200}"#];
        self.ctl(&[&["set_policy", "--vhost", &vhost], &policy[..]].concat())?;
        let consumers = self.fleet.of(&["book"]);
        consumers.iter().try_for_each(|consumer| self.fleet.workers[*consumer].signal("STOP"))?;
        self.wait(Duration::from_secs(5)).await?;
        consumers.iter().try_for_each(|consumer| self.fleet.workers[*consumer].signal("CONT"))?;
        self.wait(Duration::from_secs(1)).await?;
        self.ctl(&["clear_policy", "--vhost", &vhost, "full"])
    }

    /// What is in a queue goes with it, so it is empty, and nobody publishes meanwhile.
    async fn delete_queue(&mut self) -> Result<Millis, String> {
        let publishers = self.fleet.of(&PUBLISHERS);
        for publisher in &publishers {
            self.fleet.workers[*publisher].signal("STOP")?;
        }
        let vhost = self.cluster.vhost().to_owned();
        let deleted = match self.until_empty(1, self.options.patience).await {
            Ok(()) => self.ctl(&["delete_queue", "--vhost", &vhost, "book.note"]),
            Err(error) => Err(error),
        };
        let since = now();
        let is_back = self.until_consumed(since, UNTOLD).await;
        for publisher in &publishers {
            self.fleet.workers[*publisher].signal("CONT")?;
        }
        deleted?;
        if let Err(error) = is_back {
            self.trouble(format!("queue-deleted: {error}"));
        }
        Ok(now())
    }

    /// Retries that fall due meanwhile have nowhere to go, and must wait.
    async fn delete_retry_exchange(&mut self) -> Result<(), String> {
        let vhost = self.cluster.vhost().to_owned();
        let delete = format!(
            "rabbit_exchange:delete(rabbit_misc:r(<<\"{vhost}\">>, exchange, <<\"eda.retry\">>), false, <<\"chaos\">>)."
        );
        self.ctl(&["eval", &delete])?;
        self.wait(Duration::from_secs(4)).await?;
        // with their next connection the services declare it again
        self.close_connections()
    }

    /// What an operator does then: some retries may wait in `eda.retry.orphaned`, since another service made the exchange again
    /// before theirs had bound its queue.
    pub(super) async fn return_orphans(&mut self) {
        self.check_consumers(Fault::RetryGone.name(), Duration::from_secs(15)).await;
        match parked::give_back(&self.cluster.url()).await {
            Ok(0) => {}
            Ok(count) => {
                self.books.given_back += count;
                Screen::say(&format!("retry-gone: {count} retries were given back from eda.retry.orphaned"));
            }
            Err(error) => self.trouble(error),
        }
    }

    fn leader(&self) -> Result<usize, String> {
        let vhost = self.cluster.vhost();
        let printed = self.cluster.ctl(&["list_queues", "--vhost", vhost, "--no-table-headers", "name", "leader"])?;
        let leader = printed.lines().find_map(|line| line.strip_prefix("book.note\t")).unwrap_or_default().trim();
        let found = (0..self.cluster.len()).find(|node| self.cluster.name(*node) == leader);
        found.ok_or_else(|| format!("no node leads the queue: {printed}"))
    }

    async fn down(&mut self, nodes: &[usize], seconds: u64) -> Result<(), String> {
        for node in nodes {
            self.blocking(|run| run.cluster.kill(*node))?;
        }
        self.wait(Duration::from_secs(seconds)).await?;
        self.blocking(|run| run.cluster.start_all_again(nodes))
    }

    /// Nodes that give each other another cookie don't talk.
    async fn part(&mut self, node: usize) -> Result<(), String> {
        let lonely = self.cluster.name(node).to_owned();
        let others: Vec<usize> = (0..self.cluster.len()).filter(|other| *other != node).collect();
        let cookie = self.cluster.ctl_at(node, &["eval", "erlang:get_cookie()."])?.trim().to_owned();
        for other in &others {
            let part = format!("erlang:set_cookie('{lonely}', parted), erlang:disconnect_node('{lonely}').");
            let other = *other;
            self.blocking(|run| run.cluster.ctl_at(other, &["eval", &part]))?;
        }
        self.wait(Duration::from_secs(10)).await?;
        for other in others {
            let join = format!("erlang:set_cookie('{lonely}', {cookie}), net_kernel:connect_node('{lonely}').");
            self.blocking(|run| run.cluster.ctl_at(other, &["eval", &join]))?;
        }
        Ok(())
    }

    /// Of all nodes; without the virtual host it would be those of another one.
    fn close_connections(&mut self) -> Result<(), String> {
        let vhost = self.cluster.vhost().to_owned();
        self.ctl(&["close_all_connections", "--vhost", &vhost, "chaos"])
    }

    pub(super) fn ctl(&mut self, arguments: &[&str]) -> Result<(), String> {
        self.blocking(|run| run.cluster.ctl(arguments)).map(drop)
    }
}
