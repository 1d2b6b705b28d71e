//! The URL: where the broker is, who we are, and options.

use std::fmt;
use std::time::Duration;

use eda_core::transport::Unrouted;
use eda_core::{Error, ErrorKind, Result};
use percent_encoding::percent_decode_str;

/// What a URL says: `amqp://user:password@host:port,host:port/vhost?option=value`.
///
/// Without a login, user and password are `guest`; the port defaults to 5672 (5671 for `amqps`), the virtual host to `/`.
/// Several hosts are tried in turn; an IPv6 address stands in brackets. What holds `@`, `:`, `/` or `%` is percent-encoded.
///
/// | option | default | |
/// |---|---|---|
/// | `heartbeat` | 8 | seconds, 5 to 60: a silent peer is noticed after two to two and a half times as long |
/// | `prefetch` | 256 | unsettled deliveries per subscription, 1 to 65535; a handler's own option goes before |
/// | `unrouted` | `park` | an event that nobody subscribes to is parked in `eda.unrouted`; `reject` makes it an error |
/// | `connect_timeout` | `10s` | how long `connect` tries to reach a broker; `forever` waits for one |
///
/// RabbitMQ ends the channel of a delivery that is unsettled for 30 minutes, also while it waits for a worker: handlers
/// that may take minutes need a small prefetch.
///
/// ```
/// use eda_rabbit::Config;
///
/// let config: Config = "amqp://shop:secret@one,two:5673/orders?prefetch=50".parse()?;
/// assert_eq!(config.prefetch(), 50);
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<_, eda_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    pub(crate) tls: bool,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) hosts: Vec<Host>,
    pub(crate) vhost: String,
    pub(crate) heartbeat: u16,
    pub(crate) prefetch: u16,
    pub(crate) unrouted: Unrouted,
    pub(crate) connect_timeout: Option<Duration>,
}

/// One broker's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: u16,
}

const OPTIONS: [&str; 4] = ["heartbeat", "prefetch", "unrouted", "connect_timeout"];

impl Config {
    /// How many unsettled deliveries a subscription takes at most, unless its handler says otherwise.
    pub fn prefetch(&self) -> u16 {
        self.prefetch
    }

    /// What happens to events that nobody subscribes to.
    pub fn unrouted(&self) -> Unrouted {
        self.unrouted
    }

    /// All addresses, for logs and errors: `one:5672, two:5673`.
    pub fn address(&self) -> String {
        let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        hosts.join(", ")
    }

    fn option(&mut self, name: &str, value: &str) -> Result {
        let expected = |what: &str| invalid(format!("expected `{name}` to be {what}, found `{value}`"));
        match name {
            "heartbeat" => {
                let seconds = value.parse().ok().filter(|seconds| (5..=60).contains(seconds));
                self.heartbeat = seconds.ok_or_else(|| expected("5 to 60 seconds, such as `heartbeat=8`"))?;
            }
            "prefetch" => {
                let count = value.parse().ok().filter(|count| *count > 0);
                self.prefetch = count.ok_or_else(|| expected("1 to 65535, such as `prefetch=256`"))?;
            }
            "unrouted" => {
                self.unrouted = value.parse()?;
            }
            "connect_timeout" if value == "forever" => self.connect_timeout = None,
            "connect_timeout" => {
                let timeout = humantime::parse_duration(value).ok().filter(|timeout| !timeout.is_zero());
                self.connect_timeout = Some(timeout.ok_or_else(|| expected("a duration such as `10s`, or `forever`"))?);
            }
            _ => {
                let nearest = nearest(name).map_or(String::new(), |nearest| format!(" did you mean `{nearest}`?"));
                let known = OPTIONS.join("`, `");
                return Err(invalid(format!("the URL has no option `{name}`:{nearest} there are `{known}`")));
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Config {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        let (tls, rest) = match url.split_once("://") {
            Some(("amqp", rest)) => (false, rest),
            Some(("amqps", rest)) => (true, rest),
            _ => return Err(invalid("expected a URL that begins with `amqp://` or `amqps://`")),
        };
        if tls && !cfg!(feature = "tls") {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "`amqps` needs TLS, which is not compiled in: add the feature `rabbit-tls` to the dependency `eda-rs`",
            ));
        }
        let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, query)| (rest, query));
        let (authority, vhost) = rest.split_once('/').map_or((rest, ""), |(authority, vhost)| (authority, vhost));
        if query.contains('@') || vhost.contains('@') {
            // what stands there may be a part of the password
            return Err(invalid(
                "expected no `@` after the host: percent-encode `/`, `?` and `@` in user and password",
            ));
        }
        let (login, hosts) = authority.rsplit_once('@').map_or(("", authority), |(login, hosts)| (login, hosts));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let mut config = Self {
            tls,
            user: decode("user name", if login.is_empty() { "guest" } else { user })?,
            password: decode("password", if login.is_empty() { "guest" } else { password })?,
            hosts: hosts.split(',').map(|host| Host::parse(host, tls)).collect::<Result<_>>()?,
            vhost: decode("virtual host", if vhost.is_empty() { "/" } else { vhost })?,
            heartbeat: 8,
            prefetch: 256,
            unrouted: Unrouted::default(),
            connect_timeout: Some(Duration::from_secs(10)),
        };
        let mut given = Vec::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            if given.contains(&name) {
                return Err(invalid(format!("expected `{name}` once in the URL, found it twice")));
            }
            given.push(name);
            config.option(name, value)?;
        }
        Ok(config)
    }
}

