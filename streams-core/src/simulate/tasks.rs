//! What is under way, on one thread: which goes on next is drawn by lot.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::conformance::fixtures::Dice;

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is under way.
#[derive(Default)]
pub(super) struct Tasks {
    /// By number; none where one is over. With whose it is.
    all: Vec<Option<(usize, Running)>>,
    /// Those that can go on.
    ready: Arc<Mutex<Vec<usize>>>,
}

struct Waking {
    number: usize,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        let mut ready = super::lock(&self.ready);
        if !ready.contains(&self.number) {
            ready.push(self.number);
        }
    }
}

impl Tasks {
    pub(super) fn spawn(&mut self, who: usize, task: impl Future<Output = ()> + Send + 'static) {
        super::lock(&self.ready).push(self.all.len());
        self.all.push(Some((who, Box::pin(task))));
    }

    /// Ends all that somebody does, wherever it is.
    pub(super) fn end(&mut self, who: usize) {
        self.all
            .iter_mut()
            .filter(|task| task.as_ref().is_some_and(|(of, _)| *of == who))
            .for_each(|task| *task = None);
    }

    /// Goes on, until everybody waits.
    pub(super) fn run(&mut self, dice: &mut Dice) {
        loop {
            let mut ready = super::lock(&self.ready);
            if ready.is_empty() {
                return;
            }
            let place = dice.below(ready.len());
            let number = ready.swap_remove(place);
            drop(ready);
            let Some((_, task)) = &mut self.all[number] else { continue };
            let waker = Waker::from(Arc::new(Waking { number, ready: self.ready.clone() }));
            if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                self.all[number] = None;
            }
        }
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks").field("running", &self.all.iter().flatten().count()).finish()
    }
}

/// What a future gives that waits for nothing: a store in memory answers at once.
///
/// # Panics
///
/// Where it waits.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a store in memory answers at once"),
    }
}
