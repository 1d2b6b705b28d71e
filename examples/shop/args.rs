//! The command line.

use std::net::SocketAddr;
use std::str::FromStr;

pub const HELP: &str = "\
The shop: three services that talk by events.

Usage: cargo run --example shop [--features rabbit,tool] -- [OPTIONS] [COMMAND…]

With a command, the shop is its own operations tool: `describe`, `graph`, `help` and others (needs `--features tool`).

Options:
  --broker URL    memory:// (the default), or a RabbitMQ: amqp://localhost (needs `--features rabbit`)
  --service NAME  run one service alone, on a broker that the processes share:
                    billing, shipping   run until Ctrl-C: start these first
                    orders              places the orders, follows them to their end, and ends
  --legacy        take the orders of an old shop, too, which a Python script sends through RabbitMQ:
                    python3 examples/shop/legacy_orders.py amqp://localhost
  --permissions   show the `rabbitmqctl set_permissions` that the broker's user needs, and end
  --http ADDRESS  health and metrics of billing or shipping, such as at 127.0.0.1:8081 (needs `--features http,metrics`)
  --journal       write what is published and handled into the broker's queue `eda.journal`, which the command `trace`
                  reads (needs `--features journal`)
  --release 1.4   shipping as it was before it was mended: the incident of docs/operations.md
  -h, --help      show this

Environment:
  NO_COLOR        set to anything: no colours
  RUST_LOG        the framework's own log on stderr, such as `eda_core=debug`

Exit code: 0 when every order has come to its end, 1 when not, 2 when the arguments are wrong.
";

/// What to run, and on which broker.
#[derive(Debug)]
pub struct Args {
    pub broker: Option<String>,
    pub part: Part,
    pub release: Release,
    /// Where it tells how it is.
    pub http: Option<SocketAddr>,
    pub journal: bool,
    pub legacy: bool,
    pub permissions: bool,
    /// For the operations tool; empty where the shop is to run.
    pub command: Vec<String>,
}

/// Which build of shipping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    Current,
    /// The one with the bug.
    Before,
}

/// All services, or one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    All,
    Orders,
    Billing,
    Shipping,
}

impl Args {
    /// Gives `None` where help is asked for.
    ///
    /// # Errors
    /// What is wrong with the arguments, for a person.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut broker, mut part, mut release, mut http) = (None, None, None, None);
        let (mut journal, mut legacy, mut permissions, mut command) = (None, None, None, Vec::new());
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let (option, attached) = match arg.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            let mut value = || attached.clone().or_else(|| args.next()).filter(|value| !value.is_empty());
            match option {
                "-h" | "--help" => return Ok(None),
                "--broker" => {
                    let url = value().ok_or("`--broker` needs a URL, such as `--broker amqp://localhost`")?;
                    set(&mut broker, url, option)?;
                }
                "--service" => {
                    let name = value().ok_or("`--service` needs a name: orders, billing or shipping")?;
                    set(&mut part, name.parse()?, option)?;
                }
                "--release" => match value().as_deref() {
                    Some("1.4") => set(&mut release, Release::Before, option)?,
                    _ => return Err("`--release` needs the release with the bug: `--release 1.4`".to_owned()),
                },
                "--http" => match value().map(|address| address.parse()) {
                    Some(Ok(address)) => set(&mut http, address, option)?,
                    _ => return Err("`--http` needs an address with a port, such as `127.0.0.1:8081`".to_owned()),
                },
                "--journal" | "--legacy" | "--permissions" if attached.is_some() => {
                    return Err(format!("`{option}` takes no value"));
                }
                "--journal" => set(&mut journal, (), option)?,
                "--legacy" => set(&mut legacy, (), option)?,
                "--permissions" => set(&mut permissions, (), option)?,
                _ if option.starts_with('-') => return Err(format!("there is no option `{option}`")),
                _ if arg.bytes().all(|byte| byte.is_ascii_lowercase()) => {
                    command.push(arg);
                    command.extend(args);
                    break;
                }
                // it may be a URL with a password: it is not repeated
                _ => return Err("expected options, or a command such as `describe`".to_owned()),
            }
        }
        let this = Self {
            broker,
            part: part.unwrap_or(Part::All),
            release: release.unwrap_or(Release::Current),
            http,
            journal: journal.is_some(),
            legacy: legacy.is_some(),
            permissions: permissions.is_some(),
            command,
        };
        this.check()?;
        Ok(Some(this))
    }

    pub fn broker(&self) -> &str {
        self.broker.as_deref().unwrap_or("memory://")
    }

    pub fn is_in_memory(&self) -> bool {
        self.broker().starts_with("memory://")
    }

    fn check(&self) -> Result<(), String> {
        if !self.command.is_empty() {
            return Ok(());
        }
        if self.part != Part::All && self.is_in_memory() {
            return Err(
                "`--service` needs a broker that processes can share: add `--broker amqp://localhost`".to_owned()
            );
        }
        if self.legacy && self.is_in_memory() {
            return Err(
                "`--legacy` needs a broker that Python can reach, too: add `--broker amqp://localhost`".to_owned()
            );
        }
        if self.permissions && self.is_in_memory() {
            return Err("`--permissions` needs a broker that has users: add `--broker amqp://localhost`".to_owned());
        }
        if self.journal && self.is_in_memory() {
            return Err("`--journal` needs a broker that keeps one: add `--broker amqp://localhost`".to_owned());
        }
        if self.journal && !cfg!(feature = "journal") {
            return Err("this shop was built without its journal: add `--features journal`".to_owned());
        }
        if self.legacy && matches!(self.part, Part::Billing | Part::Shipping) {
            return Err("`--legacy` brings orders: leave `--service` out, or make it `--service orders`".to_owned());
        }
        if self.http.is_some() {
            if !matches!(self.part, Part::Billing | Part::Shipping) {
                return Err("`--http` is for a service that stays: add `--service billing` or `shipping`".to_owned());
            }
            if !cfg!(all(feature = "http", feature = "metrics")) {
                return Err("this shop was built without its endpoint: add `--features http,metrics`".to_owned());
            }
        }
        if self.broker().starts_with("amqp") && !cfg!(feature = "rabbit") {
            return Err("this shop was built without RabbitMQ: \
                        `cargo run --example shop --features rabbit -- --broker amqp://…`"
                .to_owned());
        }
        Ok(())
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "orders" => Ok(Self::Orders),
            "billing" => Ok(Self::Billing),
            "shipping" => Ok(Self::Shipping),
            _ => Err(format!("there is no service `{name}`: expected orders, billing or shipping")),
        }
    }
}

fn set<T>(place: &mut Option<T>, value: T, option: &str) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("`{option}` is given twice")),
    }
}