impl Host {
    fn parse(text: &str, tls: bool) -> Result<Self> {
        let (name, port) = match text.rsplit_once(':') {
            // the colons of an IPv6 address stand within brackets
            Some((name, port)) if !port.contains(']') => (name, Some(port)),
            _ => (text, None),
        };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        if bare.is_none() && name.contains(':') {
            return Err(invalid("expected an IPv6 address in brackets, such as `[::1]:5672`"));
        }
        let name = bare.unwrap_or(name);
        if name.is_empty() {
            return Err(invalid("expected a host after `amqp://`, such as `amqp://localhost`"));
        }
        let default = if tls { 5671 } else { 5672 };
        let port = port.map_or(Some(default), |port| port.parse().ok().filter(|port| *port > 0));
        let port =
            port.ok_or_else(|| invalid("expected a port from 1 to 65535 after the host, such as `localhost:5672`"))?;
        Ok(Self { name: name.to_owned(), port })
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.name.eq_ignore_ascii_case("localhost")
            || self.name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("tls", &self.tls)
            .field("user", &self.user)
            .field("password", &"…")
            .field("hosts", &self.hosts)
            .field("vhost", &self.vhost)
            .field("heartbeat", &self.heartbeat)
            .field("prefetch", &self.prefetch)
            .field("unrouted", &self.unrouted)
            .field("connect_timeout", &self.connect_timeout)
            .finish()
    }
}

/// The option that a misspelt one may have meant: at most two letters added, left out or taken for another.
fn nearest(name: &str) -> Option<&'static str> {
    let distance = |option: &str| {
        let mut row: Vec<_> = (0..=option.len()).collect();
        for (line, found) in name.bytes().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], line + 1);
            for (column, expected) in option.bytes().enumerate() {
                let replaced = diagonal + usize::from(found != expected);
                diagonal = row[column + 1];
                row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
            }
        }
        row.pop().unwrap_or_default()
    };
    let nearest = OPTIONS.into_iter().map(|option| (distance(option), option)).min();
    nearest.filter(|(distance, _)| *distance <= 2).map(|(_, option)| option)
}

fn decode(what: &str, text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    // the text itself may be a secret
    decoded.map(Into::into).map_err(|_| invalid(format!("expected the {what} to be percent-encoded UTF-8")))
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        url.parse::<Config>().expect_err(url).to_string()
    }

    #[test]
    fn everything_has_a_default() {
        let config: Config = "amqp://localhost".parse().expect("it is whole");
        assert_eq!((config.user.as_str(), config.password.as_str(), config.vhost.as_str()), ("guest", "guest", "/"));
        assert_eq!(config.address(), "localhost:5672");
        assert_eq!((config.heartbeat, config.prefetch), (8, 256));
        assert_eq!("amqp://localhost/".parse::<Config>().expect("it is whole").vhost, "/");
    }

    #[test]
    fn everything_can_be_said() {
        let url = "amqp://a%40b:p%2Fw@one:1,[::1]:2,three/v%2fh?heartbeat=5&prefetch=1&unrouted=reject&connect_timeout=forever";
        let config: Config = url.parse().expect("it is whole");
        assert_eq!((config.user.as_str(), config.password.as_str(), config.vhost.as_str()), ("a@b", "p/w", "v/h"));
        assert_eq!(config.address(), "one:1, [::1]:2, three:5672");
        assert_eq!((config.heartbeat, config.prefetch, config.unrouted), (5, 1, Unrouted::Reject));
        assert_eq!(config.connect_timeout, None);
    }

    #[test]
    fn mistakes_are_named_and_secrets_are_not() {
        for (url, expected) in [
            ("http://x", "begins with `amqp://`"),
            ("amqp://", "expected a host"),
            ("amqp://x:99999", "expected a port"),
            ("amqp://x:0", "expected a port"),
            ("amqp://::1", "in brackets"),
            ("amqp://x?prefetch=5&prefetch=6", "found it twice"),
            ("amqp://x?connect_timeout=0s", "a duration such as"),
            (
                "amqp://x?hartbeat=5",
                "no option `hartbeat`: did you mean `heartbeat`? there are `heartbeat`, `prefetch`",
            ),
            ("amqp://x?Prefetch=5", "did you mean `prefetch`?"),
            ("amqp://x?timeout=5", "no option `timeout`: there are"),
            ("amqp://x?heartbeat=4", "5 to 60"),
            ("amqp://x?prefetch=0", "1 to 65535"),
            ("amqp://x?unrouted=lose", "`park` or `reject`"),
            ("amqp://x?connect_timeout=soon", "a duration such as `10s`"),
        ] {
            let found = refused(url);
            assert!(found.contains(expected), "{url}: {found}");
        }
        for url in [
            "amqp://me:s3cret@x:y",
            "amqp://me:s3cret%ff@x",
            "amqp://me:s3cret@x?nope=1",
            "nope://me:s3cret@x",
            "amqp://me:1?s3cret@x",
            "amqp://me:1/s3cret@x",
        ] {
            assert!(!refused(url).contains("s3cret"), "{url}");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_is_never_silently_left_out() {
        assert!(refused("amqps://x").contains("not compiled in"));
    }
}
