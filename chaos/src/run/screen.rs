//! What a person sees while a run goes on.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::options::Options;

/// One line that is written over, or, where nobody watches, a line now and then.
#[derive(Default)]
pub(super) struct Screen {
    shown: Option<Instant>,
    before: (Duration, u64, u64),
}

impl Screen {
    pub(super) fn show(&mut self, options: &Options, elapsed: Duration, confirmed: u64, effects: u64, doing: &str) {
        let is_terminal = std::io::stdout().is_terminal();
        let pause = Duration::from_secs(if is_terminal { 1 } else { 10 });
        if self.shown.is_some_and(|shown| shown.elapsed() < pause) {
            return;
        }
        self.shown = Some(Instant::now());
        let (then, confirmed_then, effects_then) = std::mem::replace(&mut self.before, (elapsed, confirmed, effects));
        let millis = u64::try_from(elapsed.saturating_sub(then).as_millis()).unwrap_or(1).max(1);
        let rate = |now: u64, then: u64| (now - then) * 1_000 / millis;
        let (published, handled) = (rate(confirmed, confirmed_then), rate(effects, effects_then));
        let line = format!(
            "{:>5} s  {confirmed}/{} events confirmed ({published}/s), {effects} effects ({handled}/s)  {doing}",
            elapsed.as_secs(),
            options.events,
        );
        if is_terminal {
            print!("\r\x1b[2K{line}");
            let _ = std::io::stdout().flush();
        } else {
            println!("{line}");
        }
    }

    /// A line that stays.
    pub(super) fn say(text: &str) {
        if std::io::stdout().is_terminal() {
            print!("\r\x1b[2K");
        }
        println!("        {text}");
    }
}
