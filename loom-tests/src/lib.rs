//! The harness of the models: how far they are explored, what they send across, how their threads are joined.
//!
//! Run them with `cargo loom`. A model is complete at its bound or it fails: nothing may cut a search short.
#![cfg(loom)]

#[cfg(stopwhen_shuttle)]
pub mod dice;
mod payload;
mod threads;

pub use payload::{Payload, Tally};
pub use threads::{Order, join2, join3, join4, raise};

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

/// Points in one execution where it could go on otherwise; more of them mean that something spins for ever.
const MAX_BRANCHES: usize = 50_000;

/// How far a model is explored: so many threads, the one that spawns the others among them, and so many preemptions.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    threads: usize,
    /// `None`: all there can be. More are tried if `LOOM_MAX_PREEMPTIONS` says so, never fewer.
    preemptions: Option<usize>,
}

/// The bound for that many threads.
pub fn threads(n: usize) -> Bound {
    let preemptions = match n {
        2 => None,
        3 => Some(3),
        4 => Some(2),
        _ => panic!("a model of {n} threads: two race, and more than four are not explored to a useful bound"),
    };
    Bound { threads: n, preemptions }
}

impl Bound {
    /// Fewer preemptions than that many threads deserve; the model says why.
    pub fn only(self, preemptions: usize) -> Bound {
        Bound { preemptions: Some(preemptions), ..self }
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

/// As [`model`], for contestants each of which once is the one that spawns the others.
///
/// loom keeps one last access of each atomic: a thread that loads and then writes hides from it another thread's earlier
/// load, and the order "the write first" may never be tried. The thread that spawns runs first of all, so between these
/// searches no order of two is left out.
pub fn each_first(name: &str, bound: Bound, floor: usize, f: impl Fn(Order) + Send + Sync + 'static) {
    let f = Arc::new(f);
    let search = |order| {
        let f = f.clone();
        explore(bound, move || f(order))
    };
    report(name, bound, floor, || Order::of(bound.threads).map(search).sum());
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
    let preemptions = preemptions(bound).map_or("any".to_owned(), |n| n.to_string());
    let seconds = begin.elapsed().as_secs_f64();
    println!("model {name}: {iterations} executions, {preemptions} preemptions, {seconds:.1} s");
    if !floors() {
        return;
    }
    assert!(iterations > 1, "{name} has not raced: one execution was all");
    assert!(
        iterations >= floor,
        "{name} has stopped racing: {iterations} executions, where there were {floor} or more"
    );
}

/// Whether too few executions are a failure. Not where the crate was broken on purpose: there only what a model asserts
/// shows that it noticed.
fn floors() -> bool {
    env::var_os("STOPWHEN_FLOORS").is_none_or(|value| value != "off")
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
    let own = bound.preemptions?;
    let asked = env::var("LOOM_MAX_PREEMPTIONS").map_or(own, |n| n.parse().expect("a number of preemptions"));
    assert!(asked >= own, "LOOM_MAX_PREEMPTIONS={asked} is less than this model's own bound, {own}");
    Some(asked)
}
