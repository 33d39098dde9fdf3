//! A program: what `run` does at its end, and what code it ends with.
use super::*;
use std::process::ExitCode;
use std::sync::mpsc::Receiver;
use stopwhen::thread::Panic;

/// A program whose panics are heard, within a short grace.
fn program(grace: Duration) -> (stopwhen::thread::RootBuilder, Receiver<Panic>) {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let builder = Root::builder("main").grace(grace);
    (builder.on_panic(move |panic| tell.lock().unwrap().send(panic.clone()).unwrap()), told)
}

#[test]
fn h6_a_program_stops_its_threads_when_its_body_is_over() {
    let _alone = alone();
    in_time("a program", || {
        let (tell, told) = mpsc::channel();
        let code = stopwhen::run(move |main| {
            let me = current().expect("the main thread is in the tree");
            assert_eq!((&me, me.path()), (main.as_ref(), "main"));
            let worker = Thread::run("worker", |please_stop| please_stop.wait());
            assert_eq!(worker.path(), "main/worker");
            tell.send(worker.stopped().clone()).unwrap();
        });
        assert_eq!(code, ExitCode::SUCCESS);
        assert!(told.recv().unwrap().is_go());
        assert!(current().is_none());
    });
}

/// Whoever waits for the end of the program finds that its threads were told.
#[test]
fn h3_threads_are_told_before_main_goes_on() {
    let _alone = alone();
    in_time("main.stop()", || {
        let code = stopwhen::run(|main| -> Result<(), JoinError> {
            let worker = Thread::run("worker", |please_stop| please_stop.wait());
            let stop = main.clone();
            Thread::run("stopper", move |_| stop.stop());
            main.wait_for_shutdown();
            assert!(worker.please_stop().is_go());
            worker.join()
        });
        assert_eq!(code, ExitCode::SUCCESS);
    });
}

#[test]
fn h5_the_code_says_whether_it_went_well() {
    let _alone = alone();
    in_time("codes", || {
        let run = |body: fn(&Root) -> ExitCode| program(AGES).0.run(body);
        assert_eq!(run(|_| ExitCode::SUCCESS), ExitCode::SUCCESS);
        assert_eq!(run(|_| ExitCode::from(7)), ExitCode::from(7));
        let unjoined = |_: &Root| {
            Thread::run("above", |_| drop(Thread::run("t", |_| boom("t"))));
        };
        assert_eq!(program(AGES).0.run(unjoined), ExitCode::FAILURE, "nobody joined it");
        let code = program(AGES).0.run(|main| {
            unjoined(main);
            ExitCode::from(7)
        });
        assert_eq!(code, ExitCode::from(7), "the body's own is kept");
        let joined = |_: &Root| assert!(Thread::run("t", |_| boom("t")).join().is_err());
        assert_eq!(program(AGES).0.run(joined), ExitCode::SUCCESS, "somebody was told");
        let error = |_: &Root| Thread::run("t", |_| boom("t")).join();
        assert_eq!(program(AGES).0.run(|main| error(main).map(|_: ()| ())), ExitCode::FAILURE);
        let taken = |main: &Root| {
            let t = Thread::run("t", |_| boom("t"));
            t.stopped().wait();
            drop(t);
            assert_eq!(main.take_panics().len(), 1);
        };
        assert_eq!(program(AGES).0.run(taken), ExitCode::SUCCESS, "the body took them");
        let callback = |main: &Root| main.please_stop().on_go(|| boom("callback"));
        assert_eq!(program(AGES).0.run(callback), ExitCode::FAILURE, "of what hangs on its end");
    });
}

#[test]
fn h6_who_is_stuck_is_told_and_the_program_ends() {
    let _alone = alone();
    in_time("a thread that is stuck", || {
        let (go, (tell, told)) = (Signal::named("go"), mpsc::channel());
        let (wait, tell) = (go.clone(), Mutex::new(tell));
        let (builder, _) = program(Duration::from_millis(20));
        let builder = builder.on_stuck(move |stuck| tell.lock().unwrap().send(stuck.clone()).unwrap());
        let (give, given) = mpsc::channel();
        let code = builder.run(move |_| {
            let t = Thread::run("deaf", move |_| wait.wait());
            give.send(t.as_ref().clone()).unwrap();
        });
        assert_eq!(code, ExitCode::FAILURE);
        let stuck = told.recv().unwrap();
        assert_eq!((stuck.threads().len(), stuck.threads()[0].path()), (1, "main/deaf"));
        let state = stuck.threads()[0].state();
        assert!(state.starts_with("told to stop, waits for go, for "), "{state}");
        go.go();
        given.recv().unwrap().stopped().wait();
    });
}

/// A body that panics: its threads are stopped, and then that goes on.
#[test]
fn h6_a_body_that_panics_stops_its_threads_first() {
    let _alone = alone();
    in_time("a body that panics", || {
        let (tell, told) = mpsc::channel();
        let end = catch_unwind(AssertUnwindSafe(|| {
            program(AGES).0.run(|_| {
                let t = Thread::run("t", |please_stop| please_stop.wait());
                tell.send(t.stopped().clone()).unwrap();
                boom("body");
            })
        }));
        assert_eq!(message(&*end.unwrap_err()), "body");
        assert!(told.recv().unwrap().is_go());
        assert!(current().is_none());
    });
}

