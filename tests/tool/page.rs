//! `graph --format html` in a real browser.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::support::{described, service, stderr, stdout, tool};

/// Turns the wheel forth and back over a node, and leaves behind how much is in view and where the node stands.
const WHEEL: &str = r#"<script>{
  const graph = document.getElementById("graph");
  const node = document.getElementById("n0");
  const look = () => {
    const box = node.getBoundingClientRect();
    return [graph.viewBox.baseVal.width, box.x + box.width / 2, box.y + box.height / 2];
  };
  const seen = [look()];
  const [, clientX, clientY] = seen[0];
  for (const deltaY of [-100, 100]) {
    graph.dispatchEvent(new WheelEvent("wheel", { deltaY, clientX, clientY, cancelable: true }));
    seen.push(look());
  }
  graph.dataset.seen = JSON.stringify(seen);
}</script>
</body>"#;

#[test]
fn the_page_shows_every_node_in_a_browser_and_finds_what_is_searched() {
    let shipping = described("page-shipping", &service("shipping", "ship", "payment.completed", "order.shipped"));
    let archive = described("page-archive", &service("archive", "keep", "order.shipped", "order.created"));
    let both = [shipping.to_string_lossy(), archive.to_string_lossy()];
    let told = tool(&["graph", "--format", "html", "--merge", &both[0], &both[1]]);
    assert_eq!(told.status.code(), Some(0));
    let page = stdout(&told);
    for outside in ["http:", "https:", "src=", "@import", "url(http"] {
        assert!(!page.contains(outside), "the page must load nothing: `{outside}`");
    }
    let Some(dom) = browse("search", &page, "order.") else { return };
    for (kind, name) in [
        ("event", "order.created"),
        ("event", "payment.completed"),
        ("event", "order.shipped"),
        ("handler", "billing.charge"),
        ("handler", "shipping.ship"),
        ("handler", "archive.keep"),
        ("publisher", "billing"),
    ] {
        let node = tag(&dom, &format!("data-name=\"{name}\""));
        assert!(node.contains(&format!("node {kind}")), "{name}: {node}");
        // the script ran: it marked what the address asks for
        assert_eq!(node.contains("hit"), name.contains("order."), "{name}: {node}");
    }
    assert!(dom.contains("2 of 7") && dom.contains("a cycle: `order.created`"), "{dom}");
    assert!(tag(&dom, "data-name=\"billing.charge\"").contains("cycle"));
}

#[test]
fn the_wheel_zooms_and_keeps_in_place_what_it_is_over() {
    let page = stdout(&tool(&["graph", "--format", "html"])).replace("</body>", WHEEL);
    let Some(dom) = browse("wheel", &page, "") else { return };
    let seen = tag(&dom, "data-seen=").split("data-seen=\"").nth(1).and_then(|seen| seen.split('"').next());
    let seen: [[f64; 3]; 3] = serde_json::from_str(seen.unwrap_or_default()).expect("the script has left it behind");
    let [[whole, first @ ..], [near, second @ ..], [back, third @ ..]] = seen;
    assert!(near < whole && (back - whole).abs() < 0.1, "{seen:?}");
    for place in [second, third] {
        assert!(place.iter().zip(first).all(|(now, before)| (now - before).abs() < 1.0), "{seen:?}");
    }
}

#[test]
fn a_browser_that_is_missing_is_told() {
    let test = std::env::current_exe().expect("a test is a file");
    let ran = Command::new(test).arg("page::the_").env("PATH", "").output().expect("it starts");
    assert!(ran.status.success(), "{}", stdout(&ran));
    assert_eq!(stderr(&ran).matches("skipped: no browser looked at the page").count(), 2, "{}", stderr(&ran));
}

#[test]
fn names_are_text_and_never_markup() {
    let odd = described("page-odd", &service("<script>alert(1)</script>", "{{graph}}", "a\"b", "order.created"));
    let page = stdout(&tool(&["graph", "--format", "html", "--merge", &odd.to_string_lossy()]));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;.{{graph}}"), "{page}");
    assert!(page.contains("data-name=\"a&quot;b\"") && page.matches("<script>").count() == 1);
}

/// The page after its script has run; nothing where no browser is installed.
fn browse(name: &str, page: &str, searched: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder is ours");
    let file = folder.join("graph.html");
    std::fs::write(&file, page).expect("the folder is ours");
    let ran = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        // the browser is to ask nobody on the network for anything
        .args(["--disable-quic", "--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}#{searched}", file.display()))
        .output();
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    let Ok(ran) = ran else {
        let why = "skipped: no browser looked at the page, since `chromium` is not installed";
        // whoever closed the stream wants to hear nothing
        let _ = writeln!(std::io::stderr(), "{why}");
        return None;
    };
    let dom = stdout(&ran);
    assert!(ran.status.success() && !dom.is_empty(), "the browser did not show the page: {}", stderr(&ran));
    Some(dom)
}

/// The opening tag that holds an attribute.
fn tag<'a>(dom: &'a str, attribute: &str) -> &'a str {
    let at = dom.find(attribute).unwrap_or_else(|| panic!("`{attribute}` is missing:\n{dom}"));
    let (before, after) = dom.split_at(at);
    let start = before.rfind('<').unwrap_or_default();
    &dom[start..at + after.find('>').unwrap_or_default()]
}
