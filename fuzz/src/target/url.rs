//! URLs of whoever configures a service, passwords among them.

use eda_core::Topology;
use eda_core::transport::Permit;
use eda_rabbit::Config;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

const SECRET: &str = "s3cr3t-that-nobody-may-see";

/// A URL is read or refused with a word on what was expected; the password is in nothing that is shown, however it is
/// written, and one that is percent-encoded is always taken.
///
/// # Panics
/// Where that does not hold.
pub fn url(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    show(&text);
    show(&format!("amqp://{text}"));
    show(&format!("amqp://localhost/{text}"));
    show(&format!("amqp://localhost?{text}"));
    for url in [
        format!("amqp://me:{SECRET}{text}@localhost/vhost?prefetch=5"),
        format!("amqp://me:{text}{SECRET}@localhost"),
        format!("amqp://{SECRET}{text}:{SECRET}@one,two:5673"),
    ] {
        // a user is shown; what stands before the first colon is one
        let shown = show(&url).replace(&format!("{SECRET}{text}"), "");
        assert!(url.starts_with(&format!("amqp://{SECRET}")) || !shown.contains(SECRET), "{shown}");
    }
    let password = percent_encode(&[SECRET.as_bytes(), text.as_bytes()].concat(), NON_ALPHANUMERIC).to_string();
    let url = format!("amqp://me:{password}@localhost:5672/%2f?heartbeat=5");
    let config: Config = url.parse().expect("everything is percent-encoded");
    assert_eq!(config.address(), "localhost:5672");
    assert!(!show(&url).contains(SECRET));
}

/// All that is told of it.
fn show(url: &str) -> String {
    match url.parse::<Config>() {
        Ok(config) => {
            assert!(config.prefetch() > 0);
            let permissions = config.permissions(&Topology::default()).expect("it is empty");
            format!("{config:?} {config:#?} {} {permissions} {permissions:?}", config.address())
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty());
            format!("{text} {error:?} {error:#?}")
        }
    }
}
