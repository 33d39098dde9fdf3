//! Threads in a tree: names and places, who ends before whom, what is told of panics, how all of it is shut down.
#[cfg(feature = "test-clock")]
#[path = "thread/aside.rs"]
mod aside;
mod common;
#[path = "thread/crossing.rs"]
mod crossing;
#[path = "thread/ends.rs"]
mod ends;
#[path = "thread/foreign.rs"]
mod foreign;
#[path = "thread/hangs.rs"]
mod hangs;
#[path = "thread/joins.rs"]
mod joins;
#[path = "thread/panics.rs"]
mod panics;
#[path = "thread/program.rs"]
mod program;
#[path = "thread/scope.rs"]
mod scope;
#[path = "thread/shutdown.rs"]
mod shutdown;
#[cfg(feature = "test-clock")]
#[path = "thread/timed.rs"]
mod timed;

use common::*;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::yield_now;
use std::time::Duration;
use stopwhen::thread::{StopOrder, current};
use stopwhen::{JoinError, Lock, Queue, Root, Signal, SpawnError, Stopped, Thread, ThreadRef, thread};

/// Panics, and the panic hook says nothing of it.
fn boom(word: &'static str) -> ! {
    resume_unwind(Box::new(word))
}

/// Waits for what another thread is about to do.
fn until(what: impl Fn() -> bool) {
    while !what() {
        yield_now();
    }
}

/// Whoever makes a program, or asks for the program's root, is the only one who does.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A root, and what it was told of panics at once.
fn heard(name: &str) -> (Root, Log) {
    let log = Log::new();
    let said = log.clone();
    let root = Root::builder(name).on_panic(move |panic| said.say(format!("{}:{}", panic.path(), panic.message())));
    (root.build(), log)
}

fn names(threads: &[ThreadRef]) -> String {
    threads.iter().map(ThreadRef::name).collect::<Vec<_>>().join(" ")
}

// ---- names and places ------------------------------------------------------------------------------------

#[test]
fn h1_every_thread_has_a_name_a_parent_and_its_signals() {
    in_time("three threads", || {
        let outer = Thread::run("outer", |please_stop| {
            let me = current().expect("in a tree");
            assert_eq!((me.name(), me.path()), ("outer", "outer"));
            assert_eq!(me.please_stop(), please_stop);
            let inner = Thread::run("inner", |_| {
                let innermost = Thread::run("innermost", |_| current().unwrap().path().to_owned());
                innermost.join().unwrap()
            });
            assert_eq!((inner.name(), inner.path()), ("inner", "outer/inner"));
            assert_eq!(inner.join().unwrap(), "outer/inner/innermost");
            me
        });
        assert!(!outer.stopped().go(), "a view");
        assert_eq!(outer.please_stop().name(), Some("outer.please_stop"));
        let me = outer.join().unwrap();
        assert_eq!(&me, outer.as_ref());
        assert!(me.stopped().is_go() && outer.stopped().is_go() && !outer.please_stop().is_go());
        assert_eq!(outer.stopped().cause().unwrap().name(), Some("outer.stopped"));
        assert!(current().is_none());
    });
}

#[test]
#[allow(clippy::mutable_key_type, reason = "equal by identity, whatever the thread does")]
fn h1_children_are_those_that_have_not_stopped_oldest_first() {
    in_time("children", || {
        let root = Root::new("main");
        let all: Vec<_> = ["a", "b", "c"].map(|name| root.run(name, |please_stop| please_stop.wait())).into();
        let me: &ThreadRef = root.as_ref();
        assert_eq!(names(&me.children()), "a b c");
        all[1].stop();
        all[1].stopped().wait();
        assert_eq!(names(&me.children()), "a c", "though it was not joined");
        assert_eq!(me.children()[0], *all[0].as_ref());
        let seen: HashSet<ThreadRef> =
            me.children().into_iter().chain(all.iter().map(|t| t.as_ref().clone())).collect();
        assert_eq!(seen.len(), 3, "clones are the same thread");
        root.shutdown(AGES).unwrap();
        assert_eq!(names(&me.children()), "");
    });
}

#[test]
fn h1_under_puts_a_thread_below_another() {
    in_time("a thread under another", || {
        let above = Thread::run("above", |please_stop| please_stop.wait());
        let below = Thread::builder("below").under(above.as_ref()).run(|please_stop| please_stop.wait());
        assert_eq!(below.path(), "above/below");
        above.stop();
        assert_eq!(above.join(), Ok(()));
        assert!(below.stopped().is_go());
        assert_eq!(below.join(), Ok(()));
    });
}

