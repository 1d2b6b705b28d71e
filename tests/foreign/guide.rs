//! `docs/guides/foreign-clients.md`: its programs do what it says.

#[expect(dead_code, unreachable_pub, reason = "a program of the guide, with its `main`")]
mod box_office;
#[expect(dead_code, unreachable_pub, reason = "a program of the guide, with its `main`")]
mod tickets;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use eda::Service;

use crate::support::{Bench, Program, python, until_there, url};

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_of_the_guide_do_what_it_says() {
    let programs = Programs::of_the_guide();
    for queue in ["print_tickets", "ticket_events", "hall.reserve", "hall.reserve.dead"] {
        python("delete_queue.py", &[queue]);
    }
    let hall = Bench::start(Service::new("hall").handler::<tickets::reserve>()).await;

    let seats = programs.start("print_tickets.py");
    assert_eq!(seats.line(), "waiting for seats");
    programs.run("sell.py");
    let expected = "ticket 123 is for row 7, seat 3";
    assert_eq!(seats.line(), expected);
    assert!(guide().contains(expected), "the guide shows what is printed");
    programs.run("sell_safely.py");
    assert_eq!(seats.line(), "ticket 124 is for row 7, seat 4");

    let everything = programs.start("follow.py");
    assert_eq!(everything.line(), "following every event");
    programs.run("box_office.py");
    let office = Service::new("box-office").handler::<box_office::sold>().handler::<box_office::returned>();
    let office = Bench::start(office).await;
    assert_eq!(seats.line(), "ticket 125 is for row 7, seat 5");
    let mut expected = HashSet::from([
        r#"ticket.sold from box-office {"ticket_id":125,"price":2500}"#,
        r#"ticket.returned from box-office {"ticket_id":123}"#,
        r#"seat.reserved from hall {"ticket_id":125,"seat":"row 7, seat 5"}"#,
    ]);
    while !expected.is_empty() {
        // between those of other tests
        expected.remove(everything.line().as_str());
    }
    office.stop().await;

    python("publish.py", &["eda.events", "ticket.sold", r#"{"ticket_id": 126, "price": "much"}"#]);
    until_there("hall.reserve.dead");
    for _ in 0..2 {
        let printed = programs.run("dead_letters.py");
        assert!(guide().contains(&format!("```text\n{printed}```")), "the guide does not show:\n{printed}");
    }
    hall.stop().await;
}

#[test]
fn the_guide_shows_the_programs_that_the_tests_run() {
    for program in ["tickets.rs", "box_office.rs"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/guide");
        let text = fs::read_to_string(folder.join(program)).expect("it is there");
        assert!(guide().contains(&format!("```rust,no_run\n{text}```")), "the guide does not show {program}");
    }
}

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides/foreign-clients.md");
    fs::read_to_string(path).expect("the guide is there")
}

/// The Python blocks of the guide, each under the name on its first line.
struct Programs(PathBuf);

impl Programs {
    fn of_the_guide() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("foreign-clients-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        for block in guide().split("```python\n").skip(1) {
            let program = block.split("```").next().expect("split gives one at least");
            let name = program.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a name first");
            assert!(program.contains("amqp://localhost"), "{name}: where does it connect to?");
            fs::write(folder.join(name), program.replace("amqp://localhost", &url())).expect("it is written");
        }
        Self(folder)
    }

    fn run(&self, name: &str) -> String {
        python(self.path(name).as_str(), &[])
    }

    fn start(&self, name: &str) -> Program {
        Program::start(self.path(name).as_str(), &[])
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path in UTF-8").to_owned()
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        // they name a broker that may be gone with the test
        let _ = fs::remove_dir_all(&self.0);
    }
}
