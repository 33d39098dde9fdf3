//! Threads in a tree: starts against stops and ends, joins, panics on their way up, shutdowns, looks at who sleeps.
//!
//! What panics in a thread of the crate is caught there. So every tree here ends the process at a panic that no model has planned, loom's own
//! among them.
#![cfg(loom)]

use loom_tests::*;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use stopwhen::model::watching;
use stopwhen::{JoinError, Root, Signal, Thread};

const PLANNED: &str = "planned";

fn boom() -> ! {
    resume_unwind(Box::new(PLANNED))
}

/// Its shutdowns have all the time there is.
fn tree() -> Root {
    let root = Root::builder("main").grace(Duration::MAX);
    let root = root.on_panic(|panic| {
        if panic.message() != PLANNED {
            eprintln!("not planned: {panic}");
            std::process::abort();
        }
    });
    root.build()
}

fn shut_down(root: &Root) {
    assert_eq!(root.shutdown(None::<Signal>), Ok(()));
}

/// Panics that a join has told of.
fn told<R>(end: Result<R, JoinError>) -> usize {
    match end {
        Ok(_) | Err(JoinError::AlreadyTaken) => 0,
        Err(JoinError::Panicked(_)) => 1,
        Err(JoinError::Children(panics)) => panics.len(),
        Err(other) => panic!("{other}"),
    }
}

/// The life of one thread is some sixty steps, at its own lock, its parent's, and five signals: of all orders of two such lives there is no
/// end in two minutes, so these have a bound as if they were more. Where even the usual one takes longer the model says `only` itself.
fn two() -> Bound {
    threads(2).only(3)
}

// ---- starts ----------------------------------------------------------------------------------------------

/// J2. Breaks if a child that is made while its parent is asked is not asked.
#[test]
fn start_vs_stop_of_the_parent() {
    model("start_vs_stop_of_the_parent", threads(3), 7000, || {
        let root = tree();
        let (t, _) = join2(|| root.run("t", |please_stop| please_stop.wait()), || assert!(root.stop()));
        assert_eq!(t.join(), Ok(()));
        shut_down(&root);
    });
}

/// J1. Breaks if a parent takes a child after it has looked at its children, or does not wait for one that it took.
#[test]
fn start_vs_end_of_the_parent() {
    model("start_vs_end_of_the_parent", threads(3).only(2), 23_000, || {
        let (root, d) = (tree(), Payload::new());
        let parent = root.run("parent", |_| ());
        let seen = d.clone();
        let child = Thread::builder("child").under(parent.as_ref()).try_run(move |please_stop| {
            please_stop.wait();
            seen.set();
        });
        parent.stopped().wait();
        if let Ok(child) = child {
            assert!(child.stopped().is_go());
            d.check();
        }
        shut_down(&root);
    });
}

// ---- ends ------------------------------------------------------------------------------------------------

/// J3, H2. Breaks if a thread counts as stopped before its child.
#[test]
fn end_of_the_child_vs_end_of_the_parent() {
    model("end_of_the_child_vs_end_of_the_parent", threads(3), 55_000, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        let parent = root.run("parent", move |_| Thread::run("child", move |_| seen.set()).stopped().clone());
        parent.stopped().wait();
        d.check();
        assert!(parent.join().unwrap().is_go());
        shut_down(&root);
    });
}

/// Breaks if `stopped` does not go, or a join does not wait for it; or what is left is put down after it.
#[test]
fn join_vs_end() {
    model("join_vs_end", threads(2), 30, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        let t = root.run("t", move |_| {
            seen.set();
            7
        });
        assert_eq!(t.join(), Ok(7));
        d.check();
        assert_eq!(t.join(), Err(JoinError::AlreadyTaken));
    });
}

/// The same, by its signal alone: it does not wait for the platform's thread.
#[test]
fn join_until_vs_end() {
    model("join_until_vs_end", two(), 6_700, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        let t = root.run("t", move |_| {
            seen.set();
            7
        });
        assert_eq!(t.join_until(Duration::MAX), Ok(7));
        d.check();
    });
}