/// H5: where a panic happened is known in programs, by the panic hook.
#[test]
fn h5_a_program_knows_where_its_threads_panicked() {
    let _alone = alone();
    in_time("places", || {
        let (builder, told) = program(AGES);
        let code = builder.run(|_| {
            let line = line!() + 1;
            let here = Thread::run("here", |_| panic!("at {}", "some place"));
            let Err(JoinError::Panicked(panic)) = here.join() else { panic!("not told") };
            assert_eq!(panic.message(), "at some place");
            let place = panic.location().expect("the hook tells");
            assert!(place.starts_with(&format!("{}:{line}:", file!())), "{place}");
            assert_eq!(panic.to_string(), format!("thread main/here panicked at {place}: at some place"));
            // One that passes no hook has no place, though the thread has panicked before.
            let resumed = Thread::run("resumed", |_| {
                let _ = catch_unwind(|| panic!("before"));
                boom("resumed");
            });
            let Err(JoinError::Panicked(panic)) = resumed.join() else { panic!("not told") };
            assert_eq!((panic.message(), panic.location()), ("resumed", None));
        });
        assert_eq!(code, ExitCode::SUCCESS);
        let all: Vec<_> = told.iter().take(2).map(|panic| panic.path().to_owned()).collect();
        assert_eq!(all, ["main/here", "main/resumed"]);
    });
}

/// One program within another, as tests may have it: each is whole.
#[test]
fn programs_nest() {
    let _alone = alone();
    in_time("two programs", || {
        let code = Root::builder("outer").run(|_| {
            let inner = Root::builder("inner").run(|_| {
                assert_eq!(Thread::run("t", |_| ()).path(), "inner/t");
            });
            assert_eq!(inner, ExitCode::SUCCESS);
            assert_eq!(Thread::run("t", |_| ()).path(), "outer/t");
            assert_eq!(current().unwrap().path(), "outer");
        });
        assert_eq!(code, ExitCode::SUCCESS);
    });
}

/// The body may shut its own tree down; then nothing is left to do.
#[test]
fn h6_a_body_may_shut_down_itself() {
    let _alone = alone();
    in_time("a shutdown in the body", || {
        let code = program(AGES).0.run(|main| {
            Thread::run("t", |please_stop| please_stop.wait());
            main.shutdown(AGES).unwrap();
            assert!(panic_of(|| Thread::run("late", |_| ())).contains("main/late was not started"));
        });
        assert_eq!(code, ExitCode::SUCCESS);
    });
}

/// Its own end is another matter: the body runs on, and the tree says so.
#[test]
fn h2_a_root_has_not_stopped_before_its_body() {
    let _alone = alone();
    in_time("a root that runs on", || {
        let (tell, told) = mpsc::channel();
        let code = program(AGES).0.run(|main| {
            Thread::run("t", |please_stop| please_stop.wait()).release();
            main.shutdown(AGES).unwrap();
            assert!(!main.as_ref().stopped().is_go());
            assert_eq!(main.tree().to_string(), "main: stops its threads, runs");
            tell.send(main.as_ref().stopped().clone()).unwrap();
        });
        assert_eq!((code, told.recv().unwrap().is_go()), (ExitCode::SUCCESS, true));
    });
}

/// H3: a scope where nobody takes children any more hears of what they were told.
#[test]
fn h3_a_scope_after_the_shutdown_is_told_to_stop() {
    let _alone = alone();
    in_time("a late scope", || {
        let code = program(AGES).0.run(|main| {
            main.shutdown(AGES).unwrap();
            thread::scope(|s| {
                assert!(s.please_stop().is_go());
                let t = s.run("t", |please_stop| please_stop.wait());
                assert_eq!(t.join(), Ok(()));
            });
        });
        assert_eq!(code, ExitCode::SUCCESS);
    });
}

/// H5: such a scope is below nobody, and what its threads panicked with is not lost for that.
#[test]
fn h5_panics_of_a_scope_after_the_shutdown_travel_up() {
    let _alone = alone();
    in_time("a late scope that panics", || {
        let code = program(AGES).0.run(|main| {
            main.shutdown(AGES).unwrap();
            let scope = || {
                thread::scope(|s| {
                    s.run("t", |_| boom("t")).release();
                    boom("body");
                })
            };
            assert_eq!(message(&*catch_unwind(AssertUnwindSafe(scope)).unwrap_err()), "body");
            assert_eq!(main.take_panics().len(), 1);
        });
        assert_eq!(code, ExitCode::SUCCESS);
    });
}

/// R8: by a `Drop`, say.
#[test]
fn r8_a_program_may_run_while_a_panic_passes() {
    struct Program(mpsc::Sender<ExitCode>);
    impl Drop for Program {
        fn drop(&mut self) {
            let code = program(AGES).0.run(|_| assert_eq!(Thread::run("t", |_| 7).join(), Ok(7)));
            self.0.send(code).unwrap();
        }
    }
    let _alone = alone();
    in_time("a program in a panic", || {
        let (tell, told) = mpsc::channel();
        let end = catch_unwind(AssertUnwindSafe(|| {
            let _program = Program(tell);
            boom("passes");
        }));
        assert_eq!((message(&*end.unwrap_err()), told.recv().unwrap()), ("passes".to_owned(), ExitCode::SUCCESS));
    });
}
