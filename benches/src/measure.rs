//! Timing in pairs: ours and the raw primitive take turns in one run, so that a machine whose speed drifts does not
//! favour either. What is told is the median of the rounds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// How often the two take turns.
const ROUNDS: usize = 15;

/// Nanoseconds for each of `per_round` runs of a function, once.
pub(crate) fn once(per_round: usize, mut run: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    for i in 0..per_round {
        run(i);
    }
    start.elapsed().as_nanos() as f64 / per_round as f64
}

/// The seconds that a core spends on a function that runs on this thread alone, where the system tells, to some
/// milliseconds; else those that pass. For what takes so long that others on the machine would be measured too.
pub(crate) fn core_seconds(run: impl FnOnce()) -> f64 {
    let spent = || {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        told.split_whitespace().next()?.parse::<u64>().ok()
    };
    let (start, before) = (Instant::now(), spent());
    run();
    match (before, spent()) {
        (Some(before), Some(after)) => (after - before) as f64 / 1e9,
        _ => start.elapsed().as_secs_f64(),
    }
}

/// The medians, in nanoseconds, of two functions that take turns, and that of their ratio in each round.
pub(crate) fn paired(per_round: usize, mut ours: impl FnMut(usize), mut raw: impl FnMut(usize)) -> Pair {
    let mut rounds: Vec<(f64, f64)> = Vec::new();
    for _ in 0..=ROUNDS {
        rounds.push((once(per_round, &mut ours), once(per_round, &mut raw)));
    }
    // The first round warms the caches.
    rounds.remove(0);
    Pair {
        ours: median(rounds.iter().map(|(ours, _)| *ours)),
        raw: median(rounds.iter().map(|(_, raw)| *raw)),
        ratio: median(rounds.iter().map(|(ours, raw)| ours / raw)),
    }
}

/// What [`paired`] found.
pub(crate) struct Pair {
    /// Nanoseconds of ours.
    pub(crate) ours: f64,
    /// Nanoseconds of the raw primitive.
    pub(crate) raw: f64,
    /// Ours by raw.
    pub(crate) ratio: f64,
}

/// The middle one.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The system's allocator, which counts the bytes that are held.
pub(crate) struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// The bytes that are held now.
pub(crate) fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

// SAFETY: every call goes to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        HELD.fetch_add(new_size, Ordering::Relaxed);
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}
