//! A private node, through all that tests do to one.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rabbit_node::{Node, Options, answers, ctl_at};

fn folders() -> Vec<PathBuf> {
    let prefix = format!("eda-rabbit-{}-", std::process::id());
    let entries = std::fs::read_dir(std::env::temp_dir()).expect("a folder for temporary files");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))).collect()
}

/// Processes whose environment names the folder: all that the node started.
fn processes_of(folder: &Path) -> usize {
    let folder = folder.to_str().expect("a path in UTF-8").as_bytes();
    let holds = |text: &[u8]| text.windows(folder.len()).any(|part| part == folder);
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    let environments = entries.filter_map(|entry| std::fs::read(entry.ok()?.path().join("environ")).ok());
    environments.filter(|environment| holds(environment)).count()
}

#[test]
fn a_node_starts_breaks_starts_again_and_leaves_nothing() {
    let options = Options { config: "consumer_timeout = 5000".into(), ..Options::default() };
    let mut node = Node::start(options).expect("a node");
    let url = node.url();
    let printed = node.ctl(&["eval", "application:get_env(rabbit, consumer_timeout)."]).expect("an answer");
    assert_eq!(printed.trim(), "{ok,5000}");
    assert!(node.ctl(&["no-such-command"]).is_err());
    let printed = ctl_at(&url, &["eval", "application:get_env(rabbit, consumer_timeout)."]).expect("an answer");
    assert_eq!(printed.trim(), "{ok,5000}", "as from another process");
    let error = ctl_at("amqp://localhost:1/%2f", &["list_users"]).expect_err("no node is there");
    assert_eq!(error, "no private node listens on port 1");
    assert_eq!(node.eval(r#"["one\ntwo ", <<228/utf8>>]"#), Ok("one\ntwo ä".into()));
    let error = node.eval("hd([])").expect_err("it has no head");
    assert!(error.contains("badarg"), "{error}");

    node.pause().expect("a frozen node");
    assert!(node.start_again().is_err(), "it is not stopped");
    node.resume().expect("a node that goes on");
    assert!(answers(node.port()));

    node.kill().expect("a dead node");
    assert!(!answers(node.port()));
    assert!(node.kill().is_err(), "it is dead already");
    node.start_again().expect("a node again");
    assert!(answers(node.port()));
    node.stop().expect("a stopped node");
    assert!(!answers(node.port()));
    node.start_again().expect("a node again");
    assert_eq!(node.url(), url);

    let [folder] = folders().try_into().expect("one folder");
    drop(node);
    assert!(!folder.exists());
    // helpers of the node end when they see that it is gone
    let deadline = Instant::now() + Duration::from_secs(10);
    while processes_of(&folder) > 0 {
        assert!(Instant::now() < deadline, "{} processes are left", processes_of(&folder));
        sleep(Duration::from_millis(20));
    }
}
