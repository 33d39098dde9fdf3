//! The rows of threads: what a name, a place in a tree and a please_stop cost on top of the platform's thread.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use stopwhen::{Root, Thread};
use stopwhen_benches::time::each;
use stopwhen_benches::{Goal, Row, Suite};

fn main() {
    let mut suite = Suite::start("thread");
    run_and_join(&mut suite);
    stop_and_join(&mut suite);
    suite.finish();
}

fn named(f: impl FnOnce() -> usize + Send + 'static) -> thread::JoinHandle<usize> {
    thread::Builder::new().name("worker".into()).spawn(f).unwrap()
}

/// A thread that does nothing. Slower: what is made for each thread, or a second wake-up of who joins.
fn run_and_join(suite: &mut Suite) {
    let row = Row::ns("H1", "named thread with please_stop, run + join").median().goal(Goal::Peer(1.1));
    suite.group([row], |g| {
        g.rounds(60);
        g.ours(each(|| Thread::run("worker", |please_stop| usize::from(please_stop.is_go())).join().unwrap()));
        let root = Root::new("main");
        g.note("in a tree", each(move || root.run("worker", |stop| usize::from(stop.is_go())).join().unwrap()));
        g.peer("std, named", each(|| named(|| 0).join().unwrap()));
        g.note("std, with a flag", {
            each(|| {
                let stop = Arc::new(AtomicBool::new(false));
                let seen = stop.clone();
                let thread = named(move || usize::from(seen.load(Relaxed)));
                thread.join().unwrap()
            })
        });
    });
}

/// A thread that sleeps until it is asked to stop. Slower: as above, or the wake-up of a signal.
fn stop_and_join(suite: &mut Suite) {
    let row = Row::ns("H1-stop", "the same, asleep: run + stop + join").median();
    suite.group([row], |g| {
        g.rounds(60);
        g.ours(each(|| {
            let thread = Thread::run("worker", |please_stop| please_stop.wait());
            thread.stop();
            thread.join().unwrap();
        }));
        g.peer("std Condvar", {
            each(|| {
                let stop = Arc::new((Mutex::new(false), Condvar::new()));
                let seen = stop.clone();
                let thread = named(move || {
                    drop(seen.1.wait_while(seen.0.lock().unwrap(), |stop| !*stop).unwrap());
                    0
                });
                *stop.0.lock().unwrap() = true;
                stop.1.notify_all();
                thread.join().unwrap();
            })
        });
    });
}
