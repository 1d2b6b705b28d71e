//! The brokers of a run. Everything here waits in place: call it where blocking is fine.

use std::path::Path;

use rabbit_node::{Node, Options};

/// Dead letters that can't be routed are tried again after 3 s instead of 3 minutes, so that a run need not wait for them.
const ADVANCED: &str = "[{rabbit,[{dead_letter_worker_publisher_confirm_timeout,3000}]}].";
/// As RabbitMQ's guide to clustering asks for with three nodes: without it, a partition ends in two brokers.
const CONFIG: &str = "cluster_partition_handling = pause_minority";

/// One node, or three that form a cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    nodes: Vec<Node>,
    is_up: Vec<bool>,
    vhost: String,
    version: String,
}

/// A queue, as the broker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    pub name: String,
    pub ready: u64,
    pub unacked: u64,
}

impl Cluster {
    /// Starts the nodes, with a virtual host of this run.
    pub(crate) fn start(count: usize, vhost: &str, bin: Option<&Path>) -> Result<Self, String> {
        let options = || Options { config: CONFIG.into(), advanced: ADVANCED.into(), bin: bin.map(Path::to_owned) };
        let mut nodes = vec![Node::start(options())?];
        while nodes.len() < count {
            let node = nodes[0].start_beside(options())?;
            node.ctl(&["stop_app"])?;
            node.ctl(&["reset"])?;
            node.ctl(&["join_cluster", nodes[0].name()])?;
            node.ctl(&["start_app"])?;
            nodes.push(node);
        }
        let version = nodes[0].ctl(&["version"])?.trim().to_owned();
        let mut cluster = Self { is_up: vec![true; count], nodes, vhost: String::new(), version };
        cluster.renew(vhost)?;
        Ok(cluster)
    }