/// Breaks if a join that is stopped takes what it does not return.
#[test]
fn join_until_vs_end_vs_stop() {
    model("join_until_vs_end_vs_stop", threads(3).only(2), 7_500, || {
        let (root, stop, d) = (tree(), Signal::new(), Payload::new());
        let seen = d.clone();
        let t = root.run("t", move |_| {
            seen.set();
            7
        });
        let (_, end) = join2(|| stop.go(), || t.join_until(&stop));
        let end = end.or_else(|e| {
            assert_eq!(e, JoinError::Stopped);
            t.join()
        });
        assert_eq!(end, Ok(7));
        d.check();
    });
}

/// J3. Breaks if `stopped` goes before the last that the thread does.
#[test]
fn stopped_is_waited_for() {
    model("stopped_is_waited_for", two(), 6_100, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        let t = root.run("t", move |_| seen.set());
        t.stopped().wait();
        d.check();
        assert_eq!(t.join_until(Duration::ZERO), Ok(()), "the result is there");
    });
}

/// The same, of one who only looks: a poll is an edge, too.
#[test]
fn stopped_is_polled() {
    model("stopped_is_polled", two(), 570, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        let t = root.run("t", move |_| seen.set());
        if t.stopped().is_go() {
            d.check();
            assert!(root.as_ref().children().is_empty());
        }
    });
}

/// Breaks if the result is given to both, or to none, or the second does not wait.
#[test]
fn two_joiners() {
    model("two_joiners", threads(3), 28_000, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        let t = root.run("t", move |_| seen.set());
        let join = || {
            let end = t.join();
            d.look();
            assert!(t.stopped().is_go());
            end
        };
        let (a, b) = join2(join, join);
        assert!(
            a != b && [&a, &b].iter().all(|end| [&Ok(()), &Err(JoinError::AlreadyTaken)].contains(end)),
            "{a:?} {b:?}"
        );
    });
}

/// Breaks if what hangs on the end of a thread, and joins it, waits for itself.
#[test]
fn join_by_what_hangs_on_the_end() {
    model("join_by_what_hangs_on_the_end", two(), 24_000, || {
        let (root, joined) = (tree(), Signal::new());
        let t = root.run("t", |_| ());
        let (stopped, tell) = (t.stopped().clone(), joined.clone());
        stopped.on_go(move || {
            assert_eq!(t.join(), Ok(()));
            tell.go();
        });
        joined.wait();
    });
}

// ---- panics ----------------------------------------------------------------------------------------------

/// Breaks if a panic is not there when the thread has stopped.
#[test]
fn join_vs_panic() {
    model("join_vs_panic", threads(2), 36, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        let t = root.run("t", move |_| {
            seen.set();
            boom();
        });
        assert_eq!(told(t.join()), 1);
        d.check();
        assert_eq!(told(t.join()), 1, "as often as it is asked");
        shut_down(&root);
        assert!(root.take_panics().is_empty(), "it was told");
    });
}

/// J4. Breaks if of the end of a thread and the drop of its handle neither, or both, send its panic up.
#[test]
fn drop_of_the_handle_vs_panic() {
    model("drop_of_the_handle_vs_panic", two(), 8_900, || {
        let root = tree();
        let t = root.run("t", |_| boom());
        let me = t.as_ref().clone();
        drop::<Thread<()>>(t);
        me.stopped().wait();
        shut_down(&root);
        assert_eq!(root.take_panics().len(), 1);
    });
}

/// J4. Breaks if a thread takes itself out of the tree a step before its panic is with the parent.
#[test]
fn a_panic_that_nobody_will_join_vs_shutdown() {
    model("a_panic_that_nobody_will_join_vs_shutdown", two(), 12_000, || {
        let root = tree();
        root.run("t", |_| boom()).release();
        shut_down(&root);
        assert_eq!(root.take_panics().len(), 1, "whoever has ended its children has their panics");
    });
}

