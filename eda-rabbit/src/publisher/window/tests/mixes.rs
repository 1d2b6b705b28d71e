//! Every mix of what fails, each decided by a seed: what can be confirmed is, what is deadly is given up, and nothing else.

use super::*;

const SEEDS: u64 = 60;
const STEP: Duration = Duration::from_millis(40);

/// Knuth's linear congruential generator: any will do.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

struct Copy {
    id: &'static str,
    outcome: oneshot::Receiver<Result<()>>,
    told: Option<std::result::Result<(), ErrorKind>>,
}

impl Copy {
    fn look(&mut self) {
        self.told = self.told.or_else(|| kind(&mut self.outcome));
    }

    fn is_fine(&self) -> bool {
        match self.id {
            "good" | "slow" => self.told == Some(Ok(())),
            "deadly" => self.told == Some(Err(ErrorKind::Unconfirmed)),
            _ => self.told.is_none(),
        }
    }
}

fn id(outgoing: &Outgoing) -> &str {
    outgoing.properties.message_id().as_ref().map_or("", |id| id.as_str())
}

fn admit_some(window: &mut Window, random: &mut Random) -> Vec<Copy> {
    let routes = 1 + random.below(6);
    let counts = [
        ("deadly", random.below(3)),
        ("good", 1 + random.below(20)),
        ("silent", random.below(3)),
        ("full", random.below(4)),
        ("slow", random.below(8)),
    ];
    let mut ids: Vec<_> = counts.into_iter().flat_map(|(id, count)| (0..count).map(move |_| id)).collect();
    for index in (1..ids.len()).rev() {
        let other = random.below(index as u64 + 1);
        ids.swap(index, usize::try_from(other).unwrap_or_default());
    }
    let deadline = Instant::now() + Duration::from_secs(300);
    let mut copy = |id| {
        let key = if matches!(id, "silent" | "full" | "slow") {
            id.to_owned()
        } else {
            format!("route {}", random.below(routes))
        };
        Copy { id, outcome: admit_to(window, &key, id, deadline), told: None }
    };
    ids.into_iter().map(&mut copy).collect()
}

/// A network that comes and goes bears some few.
async fn flap(window: &mut Window, random: &mut Random) {
    for _ in 0..random.below(6) {
        let borne = usize::try_from(random.below(3)).unwrap_or_default();
        let good = take_waiting(window).into_iter().filter(|(_, outgoing)| id(outgoing) == "good");
        let words: Vec<_> = good.take(borne).map(|(number, _)| (number, ack(None))).collect();
        if !words.is_empty() {
            window.hear(words);
        }
        take_waiting(window);
        window.lose(None);
        tokio::time::advance(Duration::from_millis(100 + random.below(400))).await;
    }
}

/// One connection: what is deadly ends it, or is swallowed with all that comes after it. A slow queue takes half of its messages.
#[derive(Default)]
struct Way {
    coming: VecDeque<(Instant, u64, Word)>,
    ends_at: Option<Instant>,
    has_swallowed: bool,
}

impl Way {
    fn send(&mut self, window: &mut Window, random: &mut Random, swallows: bool, trip: Duration) {
        for (number, outgoing) in take_waiting(window) {
            let id = id(&outgoing);
            if id == "deadly" && swallows {
                self.has_swallowed = true;
            } else if id == "deadly" {
                self.ends_at.get_or_insert(Instant::now() + trip);
            }
            if !self.has_swallowed && self.ends_at.is_none() && id != "silent" {
                let is_refused = id == "full" || id == "slow" && random.below(2) == 0;
                self.coming.push_back((Instant::now() + trip, number, if is_refused { NACK } else { ack(None) }));
            }
        }
    }

    fn hear(&mut self, window: &mut Window) {
        let mut words = Vec::new();
        while let Some((_, number, word)) = self.coming.pop_front_if(|(due, ..)| *due <= Instant::now()) {
            words.push((number, word));
        }
        if !words.is_empty() {
            window.hear(words);
        }
        window.expire(Instant::now(), "");
    }
}

async fn unfinished(seed: u64) -> Vec<String> {
    let (mut random, mut window, began) = (Random(seed), Window::default(), Instant::now());
    let (swallows, trip) = (random.below(2) == 0, Duration::from_millis(10 + random.below(100)));
    let mut copies = admit_some(&mut window, &mut random);
    flap(&mut window, &mut random).await;
    let (mut way, mut other) = (Way::default(), None);
    while began.elapsed() < Duration::from_secs(295) && !copies.iter().all(Copy::is_fine) {
        other.replace(admit_to(&mut window, "other", "other", later()));
        way.send(&mut window, &mut random, swallows, trip);
        assert!(window.next_probe().is_none_or(|due| due > Instant::now()), "seed {seed}: it is asked again at once");
        tokio::time::advance(STEP).await;
        way.hear(&mut window);
        let now = Instant::now();
        if window.is_stuck(now) || way.ends_at.is_some_and(|at| at <= now) {
            window.lose(None);
            way = Way::default();
        }
        copies.iter_mut().for_each(Copy::look);
    }
    let unfinished = copies.iter().filter(|copy| !copy.is_fine());
    unfinished.map(|copy| format!("seed {seed}: {} {:?}", copy.id, copy.told)).collect()
}

#[tokio::test(start_paused = true)]
async fn in_every_mix_of_what_fails_each_gets_what_it_is_due() {
    let mut all = Vec::new();
    for seed in 0..SEEDS {
        all.append(&mut unfinished(seed).await);
    }
    assert!(all.is_empty(), "{all:#?}");
}