    /// Goes on in another virtual host; the one before is deleted.
    pub(crate) fn renew(&mut self, vhost: &str) -> Result<(), String> {
        const DELETE: &str = "begin ok = rabbit_vhost:delete(VHost, <<>>), [] end";
        const ADD: &str = r#"begin
            ok = rabbit_vhost:add(VHost, <<>>),
            All = <<".*">>,
            ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, VHost, All, All, All, <<>>),
            []
        end"#;
        if !self.vhost.is_empty() {
            self.rows(DELETE)?;
        }
        vhost.clone_into(&mut self.vhost);
        self.rows(ADD).map(drop)
    }

    pub(crate) fn vhost(&self) -> &str {
        &self.vhost
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The first node's, for an operator.
    pub(crate) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{}", self.nodes[0].port(), self.vhost)
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(Node::port).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn name(&self, node: usize) -> &str {
        self.nodes[node].name()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, node: usize) -> Result<(), String> {
        self.is_up[node] = false;
        self.nodes[node].kill()
    }

    /// SIGTERM, and its end.
    pub(crate) fn stop(&mut self, node: usize) -> Result<(), String> {
        self.is_up[node] = false;
        self.nodes[node].stop()
    }

    /// Until it answers.
    pub(crate) fn start_again(&mut self, node: usize) -> Result<(), String> {
        self.start_all_again(&[node])
    }

    /// All at once, since members of a cluster wait for each other.
    pub(crate) fn start_all_again(&mut self, down: &[usize]) -> Result<(), String> {
        let started = std::thread::scope(|scope| {
            let nodes = self.nodes.iter_mut().enumerate().filter(|(number, _)| down.contains(number));
            let starts: Vec<_> = nodes.map(|(_, node)| scope.spawn(|| node.start_again())).collect();
            let join =
                |start: std::thread::ScopedJoinHandle<_>| start.join().map_err(|_| "a start panicked".to_owned())?;
            starts.into_iter().map(join).collect::<Result<Vec<()>, String>>()
        });
        started?;
        for node in down {
            self.is_up[*node] = true;
        }
        Ok(())
    }

    pub(crate) fn pause(&self, node: usize) -> Result<(), String> {
        self.nodes[node].pause()
    }

    pub(crate) fn resume(&self, node: usize) -> Result<(), String> {
        self.nodes[node].resume()
    }

    /// RabbitMQ 3.10 notes its quorum queues on disk every three minutes, and when it stops: one that was declared since is
    /// empty after a SIGKILL. What is to be tested is the death of a broker that knows its queues.
    pub(crate) fn settle_down(&mut self) -> Result<(), String> {
        for node in 0..self.len() {
            self.stop(node)?;
            self.start_again(node)?;
        }
        Ok(())
    }

    /// `rabbitmqctl` at a node that is up.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> Result<String, String> {
        let up = self.is_up.iter().position(|is_up| *is_up).ok_or("every node is down")?;
        self.nodes[up].ctl(arguments)
    }

    /// `rabbitmqctl` at this node.
    pub(crate) fn ctl_at(&self, node: usize, arguments: &[&str]) -> Result<String, String> {
        self.nodes[node].ctl(arguments)
    }

    /// Every queue of this run.
    pub(crate) fn queues(&self) -> Result<Vec<Queue>, String> {
        const QUEUES: &str = r#"begin
            [] = rabbit_amqqueue:list_down(VHost),
            Items = [messages_ready, messages_unacknowledged],
            [begin
                [Ready, Unacked] = [proplists:get_value(Item, rabbit_amqqueue:info(Q, Items)) || Item <- Items],
                [element(4, amqqueue:get_name(Q)), io_lib:format("\t~p\t~p\n", [Ready, Unacked])]
            end || Q <- rabbit_amqqueue:list(VHost)]
        end"#;
        let queue = |row: &Vec<String>| {
            let [name, ready, unacked] = row.as_slice() else { return None };
            Some(Queue { name: name.clone(), ready: ready.parse().ok()?, unacked: unacked.parse().ok()? })
        };
        let rows = self.rows(QUEUES)?;
        rows.iter().map(|row| queue(row).ok_or_else(|| format!("the broker can't count a queue: {row:?}"))).collect()
    }

    /// The queue and the prefetch of every consumer of this run.
    pub(crate) fn consumers(&self) -> Result<Vec<(String, u64)>, String> {
        const CONSUMERS: &str = r"[
            [element(4, proplists:get_value(queue_name, Consumer)), $\t,
             integer_to_list(proplists:get_value(prefetch_count, Consumer)), $\n]
            || Consumer <- rabbit_amqqueue:consumers_all(VHost)]";
        let rows = self.rows(CONSUMERS)?;
        Ok(rows.into_iter().filter_map(|row| Some((row.first()?.clone(), row.get(1)?.parse().ok()?))).collect())
    }

    /// How many connections and channels there are, by what each node has written down: to ask each of them would wait for
    /// those that can't answer.
    pub(crate) fn connections(&self) -> Result<(usize, usize), String> {
        const COUNTS: &str = r"[
            [integer_to_list(length([Pid || Node <- [node() | nodes()],
                {Pid, Its} <- rpc:call(Node, ets, tab2list, [Table]),
                proplists:get_value(vhost, Its) =:= VHost])), $\t]
            || Table <- [connection_created, channel_created]]";
        let rows = self.rows(COUNTS)?;
        let number = |index: usize| rows.first()?.get(index)?.parse().ok();
        number(0).zip(number(1)).ok_or_else(|| format!("the broker can't count connections: {rows:?}"))
    }

    /// What an expression gives that knows the virtual host: lines of cells.
    fn rows(&self, expression: &str) -> Result<Vec<Vec<String>>, String> {
        let up = self.nodes.iter().zip(&self.is_up).find(|(_, is_up)| **is_up).ok_or("every node is down")?.0;
        let text = up.eval(&format!("(fun(VHost) -> {expression} end)(<<\"{}\">>)", self.vhost))?;
        Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }
}
