//! The part of a run that is measured: of all processes together, and while each of them handles.

use std::time::Instant;

use eda_bench::meter::Sample;

use crate::serve::Progress;

/// From a fifth of the deliveries, or from the moment when the last process has begun, to four fifths: the client of each holds
/// as many as its prefetch allows then.
pub(crate) struct Window {
    processes: Vec<Progress>,
    deliveries: u64,
    began: Option<(Instant, Progress)>,
}

impl Window {
    pub(crate) fn new(processes: usize, deliveries: u64) -> Self {
        Self { processes: vec![Progress::default(); processes], deliveries, began: None }
    }

    /// Enters how far one of the processes is; gives what all have done in the window when it is over.
    ///
    /// # Errors
    /// Where a process has not begun before most was done: nothing can be said of that many processes.
    pub(crate) fn enter(&mut self, index: usize, progress: Progress) -> Result<Option<Sample>, String> {
        self.processes[index] = progress;
        let now = self.sum();
        let Some((began, from)) = self.began else {
            let idle = self.processes.iter().filter(|progress| progress.handled == 0).count();
            if idle == 0 && now.handled >= self.deliveries / 5 {
                self.began = Some((Instant::now(), now));
            } else if now.handled >= self.deliveries / 2 {
                return Err(format!(
                    "{idle} processes have handled nothing, and half is done: expected more deliveries"
                ));
            }
            return Ok(None);
        };
        Ok((now.handled >= self.deliveries * 4 / 5).then(|| Sample {
            events: now.handled - from.handled,
            seconds: began.elapsed().as_secs_f64(),
            cpu_seconds: now.cpu_seconds - from.cpu_seconds,
            ..Sample::default()
        }))
    }

    fn sum(&self) -> Progress {
        self.processes.iter().fold(Progress::default(), |sum, progress| Progress {
            handled: sum.handled + progress.handled,
            cpu_seconds: sum.cpu_seconds + progress.cpu_seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(handled: u64) -> Progress {
        Progress { handled, cpu_seconds: eda_bench::meter::count(handled) / 1e3 }
    }

    #[test]
    fn it_begins_with_the_last_process_and_adds_all_up() {
        let mut window = Window::new(2, 1_000);
        for (index, handled) in [(0, 150), (0, 300), (1, 100), (0, 500)] {
            assert!(window.enter(index, at(handled)).expect("they have begun").is_none());
        }
        let sample = window.enter(1, at(300)).expect("they have begun").expect("four fifths are done");
        assert_eq!(sample.events, 400, "from 400 to 800");
        assert!((sample.cpu_seconds - 0.4).abs() < 1e-9, "{sample:?}");
    }

    #[test]
    fn a_process_that_had_nothing_to_do_is_an_error() {
        let mut window = Window::new(2, 1_000);
        assert!(window.enter(0, at(499)).expect("the other one may come").is_none());
        let error = window.enter(0, at(500)).expect_err("it is too late");
        assert!(error.starts_with("1 processes have handled nothing"), "{error}");
    }
}
