//! `graph --format html` in a real browser.

use std::path::Path;
use std::process::Command;

use crate::support::{described, service, stderr, stdout, tool};

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
    let Some(dom) = browse(&page, "order.") else { return };
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
fn names_are_text_and_never_markup() {
    let odd = described("page-odd", &service("<script>alert(1)</script>", "{{graph}}", "a\"b", "order.created"));
    let page = stdout(&tool(&["graph", "--format", "html", "--merge", &odd.to_string_lossy()]));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;.{{graph}}"), "{page}");
    assert!(page.contains("data-name=\"a&quot;b\"") && page.matches("<script>").count() == 1);
}

/// The page after its script has run; nothing where no browser is installed.
fn browse(page: &str, searched: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{}", std::process::id()));
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
    let Ok(ran) = ran else {
        #[expect(clippy::print_stdout, reason = "whoever runs the tests is told what was not tested")]
        {
            println!("skipped: no browser looked at the page, since `chromium` is not installed");
        }
        return None;
    };
    let dom = stdout(&ran);
    assert!(ran.status.success() && !dom.is_empty(), "the browser did not show the page: {}", stderr(&ran));
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    Some(dom)
}

/// The opening tag that holds an attribute.
fn tag<'a>(dom: &'a str, attribute: &str) -> &'a str {
    let at = dom.find(attribute).unwrap_or_else(|| panic!("`{attribute}` is missing:\n{dom}"));
    let (before, after) = dom.split_at(at);
    let start = before.rfind('<').unwrap_or_default();
    &dom[start..at + after.find('>').unwrap_or_default()]
}
