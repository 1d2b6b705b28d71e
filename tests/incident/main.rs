//! The incident of `docs/operations.md`: every command there is run by this test, and what it tells is what stands there.
//! `EDA_BLESS=1` writes what was told into the page.
#![cfg(test)]

mod page;
mod process;

use rabbit_node::{Node, Options};
use serde_json::Value;

use self::page::Page;
use self::process::{Shop, free_port};

const BROKER: &str = "amqp://localhost";
const PROCESS: &str = "127.0.0.1:8081";

#[test]
fn the_incident_goes_as_the_page_tells() {
    let node = Node::start(Options::default()).expect("a private node starts: see `cargo xtask test`");
    let port = free_port();
    let mut shop = Shop::new(&[(BROKER, node.url()), (PROCESS, format!("127.0.0.1:{port}"))]);
    let mut page = Page::open();

    page.begins("shop --broker amqp://localhost --journal --service billing &");
    let billing = shop.start("shop --broker amqp://localhost --journal --service billing");
    let before = "shop --broker amqp://localhost --journal --service shipping --release 1.4 --http 127.0.0.1:8081";
    page.begins(&format!("{before} &"));
    let broken = shop.start(before);
    page.begins("shop --broker amqp://localhost --journal --service orders &");
    let orders = shop.begin("shop --broker amqp://localhost --journal --service orders");
    // what will be replayed is there, and so is the letter that nobody can mend
    shop.until("shop --broker amqp://localhost dead list --json", |told| told["letters"] == 3);
    shop.until("shop --broker amqp://localhost health --json", |told| {
        let queues = told["queues"].as_array();
        queues.is_some_and(|queues| queues.iter().all(|queue| queue["waiting"] == 0))
    });
    let ids = letters(&shop);
    shop.learn(&ids);
    shop.learn(&origins(&shop, &ids[0]));
    let trace = "shop --broker amqp://localhost trace 0199c8a4-0000-7000-8000-000000000004";
    shop.until(&format!("{trace} --json"), |told| told.to_string().contains("undecodable"));
    shop.learn(&traced(&shop, trace));

    for command in [
        "shop --broker amqp://localhost health",
        "shop health --process http://127.0.0.1:8081",
        "curl -s http://127.0.0.1:8081/metrics | grep '^eda_dead_letters_total'",
        "shop --broker amqp://localhost dead list",
        "shop --broker amqp://localhost dead show 0199c8a4-0000-7000-8000-000000000001 --show-payload",
        trace,
        "shop --broker amqp://localhost --release 1.4 dead replay --handler shipping.ship --dry-run",
        "shop --broker amqp://localhost dead replay --handler shipping.ship --dry-run",
    ] {
        let told = shop.tell(command);
        page.tells(command, &told);
    }

    page.begins("kill %2");
    broken.stop();
    page.begins("shop --broker amqp://localhost --journal --service shipping --http 127.0.0.1:8081 &");
    let mended = shop.start("shop --broker amqp://localhost --journal --service shipping --http 127.0.0.1:8081");
    let replay = "shop --broker amqp://localhost dead replay --handler shipping.ship --yes";
    page.tells(replay, &shop.tell(replay));
    // it waits for its last order, and ends
    let story = orders.ended();
    page.tells("fg %3", &shop.as_written(&last_lines(&story)));
    shop.until(&format!("{trace} --json"), |told| told.to_string().contains(r#""handler":"complete""#));
    shop.learn(&traced(&shop, trace));
    for command in [
        trace,
        "shop --broker amqp://localhost dead list",
        "shop --broker amqp://localhost dead discard --handler billing.charge --yes",
        "shop --broker amqp://localhost --service billing health",
    ] {
        let told = shop.tell(command);
        page.tells(command, &told);
    }
    mended.stop();
    billing.stop();
    page.end();
}

/// The ids of all letters, shipping's first, oldest first.
fn letters(shop: &Shop) -> Vec<String> {
    let told = shop.lines("shop --broker amqp://localhost dead list --each --json");
    let mut letters: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("a document")).collect();
    letters.sort_by_key(|letter| (letter["queue"] == "billing.charge", letter["time"].to_string()));
    letters.iter().map(|letter| letter["id"].as_str().expect("an id").to_owned()).collect()
}

/// What a letter came from; its orders are learned, too.
fn origins(shop: &Shop, id: &str) -> Vec<String> {
    let told = shop.lines(&format!("shop --broker amqp://localhost dead show {id} --json"));
    let document: Value = serde_json::from_str(&told).expect("a document");
    let of = |name: &str| document["letters"][0][name].as_str().expect("it is known").to_owned();
    vec![of("correlation_id"), of("causation_id")]
}

/// The ids of all events of a process that is traced.
fn traced(shop: &Shop, trace: &str) -> Vec<String> {
    let told = shop.lines(&format!("{trace} --json"));
    let document: Value = serde_json::from_str(&told).expect("a document");
    let nodes = document["nodes"].as_array().expect("a list");
    nodes.iter().filter_map(|node| node["id"].as_str()).map(str::to_owned).collect()
}

/// How the orders came out.
fn last_lines(story: &str) -> String {
    let begin = story.rfind("In the end").expect("it sums up");
    // the time that it took differs from run to run
    let (orders, total) = story[begin..].trim_end().rsplit_once(", ").expect("it ends with its time");
    assert!(total.ends_with(" s"), "{total}");
    format!("{orders}\n")
}
