//! What may be done in some places only: spawning, lapin, sockets.

use super::{Source, Violation};

/// Tasks are spawned by the runtime and by the supervisor of a connection.
pub(crate) fn spawns(source: &Source) -> Vec<Violation> {
    let allowed = [
        "eda-core/src/runtime/",
        "eda-rabbit/src/connection",
        "eda-rabbit/src/wire/attempt.rs",
        "eda-testing/src/app/clock.rs",
        "eda-journal/src/queue.rs",
        "eda-journal/src/writer.rs",
        "eda-tool/src/confirm.rs",
        "xtask/",
        "benches/",
        "chaos/",
        "examples/",
    ];
    let what = "a task is spawned here: let the runtime or the connection spawn it, so that shutdown knows of it";
    unless(&allowed, source, what, spawns_task)
}

/// lapin is named in `eda-rabbit` only, and imported in `wire` and `convert` only.
pub(crate) fn lapin(source: &Source) -> Vec<Violation> {
    let imports = ["eda-rabbit/src/wire", "eda-rabbit/src/convert"];
    if source.path.starts_with("eda-rabbit/") {
        let what = "lapin is imported here: put it behind `wire`, where every wait has a deadline, or into `convert`";
        return unless(&imports, source, what, |code| names_lapin(code) && code.trim_start().starts_with("use "));
    }
    // what is tested must not count its own dead letters, and what is measured is measured beside it
    unless(
        &["chaos/src/run/parked.rs", "benches/"],
        source,
        "lapin is named here: only eda-rabbit knows it",
        names_lapin,
    )
}

/// `eda-core` opens no socket.
pub(crate) fn sockets(source: &Source) -> Vec<Violation> {
    if !source.path.starts_with("eda-core/") {
        return Vec::new();
    }
    let what = "a socket in eda-core: networks belong into a transport's package";
    unless(&[], source, what, |code| code.contains("std::net") || code.contains("tokio::net"))
}

/// A method or a path named `spawn`, other than what the connection offers to its package.
fn spawns_task(code: &str) -> bool {
    const NAMES: &[&str] = &["spawn", "spawn_blocking", "spawn_local", "spawn_on"];
    code.match_indices("spawn").any(|(at, _)| {
        let (before, from) = code.split_at(at);
        let name = from.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap_or_default();
        let elsewhere = before.ends_with('.') || (before.ends_with("::") && !before.ends_with("connection::"));
        NAMES.contains(&name) && (elsewhere || before.trim_start().starts_with("use tokio::"))
    })
}

fn names_lapin(code: &str) -> bool {
    code.match_indices("lapin::").any(|(at, _)| {
        let before = &code[..at];
        let own_module = ["self::", "super::", "crate::", "wire::"].iter().any(|path| before.ends_with(path));
        !own_module && !before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
    })
}

fn unless(allowed: &[&str], source: &Source, what: &str, wrong: impl Fn(&str) -> bool) -> Vec<Violation> {
    if allowed.iter().any(|place| source.path.starts_with(place)) {
        return Vec::new();
    }
    source.code().filter(|(_, code)| wrong(code)).map(|(line, _)| Violation::new(line, what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(found: Vec<Violation>) -> Vec<usize> {
        found.into_iter().map(|wrong| wrong.line).collect()
    }

    #[test]
    fn tasks_are_spawned_in_two_places() {
        let text = "//! A.\ntokio::spawn(a);\ntasks.spawn(b);\nuse tokio::{spawn, time};\ntask::spawn_blocking(c);\n";
        assert_eq!(spawns(&Source::new("eda-core/src/runtime/start.rs", text)), []);
        assert_eq!(spawns(&Source::new("eda-rabbit/src/connection.rs", text)), []);
        assert_eq!(spawns(&Source::new("eda-core/tests/a.rs", text)), []);
        assert_eq!(lines(spawns(&Source::new("eda-core/src/broker.rs", text))), [2, 3, 4, 5]);
        let through = "use crate::connection::spawn;\nspawn(a);\nlet spawned = b.spawned();\n";
        assert_eq!(spawns(&Source::new("eda-rabbit/src/publisher.rs", through)), []);
    }

    #[test]
    fn lapin_stays_behind_wire() {
        assert_eq!(lapin(&Source::new("eda-rabbit/src/wire/lapin.rs", "use lapin::Connection;\n")), []);
        assert_eq!(lapin(&Source::new("eda-rabbit/src/rabbit.rs", "use crate::wire::lapin::Lapin; // lapin::A\n")), []);
        assert_eq!(lines(lapin(&Source::new("eda-rabbit/src/settle.rs", "use ::lapin::Connection;\n"))), [1]);
        assert_eq!(lines(lapin(&Source::new("src/connect.rs", "\nlet a = lapin::Connection;\n"))), [2]);
    }

    #[test]
    fn the_core_opens_no_socket() {
        assert_eq!(sockets(&Source::new("eda-rabbit/src/config.rs", "use std::net::IpAddr;\n")), []);
        assert_eq!(lines(sockets(&Source::new("eda-core/src/app.rs", "use tokio::net::TcpStream;\n"))), [1]);
    }
}
