//! A node and what can be done to it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::eval;
use crate::guard::Guard;
use crate::place::Place;
use crate::ready::{tail, until_answers, until_ended};
use crate::script;
use crate::stale;
use crate::tools::Tools;

const START_LIMIT: Duration = Duration::from_secs(180);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const CLEAN_UP: &str = r#"
for file in "$1"/group.*; do kill -s KILL -- "-$(cat "$file")"; done
[ ! -s "$1/pid" ] || kill -s KILL "$(cat "$1/pid")"
for again in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1"; [ -e "$1" ] || break; sleep 0.1; done"#;

/// What a node is started with, beyond the defaults.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Lines for `rabbitmq.conf`, such as `consumer_timeout = 5000`.
    pub config: String,
    /// The whole `advanced.config`, such as `[{rabbit,[{channel_tick_interval,1000}]}].`; may be empty.
    pub advanced: String,
    /// The folder of its programs; without it, [`Tools::find`] looks for them.
    pub bin: Option<PathBuf>,
}

/// A RabbitMQ node of one's own. Dropped, it is killed, and its data is gone.
#[derive(Debug)]
pub struct Node {
    server: Option<Child>,
    epmd: Option<Child>,
    place: Place,
    tools: Tools,
    guard: Option<Guard>,
}

impl Node {
    /// Starts a node and waits until it answers: 4–6 s.
    pub fn start(options: Options) -> Result<Self, String> {
        Self::start_in(options, None)
    }

    /// Starts another node that shares cookie and epmd with this one, so that it can `join_cluster`. Must be dropped first.
    pub fn start_beside(&self, options: Options) -> Result<Self, String> {
        Self::start_in(options, Some(self))
    }

    /// `amqp://guest:guest@127.0.0.1:PORT/%2f`; stays the same over [`start_again`](Self::start_again).
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.place.ports.amqp())
    }

    /// The port of AMQP.
    pub fn port(&self) -> u16 {
        self.place.ports.amqp()
    }

    /// The Erlang name, as `join_cluster` takes it.
    pub fn name(&self) -> &str {
        &self.place.name
    }

    /// Runs `rabbitmqctl` against this node and gives what it printed: 1–2 s.
    pub fn ctl(&self, arguments: &[&str]) -> Result<String, String> {
        script::printed(self.place.command(&self.tools.ctl).arg("--quiet"), arguments)
    }

    /// Has this node evaluate an Erlang expression that gives text (`chardata`): some milliseconds, where Erlang's `erl_call` is
    /// on `PATH`.
    pub fn eval(&self, expression: &str) -> Result<String, String> {
        eval::text(&self.place, &self.tools, expression)
    }

    /// Crashes the node: SIGKILL, nothing is saved.
    pub fn kill(&mut self) -> Result<(), String> {
        self.signal("KILL")?;
        self.ended()
    }

    /// Stops the node in good order; its data stays.
    pub fn stop(&mut self) -> Result<(), String> {
        self.signal("TERM")?;
        self.ended()
    }

    /// Starts the node after [`kill`](Self::kill) or [`stop`](Self::stop), on the same port, with the same data.
    pub fn start_again(&mut self) -> Result<(), String> {
        if self.server.is_some() {
            return Err("the node is running: kill or stop it first".into());
        }
        self.launch()
    }

    /// Freezes the node: SIGSTOP. Its connections stay open and silent.
    pub fn pause(&self) -> Result<(), String> {
        self.signal("STOP")
    }

    /// Lets a frozen node go on: SIGCONT.
    pub fn resume(&self) -> Result<(), String> {
        self.signal("CONT")
    }

    fn start_in(options: Options, other: Option<&Self>) -> Result<Self, String> {
        let tools = options.bin.as_deref().map_or_else(Tools::find, Tools::of)?;
        stale::remove(&std::env::temp_dir());
        let place = Place::new(options, other.map(|other| &other.place))?;
        let folder = place.folder.to_str().ok_or("the folder for temporary files has a name that is not UTF-8")?;
        let guard = Some(Guard::new(CLEAN_UP, &[folder])?);
        script::write(&place, &tools.ctl).map_err(|error| format!("writing {folder}/ctl: {error}"))?;
        let mut node = Self { server: None, epmd: None, place, tools, guard };
        if other.is_none() {
            node.epmd = Some(node.start_epmd()?);
        }
        node.launch()?;
        Ok(node)
    }

    fn start_epmd(&self) -> Result<Child, String> {
        self.place
            .command(&self.tools.epmd)
            .args(["-port", &self.place.epmd_port.to_string(), "-address", "127.0.0.1"])
            .env("EDA_GROUP", self.place.path("group.epmd"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("starting epmd: {error}"))
    }

    fn launch(&mut self) -> Result<(), String> {
        let path = self.place.path("server.log");
        let log = File::create(&path).and_then(|log| Ok((log.try_clone()?, log)));
        let (out, err) = log.map_err(|error| format!("writing {}: {error}", path.display()))?;
        let mut server = self
            .place
            .command(&self.tools.server)
            .env("EDA_GROUP", self.place.path("group.server"))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("starting rabbitmq-server: {error}"))?;
        let ready = until_answers(self.place.ports.amqp(), &mut server, START_LIMIT);
        self.server = Some(server);
        ready.map_err(|error| format!("{error}; the end of its log:\n{}", tail(&path)))
    }

    fn signal(&self, name: &str) -> Result<(), String> {
        let file = self.place.path("pid");
        let pid = fs::read_to_string(&file).map_err(|_| "the node is not running".to_owned())?;
        let output = Command::new("kill").args(["-s", name, pid.trim()]).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(format!("kill -s {name}: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => Err(format!("starting kill: {error}")),
        }
    }

    fn ended(&mut self) -> Result<(), String> {
        if let Some(mut server) = self.server.take()
            && !until_ended(&mut server, STOP_LIMIT)?
        {
            self.server = Some(server);
            return Err(format!("rabbitmq-server did not end within {} s", STOP_LIMIT.as_secs()));
        }
        // numbers of processes are used again: none that is over may stay written down
        for file in ["group.server", "pid"] {
            let _ = fs::remove_file(self.place.path(file));
        }
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // the guard ends the processes; they are waited for here since they are children of this process
        drop(self.guard.take());
        for child in [self.server.as_mut(), self.epmd.as_mut()].into_iter().flatten() {
            let _ = child.wait();
        }
    }
}
