//! `App::permissions`: enough for everything that a service does, and not a name too many.

use std::fmt::Write;

use eda_core::{ErrorKind, Subscription, Topology};
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, ErrorKind as Lapin};

use crate::support::{foreign, live, node, permissions, subscription, topology, url};

/// A service with a queue of its own and one that somebody else declares.
fn wanted() -> Topology {
    let foreign =
        Subscription { queue: "order_events".into(), declare: false, bindings: Vec::new(), ..subscription("billing") };
    Topology { subscriptions: vec![subscription("billing"), foreign], ..Topology::default() }
}

/// The names in a pattern, one by one.
fn names(pattern: &str) -> Vec<&str> {
    let inner = pattern.strip_prefix("^(").and_then(|pattern| pattern.strip_suffix(")$"));
    inner.expect("it is anchored").split('|').collect()
}

fn without(names: &[&str], left_out: usize) -> String {
    let kept: Vec<_> =
        names.iter().enumerate().filter(|(place, _)| *place != left_out).map(|(_, name)| *name).collect();
    format!("^({})$", kept.join("|"))
}

/// What a user may do in a virtual host of its own.
struct Case {
    left_out: String,
    patterns: [String; 3],
}

#[tokio::test(flavor = "multi_thread")]
async fn each_name_in_each_pattern_is_needed_on_a_fresh_broker_and_nothing_else_is() {
    let node = node().await;
    let wanted = wanted();
    let given = permissions("amqp://billing:secret@localhost", &wanted).publishing();
    let whole = [given.configure(), given.write(), given.read()];
    let mut cases = vec![Case { left_out: String::new(), patterns: whole.clone() }];
    for (kind, right) in ["configure", "write", "read"].into_iter().enumerate() {
        let names = names(&whole[kind]);
        for place in 0..names.len() {
            let mut patterns = whole.clone();
            patterns[kind] = without(&names, place);
            cases.push(Case { left_out: format!("{right} {}", names[place]), patterns });
        }
    }
    // one call of rabbitmqctl takes a second or two, and each case needs a virtual host where nothing exists
    let mut script = "rabbit_auth_backend_internal:add_user(<<\"billing\">>, <<\"secret\">>, <<\"test\">>),".to_owned();
    for (place, case) in cases.iter().enumerate() {
        let [configure, write, read] = case.patterns.each_ref().map(|pattern| pattern.replace('\\', r"\\"));
        let _ = write!(
            script,
            r#"rabbit_vhost:add(<<"least-{place}">>, <<"test">>),
            rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"least-{place}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>),
            rabbit_auth_backend_internal:set_permissions(<<"billing">>, <<"least-{place}">>, <<"{configure}">>, <<"{write}">>, <<"{read}">>, <<"test">>),"#,
        );
    }
    script.push_str("ok.");
    assert_eq!(node.ctl(&["eval", &script]).expect("it is done").trim(), "ok");

    for (place, case) in cases.iter().enumerate() {
        let vhost = format!("least-{place}");
        let owner = foreign(&url(node, "guest:guest", &vhost)).await;
        let declared =
            owner.queue_declare("order_events".into(), QueueDeclareOptions::default(), FieldTable::default());
        declared.await.expect("declared");
        let outcome = live(&url(node, "billing:secret", &vhost), &wanted).await;
        if case.left_out.is_empty() {
            outcome.expect("the whole is enough");
            continue;
        }
        let error = outcome.err().unwrap_or_else(|| panic!("all went well without {}", case.left_out));
        assert_eq!(error.kind(), ErrorKind::AccessRefused, "without {}: {error}", case.left_out);
        assert!(error.to_string().contains("lacks a permission"), "without {}: {error}", case.left_out);
    }
}

