//! `cargo xtask build-times`: what somebody waits for who builds a service: all of it, an edited handler, many events and handlers.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many events, and how many handlers.
const MANY: usize = 200;

const HELLO: &str = r#"use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "user.joined")]
struct UserJoined(String);

#[handler]
async fn greet(user: UserJoined) {
    println!("Welcome, {}!", user.0);
}

#[tokio::main]
async fn main() -> eda::Result {
    tracing_subscriber::fmt::init();
    let broker = eda::connect("amqp://localhost").await?;
    Service::new("hello").handler::<greet>().run(&broker).await
}
"#;

/// An event and its handler by the macros; `@` is its number.
const BY_MACROS: &str = r#"
#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.changed@")]
pub struct Changed@ {
    pub order_id: u64,
    pub amount: u64,
}

/// Looks at it.
#[handler(retries = 5)]
pub async fn look@(changed: Changed@, meta: Meta) -> Result<(), Failure> {
    if changed.amount < u64::from(meta.attempt) { Err(Failure::permanent("not again")) } else { Ok(()) }
}
"#;

/// The same as `docs/expansion.md` shows it, without what is there for the compiler's words only.
const BY_HAND: &str = r#"
#[derive(Serialize, Deserialize)]
pub struct Changed@ {
    pub order_id: u64,
    pub amount: u64,
}

impl eda::Event for Changed@ {
    const NAME: &'static str = "order.changed@";
    fn encode(&self) -> eda::event::Encoded {
        eda::json::encode(self)
    }
    fn decode(body: &[u8]) -> eda::event::Decoded<Self> {
        eda::json::decode(body)
    }
}

pub async fn look@(changed: Changed@, meta: Meta) -> Result<(), Failure> {
    if changed.amount < u64::from(meta.attempt) { Err(Failure::permanent("not again")) } else { Ok(()) }
}

#[allow(non_camel_case_types)]
pub struct look@ {}

impl eda::Handler for look@ {
    type Event = Changed@;
    type Extract = (Meta,);
    type Output = Result<(), Failure>;
    const META: eda::HandlerMeta = eda::HandlerMeta::new("look@").doc("Looks at it.").retries(5);
    async fn call(changed: Self::Event, (meta,): Self::Extract) -> Self::Output {
        look@(changed, meta).await
    }
}
"#;

/// Builds small services of their own below `target`, and tells medians in seconds.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let rounds = match arguments {
        [] => 3,
        ["--rounds", rounds] => {
            rounds.parse().ok().filter(|rounds| *rounds > 0).ok_or("--rounds: expected a number from 1")?
        }
        _ => return Err("expected nothing, or --rounds N".into()),
    };
    let hello = service("hello", "main.rs", HELLO)?;
    let by_macros = service("by-macros", "lib.rs", &many(BY_MACROS))?;
    let by_hand = service("by-hand", "lib.rs", &many(BY_HAND))?;
    for folder in [&by_macros, &by_hand] {
        println!("checking what {} needs …", folder.display());
        cargo(folder, &["check"])?;
    }
    let (mut clean, mut edited, mut macros, mut hand) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        println!("{round}/{rounds}  hello from nothing …");
        let target = hello.join("target");
        if target.exists() {
            fs::remove_dir_all(&target).map_err(|error| format!("removing {}: {error}", target.display()))?;
        }
        clean.push(cargo(&hello, &["build"])?);
        write(&hello.join("src/main.rs"), &HELLO.replace("Welcome", &format!("Welcome {round} times")))?;
        edited.push(cargo(&hello, &["build"])?);
        println!("{round}/{rounds}  {MANY} events and handlers …");
        for (folder, times) in [(&by_macros, &mut macros), (&by_hand, &mut hand)] {
            touch(&folder.join("src/lib.rs"))?;
            times.push(cargo(folder, &["check"])?);
        }
    }
    let mut ratios: Vec<f64> =
        macros.iter().zip(&hand).map(|(one, other)| one.as_secs_f64() / other.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    println!("hello with RabbitMQ and a log, from nothing   {}", shown(clean));
    println!("the same with an edited handler               {}", shown(edited));
    println!("cargo check of {MANY} events and handlers        {}", shown(macros));
    println!("the same written by hand                      {}", shown(hand));
    println!("ratio, pair by pair                           {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

fn shown(mut times: Vec<Duration>) -> String {
    times.sort();
    let [first, .., last] = times.as_slice() else { return format!("{:.2?}", times[0]) };
    format!("{:.2?} ({first:.2?} to {last:.2?})", times[times.len() / 2])
}

/// So many copies with numbers, and a service that has all of the handlers.
fn many(one: &str) -> String {
    let mut text = String::from("use eda::prelude::*;\n");
    let mut service = String::from("\npub fn service() -> Service {\n    Service::new(\"many\")\n");
    for number in 0..MANY {
        text += &one.replace('@', &number.to_string());
        let _ = writeln!(service, "        .handler::<look{number}>()");
    }
    text + &service + "}\n"
}

/// A package that is no part of the workspace, with the versions that the workspace has.
fn service(name: &str, file: &str, text: &str) -> Result<PathBuf, String> {
    let root = crate::root().canonicalize().map_err(|error| format!("looking for the repository: {error}"))?;
    let folder = root.join("target/build-times").join(name);
    fs::create_dir_all(folder.join("src")).map_err(|error| format!("making {}: {error}", folder.display()))?;
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         eda-rs = {{ path = '{}', features = [\"rabbit\"] }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }}\ntracing-subscriber = \"0.3\"\n",
        root.display()
    );
    write(&folder.join("Cargo.toml"), &manifest)?;
    write(&folder.join("src").join(file), text)?;
    let lock = folder.join("Cargo.lock");
    fs::copy(root.join("Cargo.lock"), &lock).map_err(|error| format!("writing {}: {error}", lock.display()))?;
    Ok(folder)
}

/// How long cargo took, in a target of that package's own.
fn cargo(folder: &Path, words: &[&str]) -> Result<Duration, String> {
    let began = Instant::now();
    let status = Command::new(crate::cargo())
        .args(words)
        .arg("--quiet")
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("starting cargo: {error}"))?;
    if status.success() {
        Ok(began.elapsed())
    } else {
        Err(format!("cargo {} in {}: {status}", words.join(" "), folder.display()))
    }
}

fn touch(file: &Path) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("reading {}: {error}", file.display()))?;
    write(file, &text)
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("writing {}: {error}", file.display()))
}
