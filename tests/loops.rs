//! Loop threads: what each kind promises, how they begin and end.
#![cfg(not(any(miri, loom)))]
mod common;
#[path = "loops/operation.rs"]
mod operation;
#[path = "loops/pausable.rs"]
mod pausable;
#[path = "loops/periodic.rs"]
mod periodic;
#[path = "loops/stress.rs"]
mod stress;
#[path = "loops/timer.rs"]
mod timer;
#[path = "loops/tree.rs"]
mod tree;

use common::{AGES, Count, Log, in_time, panic_of};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use stopwhen::loops::{Builder, Continuous, State};
use stopwhen::*;

/// Keeps to itself what is reported of panics.
fn quiet(name: &str) -> (Root, Log) {
    let log = Log::new();
    let said = log.clone();
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current().is_none() {
            tell(panic)
        }
    }));
    let root = Root::builder(name).on_panic(move |panic| said.say(panic.message())).build();
    (root, log)
}

/// The message of the panic that a join tells.
#[track_caller]
fn panicked(joined: Result<(), JoinError>) -> String {
    match joined {
        Err(JoinError::Panicked(panic)) => panic.message().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn p1_a_body_is_run_until_it_is_stopped() {
    in_time("turns", || {
        let (turns, enough) = (Count::new(), Signal::new());
        let thread = ContinuousThread::run("loop", {
            let (turns, enough) = (turns.clone(), enough.clone());
            move |turn| {
                assert_eq!(turn.index(), turns.get() as u64);
                assert_eq!(turn.missed(), 0);
                assert!(turn.due() <= clock::now());
                turns.add();
                if turns.get() == 1000 {
                    enough.go();
                }
            }
        });
        assert_eq!((thread.name(), thread.path(), thread.state()), ("loop", "loop", State::Running));
        enough.wait();
        assert!(thread.stop() && !thread.stop());
        assert_eq!(thread.join(), Ok(()));
        assert!(turns.get() >= 1000 && thread.stopped().is_go());
        assert_eq!((thread.state(), thread.join()), (State::Ended, Ok(())), "joined as often as one likes");
        assert_eq!(thread.join_until(Duration::ZERO), Ok(()));
    });
}

#[test]
fn p1_a_turn_is_given_what_asks_it_to_stop() {
    in_time("a turn that waits", || {
        let thread = ContinuousThread::run("waiter", |turn| turn.please_stop().wait());
        assert_eq!(thread.join_until(Duration::from_millis(1)), Err(JoinError::Stopped));
        thread.please_stop().go_because("the test");
        assert_eq!(thread.join(), Ok(()));
    });
}

#[test]
fn p1_a_turn_ends_the_thread_by_itself() {
    in_time("the third turn", || {
        let turns = Count::new();
        let counted = turns.clone();
        let thread = ContinuousThread::run("three", move |turn| {
            counted.add();
            if turn.index() == 2 {
                turn.stop();
                assert!(!turn.please_stop().is_go(), "nobody is told before");
            }
        });
        assert_eq!((thread.join(), turns.get()), (Ok(()), 3));
        assert!(!thread.please_stop().is_go());
    });
}

/// A thread that logs what it does, and ends in a way.
fn logging(root: &Root, log: &Log, at: &'static str) -> Builder<Continuous, Rc<Cell<u32>>> {
    let (init, cleanup) = (log.clone(), log.clone());
    ContinuousThread::builder("logging")
        .under(root.as_ref())
        .init(move |please_stop| {
            assert_eq!(thread::current().expect("in a tree").please_stop(), please_stop);
            init.say("init");
            assert_ne!(at, "init", "planned");
            Rc::new(Cell::new(0)) // not Send
        })
        .cleanup(move |state| {
            cleanup.say(format!("cleanup({})", state.get()));
            assert_ne!(at, "cleanup", "planned");
        })
}

#[test]
fn p1_cleanup_runs_once_after_init_whatever_ends_the_turns() {
    let ends = [
        ("return", "init 0 1 cleanup(2)"),
        ("stop", "init 0 cleanup(1)"),
        ("panic", "init 0 cleanup(1)"),
        ("init", "init"),
        ("cleanup", "init 0 1 cleanup(2)"),
    ];
    for (at, said) in ends {
        in_time(at, move || {
            let ((root, reported), log) = (quiet("root"), Log::new());
            let turns = log.clone();
            let thread = logging(&root, &log, at).run(move |turn, state| {
                turns.say(turn.index().to_string());
                state.set(state.get() + 1);
                match at {
                    "panic" => panic!("planned"),
                    "stop" => assert!(thread::current().expect("in a tree").stop()),
                    _ if turn.index() == 1 => turn.stop(),
                    _ => {}
                }
            });
            let joined = thread.join();
            assert_eq!(log.said(), said, "{at}: by the time the join returns");
            let fails = ["panic", "init", "cleanup"].contains(&at);
            assert_eq!(joined.is_err(), fails, "{at}: {joined:?}");
            assert_eq!(thread.state(), if fails { State::Panicked } else { State::Ended }, "{at}");
            if fails {
                assert!(panicked(joined).contains("planned"));
                assert!(panicked(thread.join()).contains("planned"), "{at}: however often");
                assert_eq!(reported.said().matches("planned").count(), 1, "{at}: reported once, at once");
            }
            assert_eq!(root.shutdown(AGES), Ok(()));
            assert_eq!(root.take_panics(), [], "{at}: told once");
        });
    }
}

#[test]
fn p1_a_panic_of_cleanup_after_one_of_a_turn_is_not_lost() {
    in_time("two panics", || {
        let (root, reported) = quiet("root");
        let thread = ContinuousThread::builder("twice").under(root.as_ref()).cleanup(|()| panic!("second"));
        let thread = thread.run(|_, ()| panic!("first"));
        assert_eq!(panicked(thread.join()), "first");
        assert_eq!(reported.said(), "first second");
        let above: Vec<_> = root.take_panics().iter().map(|panic| panic.message().to_owned()).collect();
        assert_eq!(above, ["second"]);
    });
}

#[test]
fn p1_a_thread_stopped_before_its_first_turn_takes_none_and_cleans_up() {
    in_time("no turn", || {
        let ((root, _), log) = (quiet("root"), Log::new());
        let thread = logging(&root, &log, "").stop_when(Signal::done()).run(|_, _| panic!("a turn"));
        assert_eq!((thread.join(), log.said().as_str()), (Ok(()), "init cleanup(0)"));
    });
}

#[test]
fn p1_state_tells_that_it_cleans_up_and_that_it_ends_threads_below() {
    in_time("states", || {
        let (go_on, cleaning, clean) = (Signal::new(), Signal::new(), Signal::new());
        let thread = ContinuousThread::builder("states").cleanup({
            let (cleaning, clean) = (cleaning.clone(), clean.clone());
            move |()| {
                cleaning.go();
                clean.wait();
            }
        });
        let thread = thread.run({
            let go_on = go_on.clone();
            move |turn, ()| {
                go_on.wait();
                turn.stop();
            }
        });
        assert_eq!(thread.state(), State::Running);
        go_on.go();
        cleaning.wait();
        assert_eq!(thread.state(), State::Stopping);
        assert!(!thread.please_stop().is_go() && !thread.stopped().is_go());
        clean.go();
        thread.stopped().wait();
        assert_eq!(thread.state(), State::Ended);
    });
}

#[test]
fn cleanup_said_before_init_runs_all_the_same() {
    in_time("both", || {
        let log = Log::new();
        let thread = ContinuousThread::builder("both").cleanup({
            let log = log.clone();
            move |()| log.say("before")
        });
        let (state, last) = (Count::new(), log.clone());
        let token = state.token();
        let thread = thread.init(move |_| token).run(move |turn, _| {
            last.say("turn");
            turn.stop();
        });
        assert_eq!((thread.join(), log.said().as_str(), state.get()), (Ok(()), "turn before", 1));
    });
}

/// A state whose `Drop` panics is no reason to leave out what was to be done after it.
#[test]
fn p1_cleanup_said_before_init_runs_though_the_state_panics_as_it_is_dropped() {
    struct Planned;
    impl Drop for Planned {
        fn drop(&mut self) {
            panic!("planned");
        }
    }
    in_time("a state that panics", || {
        let ((root, _), log) = (quiet("root"), Log::new());
        let thread = ContinuousThread::builder("both").under(root.as_ref()).cleanup({
            let log = log.clone();
            move |()| log.say("clean")
        });
        let thread = thread.init(|_| Planned).run(|turn, _| turn.stop());
        assert_eq!((panicked(thread.join()).as_str(), log.said().as_str()), ("planned", "clean"));
    });
}

#[test]
fn a_loop_thread_is_a_thread_of_the_tree() {
    in_time("the tree", || {
        let ((root, _), enough) = (quiet("root"), Signal::named("enough"));
        let outer = ContinuousThread::builder("outer").under(root.as_ref()).stack_size(256 << 10).stop_when(&enough);
        let (path, told) = (Log::new(), Log::new());
        let outer = outer.run({
            let (path, told) = (path.clone(), told.clone());
            move |turn, ()| {
                let inner = ContinuousThread::run("inner", |turn| turn.please_stop().wait());
                path.say(inner.path());
                inner.stopped().on_go(told.says("inner has stopped"));
                inner.release();
                turn.please_stop().wait();
            }
        });
        outer.stopped().on_go(told.says("outer has stopped"));
        while root.tree().to_string().matches("please_stop, for").count() < 2 {
            std::thread::yield_now();
        }
        enough.go();
        assert_eq!(outer.join(), Ok(()));
        assert_eq!(path.said(), "root/outer/inner");
        assert_eq!(told.said(), "inner has stopped outer has stopped");
        assert_eq!(outer.please_stop().cause().expect("go").name(), Some("enough"));
        assert!(format!("{outer:?}").contains("Ended"), "{outer:?}");
    });
}

#[test]
fn a_loop_thread_ends_with_its_scope() {
    in_time("stop_on_drop", || {
        let log = Log::new();
        let cleanup = log.clone();
        let thread = ContinuousThread::builder("tied").cleanup(move |()| cleanup.say("clean"));
        let tied = thread.run(|turn, ()| turn.please_stop().wait()).stop_on_drop();
        assert_eq!(tied.state(), State::Running);
        drop(tied);
        assert_eq!(log.said(), "clean");
        let thread = PausableThread::run("free", |turn| turn.please_stop().wait()).stop_on_drop().disarm();
        assert!(!thread.please_stop().is_go());
        thread.stop();
        assert_eq!(thread.join(), Ok(()));
    });
}

#[test]
fn a_loop_thread_that_joins_itself_would_deadlock() {
    in_time("itself", || {
        let (send, own) = std::sync::mpsc::channel::<Arc<ContinuousThread>>();
        let told = Log::new();
        let said = told.clone();
        let thread = Arc::new(ContinuousThread::run("itself", move |turn| {
            let me = own.recv().expect("sent");
            said.say(format!("{:?}", me.join()));
            turn.stop();
        }));
        send.send(thread.clone()).expect("it runs");
        thread.stopped().wait();
        assert_eq!(told.said(), "Err(WouldDeadlock)");
    });
}

#[test]
fn a_loop_thread_under_one_that_has_ended_is_refused_and_all_is_dropped() {
    in_time("refused", || {
        let (root, dropped) = (Root::new("root"), Count::new());
        assert_eq!(root.shutdown(AGES), Ok(()));
        let (init, cleanup, body) = (dropped.token(), dropped.token(), dropped.token());
        let builder = ContinuousThread::builder("late").under(root.as_ref());
        let builder = builder.init(move |_| drop(init)).cleanup(move |()| drop(cleanup));
        let refused = builder.try_run(move |_, ()| _ = &body).map(|_| ()).unwrap_err();
        assert!(matches!(refused, SpawnError::ParentEnded { .. }), "{refused}");
        assert_eq!(dropped.get(), 3);
        let again = ContinuousThread::builder("late").under(root.as_ref());
        assert!(panic_of(|| again.run(|_, ()| ())).contains("root/late was not started"));
        let refused = Timer::builder("late").under(root.as_ref()).try_after(AGES, dropped.adds()).map(|_| ());
        assert!(refused.is_err());
        let worker = OperationThread::builder("late").under(root.as_ref());
        assert!(worker.try_run(|_, (), _: u32| ()).is_err());
    });
}

#[test]
fn handles_cross_threads_and_catches() {
    fn all<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe + AsRef<ThreadRef>>() {}
    all::<ContinuousThread>();
    all::<PausableThread>();
    all::<PeriodicThread>();
    all::<OperationThread<Cell<u32>>>();
    all::<Timer>();
}
