//! The harness of the models: how far they are explored, what they send across, how their threads are joined.
//!
//! Run them with `cargo loom`. A model is complete at its bound or it fails: nothing may cut a search short.
#![cfg(loom)]

mod payload;
mod threads;

pub use payload::{Payload, Tally};
pub use threads::{Order, join2, join3, join4, raise};

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

/// Switches of threads in one execution; more of them mean that something spins for ever.
const MAX_BRANCHES: usize = 50_000;

/// How many preemptions a search tries.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// All there can be.
    Unbounded,
    /// So many; more are tried if `LOOM_MAX_PREEMPTIONS` says so, never fewer.
    Preemptions(usize),
}

/// The bound for that many threads, the one that spawns the others among them.
pub fn threads(n: usize) -> Bound {
    match n {
        2 => Bound::Unbounded,
        3 => Bound::Preemptions(3),
        4 => Bound::Preemptions(2),
        _ => panic!("a model of {n} threads: two race, and more than four are not explored to a useful bound"),
    }
}

/// Explores every execution of `f` up to the bound.
///
/// # Panics
/// If an execution does, if there were fewer than `floor` executions (then it no longer races), or if the environment
/// asks for less than all of them.
pub fn model(name: &str, bound: Bound, floor: usize, f: impl Fn() + Send + Sync + 'static) {
    report(name, bound, floor, || explore(bound, f));
}

/// As [`model`], for `n` contestants, each of which once is the one that spawns the others.
///
/// loom keeps one last access of each atomic: a thread that loads and then writes hides from it another thread's earlier
/// load, and the order "the write first" may never be tried. The thread that spawns runs first of all, so between these
/// searches no order of two is left out.
pub fn each_first(name: &str, n: usize, floor: usize, f: impl Fn(Order) + Send + Sync + 'static) {
    let (f, bound) = (Arc::new(f), threads(n));
    let search = |order| {
        let f = f.clone();
        explore(bound, move || f(order))
    };
    report(name, bound, floor, || Order::of(n).map(search).sum());
}

/// Runs models whose words have nothing beside the lock bit, which spins as the program's does: models of the lock.
pub fn spinning(models: impl FnOnce()) {
    stopwhen::model::shadows(false);
    models();
    stopwhen::model::shadows(true);
}

/// Keeps panics with that message, which a model means to have, off the screen.
pub fn quietly(planned: &'static str) {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some(planned) {
            tell(panic);
        }
    }));
}

fn report(name: &str, bound: Bound, floor: usize, search: impl FnOnce() -> usize) {
    let begin = Instant::now();
    let iterations = search();
    println!("model {name}: {iterations} iterations, {:.1} s, {bound:?}", begin.elapsed().as_secs_f64());
    assert!(iterations > 1, "{name} has not raced: one execution was all");
    assert!(
        iterations >= floor,
        "{name} has stopped racing: {iterations} executions, where there were {floor} or more"
    );
}

/// The number of executions.
fn explore(bound: Bound, f: impl Fn() + Send + Sync + 'static) -> usize {
    let mut search = loom::model::Builder::new();
    search.max_branches = MAX_BRANCHES;
    search.preemption_bound = preemptions(bound);
    let iterations = Arc::new(AtomicUsize::new(0));
    let count = iterations.clone();
    search.check(move || {
        count.fetch_add(1, Relaxed);
        f();
    });
    iterations.load(Relaxed)
}

/// The bound, raised if the environment says so.
fn preemptions(bound: Bound) -> Option<usize> {
    for cut in ["LOOM_MAX_DURATION", "LOOM_MAX_PERMUTATIONS"] {
        assert!(env::var_os(cut).is_none(), "{cut} cuts a search short and reports success: unset it");
    }
    let asked = env::var("LOOM_MAX_PREEMPTIONS").ok().map(|n| n.parse::<usize>().expect("a number of preemptions"));
    match (bound, asked) {
        (Bound::Unbounded, _) => None,
        (Bound::Preemptions(n), None) => Some(n),
        (Bound::Preemptions(n), Some(asked)) => {
            assert!(asked >= n, "LOOM_MAX_PREEMPTIONS={asked} is less than this model's own bound, {n}");
            Some(asked)
        }
    }
}