/// J4. Breaks if a handle that is dropped takes the panic a step before it is with the parent.
#[test]
fn drop_of_the_handle_vs_shutdown() {
    model("drop_of_the_handle_vs_shutdown", threads(3), 45_000, || {
        let root = tree();
        let t: Thread<()> = root.run("t", |_| boom());
        let (panics, _) = join2(
            || {
                shut_down(&root);
                root.take_panics().len()
            },
            || drop(t),
        );
        assert_eq!(panics, 1);
    });
}

/// J4. Breaks if what a joiner is told of threads below travels, too, or neither happens: it is copied for the parent, and the joiner
/// takes it.
#[test]
fn join_vs_shutdown_of_what_is_below() {
    model("join_vs_shutdown_of_what_is_below", threads(4), 55_000, || {
        let root = tree();
        let t = root.run("t", |_| drop(Thread::run("below", |_| boom())));
        let (up, joined) = join2(
            || {
                shut_down(&root);
                root.take_panics().len()
            },
            || told(t.join()),
        );
        assert_eq!(joined + up, 1);
    });
}

/// The panic itself: who joins is told, and it travels once at most.
#[test]
fn join_vs_shutdown_of_a_panic() {
    model("join_vs_shutdown_of_a_panic", threads(3), 26_000, || {
        let root = tree();
        let t: Thread<()> = root.run("t", |_| boom());
        let (_, joined) = join2(|| shut_down(&root), || told(t.join()));
        drop(t);
        assert_eq!(joined, 1);
        assert!(root.take_panics().len() <= 1);
    });
}

// ---- stops -----------------------------------------------------------------------------------------------

/// H3. Breaks if of two stops both won, or none, or the thread is not told.
#[test]
fn stop_vs_stop() {
    model("stop_vs_stop", threads(3), 15_000, || {
        let root = tree();
        let t = root.run("t", |please_stop| please_stop.wait());
        let (a, b) = join2(|| t.stop(), || t.stop());
        assert!(a != b);
        assert_eq!(t.join(), Ok(()));
    });
}

/// Breaks if of a thread's own stop and its parent's one is lost.
#[test]
fn stop_vs_stop_of_the_parent() {
    model("stop_vs_stop_of_the_parent", threads(3), 18_000, || {
        let root = tree();
        let t = root.run("t", |please_stop| please_stop.wait());
        join2(
            || {
                root.stop();
                assert!(t.please_stop().is_go());
            },
            || t.stop(),
        );
        assert_eq!(t.join(), Ok(()));
    });
}

/// J6. Breaks if a thread keeps its root, or the root its thread, or the last handle asks nobody.
#[test]
fn drop_of_the_root_vs_end_of_a_child() {
    model("drop_of_the_root_vs_end_of_a_child", threads(2), 110, || {
        let root = tree();
        let [a, d] = [(); 2].map(|()| Payload::new());
        let seen = d.clone();
        let t = root.run("t", move |_| {
            seen.set();
        });
        a.set();
        drop(root);
        assert!(t.please_stop().is_go());
        assert_eq!(t.join(), Ok(()));
        d.check();
    });
}

/// The same of one that waits for that.
#[test]
fn drop_of_the_root_vs_a_child_that_waits() {
    model("drop_of_the_root_vs_a_child_that_waits", two(), 500, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        let t = root.run("t", move |please_stop| {
            please_stop.wait();
            seen.check();
        });
        d.set();
        drop(root);
        drop(t);
    });
}

// ---- shutdowns -------------------------------------------------------------------------------------------

/// Breaks if a shutdown does not wait, or takes a thread after it has looked at all.
#[test]
fn shutdown_vs_start() {
    model("shutdown_vs_start", threads(3), 50_000, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        let (started, _) = join2(
            || {
                let t = Thread::builder("t").under(root.as_ref()).try_run(move |please_stop| {
                    please_stop.wait();
                    seen.set();
                });
                t.is_ok()
            },
            || {
                shut_down(&root);
                d.look();
            },
        );
        d.check_times(u32::from(started));
        assert!(root.as_ref().children().is_empty());
    });
}