/// H1, H8: an empty name becomes `thread-N`, with the platform and in the tree.
#[test]
fn h8_the_platform_is_told_a_part_of_the_name_and_the_tree_all_of_it() {
    in_time("names", || {
        let os = || std::thread::current().name().unwrap().to_owned();
        let long = "ü".repeat(100);
        for (name, cut) in [("worker", "worker"), ("a\0b", "a_b"), (&*long, &*long)] {
            let t = Thread::run(name, move |_| os());
            assert_eq!(t.name(), name);
            let told = t.join().unwrap();
            assert!(!told.is_empty() && cut.starts_with(&told), "{told}");
        }
        let nameless = [Thread::run("", move |_| os()), Thread::run("", move |_| os())];
        for t in &nameless {
            assert!(t.name().strip_prefix("thread-").is_some_and(|n| n.parse::<u64>().is_ok()), "{}", t.name());
            assert_eq!(t.join().unwrap(), t.name());
        }
        assert_ne!(nameless[0].name(), nameless[1].name());
        let root = Root::new("");
        let name = root.as_ref().name();
        assert!(name.strip_prefix("thread-").is_some_and(|n| n.parse::<u64>().is_ok()), "{name}");
        assert_eq!(root.run("t", |_| ()).path(), format!("{name}/t"));
    });
}

#[test]
fn h9_outside_any_tree_a_thread_is_a_root_of_its_own() {
    in_time("two that do not meet", || {
        let [a, b] = ["a", "b"].map(|name| {
            Thread::run(name, |please_stop| {
                let below = Thread::run("below", |please_stop| please_stop.wait());
                please_stop.wait();
                below.path().to_owned()
            })
        });
        a.stop();
        assert_eq!(a.join().unwrap(), "a/below");
        assert!(!b.please_stop().is_go());
        b.stop();
        assert_eq!(b.join().unwrap(), "b/below");
    });
}

#[test]
fn a_thread_that_is_not_started_is_told_by_try_run() {
    in_time("refusals", || {
        let ended = Thread::run("ended", |_| current().unwrap()).join().unwrap();
        let dropped = Count::new();
        let token = dropped.token();
        let refused = Thread::builder("late").under(&ended).try_run(move |_| drop(token)).unwrap_err();
        assert_eq!(refused, SpawnError::ParentEnded { path: "ended/late".into() });
        assert_eq!(dropped.get(), 1, "its body is dropped");
        let told = panic_of(|| Thread::builder("late").under(&ended).run(|_| ()));
        assert_eq!(told, "thread ended/late was not started: its parent has ended, and takes no more children");
        let root = Root::new("main");
        root.shutdown(AGES).unwrap();
        assert!(panic_of(|| root.run("late", |_| ())).contains("main/late"));
    });
}

/// A platform that refuses leaves nothing in the tree.
#[test]
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn a_thread_that_the_platform_refuses_leaves_nothing_behind() {
    in_time("a refusal", || {
        let (root, dropped) = (Root::new("main"), Count::new());
        let token = dropped.token();
        let huge = Thread::builder("huge").stack_size(1 << 47).under(root.as_ref());
        let refused = huge.try_run(move |_| drop(token)).unwrap_err();
        let SpawnError::Refused { path, .. } = &refused else { panic!("{refused}") };
        assert_eq!((&**path, dropped.get()), ("main/huge", 1));
        assert!(refused.to_string().starts_with("thread main/huge was not started: "), "{refused}");
        assert!(root.as_ref().children().is_empty());
        assert_eq!(root.shutdown(AGES), Ok(()));
    });
}

/// R8: what the refused closure held panics when it is dropped; so does the platform's part with a stack larger than all there is.
#[test]
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn r8_a_refusal_that_panics_leaves_nothing_behind() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            boom("bomb");
        }
    }
    in_time("a refusal that panics", || {
        let root = Root::new("main");
        let huge = |bytes| Thread::builder("huge").stack_size(bytes).under(root.as_ref());
        let bomb = Bomb;
        let end = catch_unwind(AssertUnwindSafe(|| huge(1 << 47).try_run(move |_| std::mem::forget(bomb)).is_ok()));
        assert_eq!(message(&*end.unwrap_err()), "bomb");
        assert!(root.as_ref().children().is_empty());
        let end = catch_unwind(AssertUnwindSafe(|| huge(usize::MAX).try_run(|_| ()).is_ok()));
        assert!(!matches!(end, Ok(true)));
        assert!(root.as_ref().children().is_empty());
        thread::scope(|s| {
            let bomb = Bomb;
            let forgets = move |_: &Signal| std::mem::forget(bomb);
            let end = catch_unwind(AssertUnwindSafe(|| s.try_run(huge(1 << 47), forgets).is_ok()));
            assert_eq!(message(&*end.unwrap_err()), "bomb");
            assert!(s.as_ref().children().is_empty(), "and the scope ends");
        });
        assert_eq!(root.shutdown(AGES), Ok(()));
    });
}

