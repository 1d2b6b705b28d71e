//! The user under which broker tests run: with the rights that the framework prints for one service, and no others.

use eda_core::transport::Permit;
use eda_core::{Backoff, Policy, Subscription, Topology};
use eda_rabbit::{Config, Permissions};

const PASSWORD: &str = "secret";

/// The rights of the service `service`, whatever its handlers are called and however long their retries wait.
fn rights(url: &str, service: &str) -> Permissions {
    let every_delay = Policy { retries: 64, backoff: Backoff::millis(100, 24 * 60 * 60 * 1_000), ..Policy::default() };
    let subscription = Subscription {
        service: service.into(),
        queue: format!("{service}.all"),
        declare: true,
        bindings: vec!["all".into()],
        policy: every_delay,
    };
    let topology = Topology { subscriptions: vec![subscription], ..Topology::default() };
    let config: Config = url.parse().expect("a URL");
    config.permissions(&topology).expect("a topology that RabbitMQ takes").publishing().for_services([service])
}

/// Makes a user of that name with `ctl`, which runs `rabbitmqctl`, and gives its URL. `admin` is the URL of one who may do
/// everything, with the options that the user's connections will have.
pub(crate) fn restricted(
    admin: &str,
    name: &str,
    service: &str,
    ctl: impl Fn(&[&str]) -> Result<String, String>,
) -> Result<String, String> {
    let (scheme, rest) = admin.split_once("://").ok_or("the broker's address is no URL")?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let url = format!("{scheme}://{name}:{PASSWORD}@{host}");
    let rights = rights(&url, service);
    let users = ctl(&["list_users"])?;
    if !users.lines().any(|line| line.split_whitespace().next() == Some(name)) {
        // another process may have been faster
        let added = ctl(&["add_user", name, PASSWORD]);
        added.or_else(|error| if error.contains("already exists") { Ok(String::new()) } else { Err(error) })?;
    }
    ctl(&["set_permissions", name, &rights.configure(), &rights.write(), &rights.read()])?;
    Ok(url)
}

/// As [`restricted`] on the broker that all tests share. Only of a private node it is known how to run `rabbitmqctl`: on
/// a broker of somebody's own, tests run as the user of its URL, and say so.
#[allow(dead_code, reason = "tests with a node of their own do not need it")]
pub(crate) fn restricted_where_possible(admin: &str, name: &str, service: &str) -> String {
    restricted(admin, name, service, |arguments| rabbit_node::ctl_at(admin, arguments)).unwrap_or_else(|why| {
        assert!(why.contains("no private node"), "{why}");
        let mut stderr = std::io::stderr();
        let _ = std::io::Write::write_fmt(&mut stderr, format_args!("{why}: tests run as the user of AMQP_URL\n"));
        admin.to_owned()
    })
}