/// Whether the broker refused it for want of a right, which closes the channel.
fn is_refused<T>(outcome: Result<T, lapin::Error>) -> bool {
    let Err(error) = outcome else { return false };
    matches!(error.kind(), Lapin::ProtocolError(error) if error.get_id() == 403)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queues_of_others_can_be_neither_read_nor_written_nor_bound_nor_emptied() {
    let node = node().await;
    let ctl = |arguments: &[&str]| node.ctl(arguments).expect("it is done");
    ctl(&["add_vhost", "others"]);
    for service in ["charging", "shipping"] {
        let (login, wanted) = (format!("{service}:secret"), topology(&subscription(service)));
        let url = url(node, &login, "others");
        ctl(&["add_user", service, "secret"]);
        let given = permissions(&url, &wanted).publishing();
        // as an operator runs what the framework prints
        let printed = given.to_string();
        let command = printed.strip_prefix("rabbitmqctl ").expect("it is a command");
        let words: Vec<_> = command.split(' ').map(|word| word.trim_matches('\'')).collect();
        ctl(&words);
        live(&url, &wanted).await.expect("it may do what it needs");
    }

    let url = url(node, "charging:secret", "others");
    let (other, own) = ("shipping.charge", "charging.charge");
    let channel = async || -> Channel { foreign(&url).await };
    assert!(is_refused(channel().await.basic_get(other.into(), BasicGetOptions::default()).await), "read");
    assert!(is_refused(channel().await.queue_purge(other.into(), QueuePurgeOptions::default()).await), "emptied");
    assert!(is_refused(channel().await.queue_delete(other.into(), QueueDeleteOptions::default()).await), "deleted");
    for queue in ["shipping.charge.dead", "charging.charge.dead"] {
        let got = channel().await.basic_get(queue.into(), BasicGetOptions::default()).await;
        assert!(is_refused(got), "{queue} is an operator's to read");
    }
    let waiting = "eda.wait.shipping.100";
    let got = channel().await.basic_get(waiting.into(), BasicGetOptions::default()).await;
    assert!(is_refused(got), "read what waits");
    let bind = channel().await;
    let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
    let bound = bind.queue_bind(other.into(), "eda.events".into(), "#".into(), options, arguments).await;
    assert!(is_refused(bound), "bound");
    // through the default exchange, which leads into every queue by its name
    for (exchange, key) in [(waiting, ""), ("", waiting), ("", other), ("", own)] {
        let channel = channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let sent = channel.basic_publish(exchange.into(), key.into(), options, b"{}", properties).await.expect("sent");
        assert!(is_refused(sent.await), "published to `{exchange}` with `{key}`");
    }
    let declare = channel().await;
    let (options, arguments) =
        (QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() }, FieldTable::default());
    let declared = declare.queue_declare("charging.other".into(), options, arguments).await;
    assert!(is_refused(declared), "declared what it has no handler for");
}

/// What the guide and SECURITY.md say of the rest: RabbitMQ has rights on names, and a queue has the name of its exchange.
/// When this fails, they can promise more.
#[tokio::test(flavor = "multi_thread")]
async fn what_services_share_on_a_virtual_host_is_no_boundary() {
    let node = node().await;
    let ctl = |arguments: &[&str]| node.ctl(arguments).expect("it is done");
    ctl(&["add_vhost", "shared"]);
    let (victim, own) = (topology(&subscription("victim")), topology(&subscription("intruder")));
    let url = |service: &str| url(node, &format!("{service}:secret"), "shared");
    for (service, wanted) in [("victim", &victim), ("intruder", &own)] {
        let given = permissions(&url(service), wanted).publishing();
        ctl(&["add_user", service, "secret"]);
        ctl(&["set_permissions", "-p", "shared", service, &given.configure(), &given.write(), &given.read()]);
        live(&url(service), wanted).await.expect("it may do what it needs");
    }
    let channel = foreign(&url("intruder")).await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    for exchange in ["eda.retry", "eda.dead"] {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let sent = channel.basic_publish(exchange.into(), "victim.charge".into(), options, b"{}", properties).await;
        assert!(sent.expect("sent").await.expect("it is taken").is_ack(), "{exchange}");
    }
    channel.basic_get("eda.unrouted".into(), BasicGetOptions::default()).await.expect("it may be read");
}
