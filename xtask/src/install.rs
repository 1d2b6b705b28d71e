//! Installing what tests need where that is possible without asking: on Debian, as root.

use std::path::Path;
use std::process::{Command, Stdio};

use rabbit_node::Tools;

use crate::step::output;

/// Without a policy, Debian's package would start a node of the whole machine. A policy that exists is left alone.
const SCRIPT: &str = r#"
policy=$1
shift
made=
clean() { [ -z "$made" ] || rm -f "$policy"; }
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ ! -e "$policy" ]; then
    made=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
# a failing mirror is no reason to stop: what the lists know may do
apt-get update -q || true
apt-get install -y -q --no-install-recommends "$@""#;
const POLICY: &str = "/usr/sbin/policy-rc.d";
const MISSING: &str = "no rabbitmq-server: install the package `rabbitmq-server` or start docker, \
                       or set AMQP_URL to a running broker";

/// Makes sure that RabbitMQ's programs are there, installing them if need be.
pub(crate) fn ensure() -> Result<(), String> {
    let Err(missing) = Tools::find() else { return Ok(()) };
    if std::env::var_os("EDA_RABBITMQ_BIN").is_some() {
        return Err(missing);
    }
    let installed = packages(&["rabbitmq-server"]).unwrap_or_else(|| Err(MISSING.into()))?;
    Tools::find().map(drop).map_err(|error| format!("{error} after this:\n{installed}"))
}

/// Makes sure that Prometheus' own tool is there, with which metrics are checked.
pub(crate) fn promtool() -> Result<(), String> {
    let is_there = || output("promtool", 10, &["--version"]).is_ok();
    if is_there() || std::env::var_os("EDA_PROMTOOL").is_some() {
        return Ok(());
    }
    let missing =
        "no promtool: install Prometheus (Debian: the package `prometheus`), or set EDA_PROMTOOL to the program";
    let installed = packages(&["prometheus"]).unwrap_or_else(|| Err(missing.into()))?;
    if is_there() { Ok(()) } else { Err(format!("{missing}; after this:\n{installed}")) }
}

/// Puts valgrind there, with which instructions are counted, where that is possible without asking; nothing fails without it.
pub(crate) fn valgrind() {
    if output("valgrind", 10, &["--version"]).is_err()
        && let Some(Err(why)) = packages(&["valgrind"])
    {
        println!("{why}");
    }
}

/// Installs packages of Debian and gives what apt printed; `None` where it can't be done without asking.
pub(crate) fn packages(names: &[&str]) -> Option<Result<String, String>> {
    if !(Path::new("/etc/debian_version").exists() && is_root()) {
        return None;
    }
    println!("installing {} …", names.join(", "));
    Some(apt(SCRIPT, POLICY, names))
}

fn apt(script: &str, policy: &str, names: &[&str]) -> Result<String, String> {
    let output = Command::new("sh")
        .args(["-c", script, "install", policy])
        .args(names)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("starting sh: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(printed);
    }
    let lines: Vec<&str> = printed.lines().collect();
    let tail = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(format!("installing {} failed: {}\n{tail}", names.join(", "), output.status))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::{SCRIPT, apt};

    fn with_fake_install(case: &str, before: Option<&str>) -> (String, Option<String>) {
        let policy = std::env::temp_dir().join(format!("eda-policy-{case}-{}", std::process::id()));
        if let Some(text) = before {
            std::fs::write(&policy, text).expect("a policy");
        }
        let script = SCRIPT.replace("apt-get update", ":").replace("apt-get install", "cat \"$policy\"; :");
        let printed = apt(&script, policy.to_str().expect("a path in UTF-8"), &["nothing"]).expect("an installation");
        let after = std::fs::read_to_string(&policy).ok();
        let _ = std::fs::remove_file(policy);
        (printed, after)
    }

    #[test]
    fn no_service_is_started_and_the_policy_is_gone_afterwards() {
        assert_eq!(with_fake_install("none", None), ("#!/bin/sh\nexit 101\n".into(), None));
    }

    #[test]
    fn a_policy_that_exists_is_left_alone() {
        assert_eq!(with_fake_install("own", Some("mine")), ("mine".into(), Some("mine".into())));
    }
}
