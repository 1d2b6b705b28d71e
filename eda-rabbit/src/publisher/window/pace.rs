//! How many messages may be on their way on a channel after a lost one: on a connection that comes and goes, what is on its
//! way comes twice. So many that are confirmed let one more go, as in TCP's slow start (RFC 5681 §3.1), and slower.

pub(super) const FIRST: usize = 16;
pub(super) const CONFIRMED_FOR_ONE_MORE: usize = 8;
/// From here on nothing holds back but the places in the window.
const ALL: usize = 1_000;

/// How many were confirmed on a channel after a lost one, until that is no matter any more.
#[derive(Default)]
pub(super) struct Pace(Option<usize>);

impl Pace {
    /// A channel was lost.
    pub(super) fn begin_slowly(&mut self) {
        self.0 = Some(0);
    }

    /// So many more have their word.
    pub(super) fn heard(&mut self, count: usize) {
        self.0 = self.0.map(|confirmed| confirmed + count).filter(|confirmed| allowance(*confirmed) < ALL);
    }

    /// Whether one more may go while so many are on their way.
    pub(super) fn allows(&self, open: usize) -> bool {
        self.0.is_none_or(|confirmed| open < allowance(confirmed))
    }
}

fn allowance(confirmed: usize) -> usize {
    FIRST + confirmed / CONFIRMED_FOR_ONE_MORE
}