/// Breaks if a child that ends by itself is lost on the way: it is waited for.
#[test]
fn shutdown_vs_end() {
    model("shutdown_vs_end", two(), 11_000, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        root.run("t", move |_| seen.set()).release();
        shut_down(&root);
        d.check();
    });
}

/// A thread that ends, one that begins, and the shutdown.
#[test]
fn shutdown_vs_end_vs_start() {
    model("shutdown_vs_end_vs_start", threads(4).only(1), 430, || {
        let root = tree();
        root.run("old", |_| ()).release();
        let (new, _) = join2(
            || Thread::builder("new").under(root.as_ref()).try_run(|please_stop| please_stop.wait()).ok(),
            || shut_down(&root),
        );
        if let Some(new) = new {
            assert!(new.stopped().is_go());
        }
    });
}

/// Breaks if a shutdown that finds a signal raised by another does not see that what hangs on it is still to be run. (At three preemptions
/// it does not end in ten minutes.)
#[test]
fn shutdown_vs_shutdown() {
    model("shutdown_vs_shutdown", threads(2).only(2), 124_000, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        root.please_stop().on_go(move || seen.set());
        let ends = || {
            shut_down(&root);
            d.check();
        };
        join2(ends, ends);
    });
}

/// Breaks if a shutdown takes another's place in line for something that hangs on a signal.
#[test]
fn shutdown_vs_shutdown_without_time() {
    model("shutdown_vs_shutdown_without_time", threads(2).only(2), 210_000, || {
        let root = tree();
        let at_once = || assert_eq!(root.shutdown(Duration::ZERO), Ok(()));
        join2(at_once, at_once);
    });
}

// ---- registrations ---------------------------------------------------------------------------------------

/// Breaks if a registration's end does not stop the threads below, or does not wait for them.
#[test]
fn end_of_a_registration_vs_a_child() {
    model("end_of_a_registration_vs_a_child", two(), 730, || {
        let (root, d) = (tree(), Payload::new());
        let seen = d.clone();
        let registration = root.register("foreign");
        Thread::run("t", move |please_stop| {
            please_stop.wait();
            seen.set();
        })
        .release();
        drop(registration);
        d.check();
    });
}

/// Breaks if a shutdown does not wait for one that registered, or a registration is taken after the shutdown's look.
#[test]
fn registration_vs_shutdown() {
    each_first("registration_vs_shutdown", threads(2).only(2), 9_300, |order| {
        let (root, d) = (tree(), Payload::new());
        order.race(
            || {
                let registration = root.register("foreign");
                d.set();
                registration.please_stop().wait();
                drop(registration);
            },
            || {
                shut_down(&root);
                assert!(root.as_ref().children().is_empty());
            },
        );
    });
}

// ---- looks -----------------------------------------------------------------------------------------------

/// Y1. Breaks if a sleeper that wakes does not wait for who looks at its note, or a note is left.
#[test]
fn look_vs_one_that_wakes() {
    watching(true);
    model("look_vs_one_that_wakes", two(), 43_000, || {
        let (root, go) = (tree(), Signal::named("go"));
        // Outside loom's view.
        let (wait, woken) = (go.clone(), Arc::new(AtomicBool::new(false)));
        let wakes = woken.clone();
        let t = root.run("t", move |_| {
            wait.wait();
            wakes.store(true, SeqCst);
        });
        go.go();
        let woken = woken.load(SeqCst);
        let shown = root.tree().to_string();
        assert!(!woken || !shown.contains("waits"), "{shown}");
        t.stopped().wait();
        assert_eq!(t.tree().to_string(), "t: has stopped");
    });
}

/// The same of one that waits for several.
#[test]
fn look_vs_one_of_several_that_wakes() {
    watching(true);
    model("look_vs_one_of_several_that_wakes", two(), 12_000, || {
        let (root, go) = (tree(), Signal::named("go"));
        let wait = go.clone();
        let t = root.run("t", move |please_stop| wait.wait_until(please_stop).is_ok());
        go.go();
        let shown = root.tree().to_string();
        assert!(!shown.contains("waits in"), "{shown}");
        t.stopped().wait();
        assert_eq!(t.join(), Ok(true));
    });
}
