//! What a node owns: a folder, ports, a cookie, and the environment that points its programs there.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::node::Options;
use crate::ports::Ports;

/// Folders of nodes begin with this, then comes the process id of their owner.
pub(crate) const PREFIX: &str = "eda-rabbit-";

static COUNT: AtomicU32 = AtomicU32::new(0);

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) name: String,
    pub(crate) ports: Ports,
    /// Of the epmd that knows this node: its own, or that of the first in a cluster.
    pub(crate) epmd_port: u16,
    cookie: String,
}

impl Place {
    /// A place of its own, or, to form a cluster, one with the cookie and the epmd of `other`.
    pub(crate) fn new(options: Options, other: Option<&Self>) -> Result<Self, String> {
        let ports = Ports::take().map_err(|error| format!("finding ports: {error}"))?;
        let (owner, number) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let cookie = format!("EDA{owner}N{number}P{}", ports.dist());
        let place = Self {
            folder: std::env::temp_dir().join(format!("{PREFIX}{owner}-{number}-{}", ports.amqp())),
            name: format!("eda-{}@localhost", ports.amqp()),
            epmd_port: other.map_or(ports.epmd(), |other| other.epmd_port),
            cookie: other.map_or(cookie, |other| other.cookie.clone()),
            ports,
        };
        place.write(options).map_err(|error| format!("writing {}: {error}", place.folder.display()))?;
        Ok(place)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The command `program`, in this place and with nothing of the machine's own RabbitMQ.
    pub(crate) fn command(&self, program: &Path) -> Command {
        // the shell notes its process id, which is the group's, before it becomes the program
        let mut command = Command::new("sh");
        command.args(["-c", r#"[ -z "$EDA_GROUP" ] || echo $$ >"$EDA_GROUP" || exit 1; exec "$0" "$@""#]).arg(program);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("RABBITMQ_") || name.starts_with("ERL_")) {
                command.env_remove(name);
            }
        }
        for (name, file) in [
            ("HOME", "home"),
            ("RABBITMQ_MNESIA_BASE", "data"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_SCHEMA_DIR", "schema"),
            ("RABBITMQ_GENERATED_CONFIG_DIR", "generated"),
            ("RABBITMQ_CONFIG_FILES", "conf.d"),
            ("RABBITMQ_CONF_ENV_FILE", "env.conf"),
            ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf"),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced.config"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "enabled_plugins"),
            ("RABBITMQ_PID_FILE", "pid"),
        ] {
            command.env(name, self.path(file));
        }
        command
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_DIST_PORT", self.ports.dist().to_string())
            .env("RABBITMQ_LOGS", "-")
            // a thread for each core of a large machine slows the start, and tests need none
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 2:2")
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_AFLAGS", "-kernel inet_dist_use_interface {127,0,0,1}")
            .env_remove("EDA_GROUP")
            .current_dir(&self.folder);
        command
    }

    fn write(&self, options: Options) -> std::io::Result<()> {
        let Options { config, advanced, bin: _ } = options;
        for folder in ["home", "data", "log", "schema", "generated", "conf.d"] {
            fs::create_dir_all(self.path(folder))?;
        }
        // the cookie is as good as a password
        fs::set_permissions(&self.folder, Permissions::from_mode(0o700))?;
        let cookie = self.path("home/.erlang.cookie");
        fs::write(&cookie, &self.cookie)?;
        fs::set_permissions(cookie, Permissions::from_mode(0o400))?;
        let listeners = format!(
            "listeners.tcp.default = 127.0.0.1:{}\ndistribution.listener.interface = 127.0.0.1\n",
            self.ports.amqp()
        );
        fs::write(self.path("rabbitmq.conf"), listeners + &config + "\n")?;
        fs::write(self.path("advanced.config"), if advanced.is_empty() { "[].".into() } else { advanced })?;
        fs::write(self.path("enabled_plugins"), "[].\n")?;
        fs::write(self.path("env.conf"), "")
    }
}