#[test]
fn the_stack_is_as_large_as_asked_for() {
    fn deep(n: usize) -> usize {
        let room = std::hint::black_box([n; 1024]);
        if n == 0 { 0 } else { deep(n - 1) + room[1] - room[2] + 1 }
    }
    in_time("a deep stack", || {
        let t = Thread::builder("deep").stack_size(64 << 20).run(|_| deep(2000));
        assert_eq!(t.join(), Ok(2000));
    });
}

/// J6: a long way up is let go of without recursion, whoever is the last.
#[test]
fn a_chain_of_a_thousand_is_let_go_of_on_a_small_stack() {
    fn below(depth: usize, told: mpsc::Sender<ThreadRef>) {
        let last = depth == 0;
        let next = move |please_stop: &Signal| {
            if last {
                told.send(current().unwrap()).unwrap();
            } else {
                below(depth - 1, told);
            }
            please_stop.wait();
        };
        let small = Thread::builder("t").stack_size(128 << 10);
        small.run(next);
    }
    on_small_stack("a chain", || {
        let (tell, told) = mpsc::channel();
        let top = Thread::run("top", move |please_stop| {
            below(999, tell);
            please_stop.wait();
        });
        let last = told.recv().unwrap();
        assert_eq!(last.path().matches('/').count(), 1000);
        assert_eq!(top.tree().to_string().lines().count(), 1001);
        top.stop();
        assert!(last.please_stop().is_go(), "by the time the first is told, all are");
        assert_eq!(top.join(), Ok(()));
        drop(top);
        assert!(last.stopped().is_go());
        drop(last);
    });
}

// ---- what the tree shows ---------------------------------------------------------------------------------

#[test]
fn h1_the_tree_shows_each_thread_and_what_it_waits_on() {
    in_time("a tree", || {
        let root = Root::new("main");
        let (lock, jobs, go) =
            (Arc::new(Lock::new(())), Arc::new(Queue::<u8>::unbounded().named("jobs")), Signal::named("go"));
        let guard = lock.lock();
        let parent = root.run("parent", {
            let (lock, jobs, go) = (lock.clone(), jobs.clone(), go.clone());
            move |please_stop| {
                let child = Thread::run("child", move |please_stop| jobs.pop_until(please_stop).is_ok());
                Thread::run("locker", move |_| drop(lock.lock()));
                let (a, b) = (go.clone(), please_stop.clone());
                Thread::run("both", move |_| a.wait_until(&b).is_ok());
                child.join().unwrap();
            }
        });
        root.run("busy", {
            let go = go.clone();
            move |_| {
                while !go.is_go() {
                    std::hint::spin_loop();
                }
            }
        });
        until(|| root.tree().to_string().matches("waits").count() == 4);
        let shown = "main: has no thread of its own\n\
                     ├─ parent: waits in join of main/parent/child, for 0.0 s\n\
                     │  ├─ child: waits in Queue::pop of jobs until child.please_stop, for 0.0 s\n\
                     │  ├─ locker: waits in Lock, for 0.0 s\n\
                     │  └─ both: waits for go until parent.please_stop, for 0.0 s\n\
                     └─ busy: runs";
        let same_time = |tree: &str| {
            let digits = |s: &str| s.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
            digits(tree)
        };
        assert_eq!(same_time(&root.tree().to_string()), shown);
        assert!(same_time(&parent.tree().to_string()).starts_with("parent: waits in join of main/parent/child, for"));
        parent.stop();
        let ends = "├─ parent: its body is over, waits in join of main/parent/locker, for 0.0 s\n";
        until(|| same_time(&root.tree().to_string()).contains(ends));
        let shown = same_time(&root.tree().to_string());
        assert!(shown.contains("│  └─ locker: told to stop, waits in Lock, for 0.0 s\n"), "{shown}");
        drop(guard);
        go.go();
        assert_eq!(parent.join(), Ok(()));
        assert_eq!(parent.tree().to_string(), "parent: has stopped");
        root.shutdown(AGES).unwrap();
        assert_eq!(root.tree().to_string(), "main: has stopped");
        assert_eq!(format!("{:?}", parent), "Thread(ThreadRef { path: \"main/parent\", state: has stopped })");
    });
}
