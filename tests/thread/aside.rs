//! What hangs on the signals that a shutdown raises: run aside, waited for within its time. On paused clocks.
use super::*;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Wake, Waker};
use stopwhen::clock;
use stopwhen::thread::Stuck;
use stopwhen::{Till, Until};

const GRACE: Duration = Duration::from_secs(10);

/// A shutdown on a thread of its own, on this clock.
fn shutting_down(root: &Root, until: impl Until + Send + 'static) -> Thread<Result<(), Stuck>> {
    let root = root.clone();
    Thread::run("closer", move |_| root.shutdown(until))
}

/// Below the root: `f` makes a Till, and hangs something on it; the thread sleeps until T8.
fn sleeper(root: &Root, f: impl FnOnce(&Till) + Send + 'static) -> Thread<()> {
    root.run("sleeper", |_| {
        f(&Till::after(AGES));
        Till::after(AGES).wait();
    })
}

/// Lets half of the grace go by, which ends that sleeper.
fn half_of_it(paused: &clock::Paused, sleeper: &Thread<()>) {
    paused.wait_for_sleepers(2); // it, and who shuts down
    paused.advance(GRACE / 2);
    sleeper.join().unwrap();
}

/// Lets all of the time go by, and gives back who is stuck: the callbacks, and no thread.
fn told_of_callbacks(paused: &clock::Paused, closer: &Thread<Result<(), Stuck>>, rest: Duration) {
    paused.wait_for_sleepers(1);
    assert!(!closer.stopped().is_go(), "they are waited for");
    paused.advance(rest);
    let stuck = closer.join().unwrap().unwrap_err();
    let told = "main has not stopped in time: 1 thread is stuck\n  main: runs what hangs on its signals";
    assert_eq!(stuck.to_string(), told);
}

/// R8, H5: a Till's callback that panics at half of the grace ends neither the shutdown nor what is told of it.
#[test]
fn r8_a_callback_that_panics_when_tills_go_early_does_not_end_the_shutdown() {
    in_time("a panic at half of the grace", || {
        let (paused, (root, log)) = (clock::pause(), heard("main"));
        let sleeper = sleeper(&root, |till| till.on_go(|| boom("callback")));
        let closer = shutting_down(&root, GRACE);
        half_of_it(&paused, &sleeper);
        assert_eq!(closer.join(), Ok(Ok(())));
        let panics = root.take_panics();
        assert_eq!((panics.len(), panics[0].path(), panics[0].message()), (1, "main", "callback"));
        assert_eq!(log.said(), "main:callback");
    });
}

/// The same of a program: it has not panicked, and its code says that not all went well.
#[test]
fn r8_nor_does_a_program_panic_by_a_callback_at_its_end() {
    let _alone = alone();
    in_time("a program", || {
        let paused = clock::pause();
        let (give, given) = mpsc::channel();
        let program = Thread::run("program", move |_| {
            catch_unwind(AssertUnwindSafe(|| {
                Root::builder("main").grace(GRACE).on_panic(|_| ()).run(|main| {
                    give.send(sleeper(main, |till| till.on_go(|| boom("callback")))).unwrap();
                })
            }))
        });
        half_of_it(&paused, &given.recv().unwrap());
        let code = program.join().unwrap().ok();
        assert_eq!(code, Some(ExitCode::FAILURE), "it is no panic of the body");
    });
}

#[test]
fn h6_a_slow_callback_of_a_till_does_not_outlast_a_shutdown() {
    in_time("a slow callback at half of the grace", || {
        let (paused, root, hold) = (clock::pause(), Root::new("main"), Signal::new());
        let wait = hold.clone();
        let sleeper = sleeper(&root, |till| till.on_go(move || wait.wait()));
        let closer = shutting_down(&root, GRACE);
        half_of_it(&paused, &sleeper);
        told_of_callbacks(&paused, &closer, GRACE / 2);
        hold.go();
        assert_eq!(root.shutdown(GRACE), Ok(()));
    });
}

#[test]
fn h6_a_slow_callback_of_a_please_stop_does_not_outlast_a_shutdown() {
    in_time("a slow callback of a please_stop", || {
        for of_root in [false, true] {
            let (paused, root, hold) = (clock::pause(), Root::new("main"), Signal::new());
            let t = root.run("t", |please_stop| please_stop.wait());
            let (wait, of) = (hold.clone(), if of_root { root.please_stop() } else { t.please_stop() });
            of.on_go(move || wait.wait());
            let closer = shutting_down(&root, GRACE);
            assert_eq!(t.join(), Ok(()), "it is told first");
            told_of_callbacks(&paused, &closer, GRACE);
            hold.go();
            assert_eq!(root.shutdown(GRACE), Ok(()));
        }
    });
}

/// T8 also while nothing but callbacks is waited for.
#[test]
fn t8_a_callback_does_not_sleep_through_the_rest() {
    in_time("a callback that sleeps", || {
        let (paused, root) = (clock::pause(), Root::new("main"));
        let till = root.run("maker", |_| Till::after(AGES)).join().unwrap();
        root.please_stop().on_go(move || till.wait());
        let closer = shutting_down(&root, GRACE);
        paused.wait_for_sleepers(1);
        paused.advance(GRACE / 2);
        assert_eq!(closer.join(), Ok(Ok(())));
    });
}

/// H6: wakers are foreign code, too.
#[test]
fn h6_a_slow_waker_does_not_outlast_a_shutdown() {
    struct Slow(Signal);
    impl Wake for Slow {
        fn wake(self: Arc<Self>) {
            self.0.wait();
        }
    }
    in_time("a slow waker", || {
        let (paused, root, hold) = (clock::pause(), Root::new("main"), Signal::new());
        let waker = Waker::from(Arc::new(Slow(hold.clone())));
        let asked = root.please_stop().clone();
        let mut task = pin!(asked.wait_async());
        assert!(task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let closer = shutting_down(&root, GRACE);
        asked.wait();
        told_of_callbacks(&paused, &closer, GRACE);
        hold.go();
        assert_eq!(root.shutdown(GRACE), Ok(()));
    });
}

#[test]
fn h6_a_slow_callback_of_the_roots_end_does_not_outlast_a_shutdown() {
    in_time("a slow callback of stopped", || {
        let (paused, root, hold) = (clock::pause(), Root::new("main"), Signal::new());
        let wait = hold.clone();
        root.as_ref().stopped().on_go(move || wait.wait());
        let closer = shutting_down(&root, GRACE);
        root.as_ref().stopped().wait();
        told_of_callbacks(&paused, &closer, GRACE);
        assert_eq!(root.tree().to_string(), "main: has stopped");
        hold.go();
        assert_eq!(root.shutdown(GRACE), Ok(()));
    });
}

/// H6: what the first shutdown told of is waited for, and told of, by those that come after it.
#[test]
fn h6_a_second_shutdown_waits_for_the_callbacks_of_the_first() {
    in_time("a callback that outlasts a shutdown", || {
        let (paused, root, hold, log) = (clock::pause(), Root::new("main"), Signal::new(), Log::new());
        let (wait, say) = (hold.clone(), log.clone());
        root.please_stop().on_go(move || {
            wait.wait();
            say.say("ran");
        });
        for _ in 0..3 {
            told_of_callbacks(&paused, &shutting_down(&root, GRACE), GRACE);
        }
        let closer = shutting_down(&root, GRACE);
        paused.wait_for_sleepers(1);
        hold.go();
        assert_eq!((closer.join(), log.said()), (Ok(Ok(())), "ran".to_owned()));
    });
}

/// S5: one after the other, whichever shutdown has raised what they hang on.
#[test]
fn h6_callbacks_of_two_shutdowns_are_run_in_the_order_of_their_signals() {
    in_time("callbacks of two shutdowns", || {
        let (paused, root, log) = (clock::pause(), Root::new("main"), Log::new());
        let [hold, free] = [Signal::new(), Signal::new()];
        let (wait, say) = (hold.clone(), log.clone());
        root.please_stop().on_go(move || {
            wait.wait();
            say.say("asked");
        });
        root.as_ref().stopped().on_go(log.says("stopped"));
        let wait = free.clone();
        let deaf = root.run("deaf", move |_| wait.wait());
        assert_eq!(root.shutdown(Duration::ZERO).unwrap_err().threads().len(), 2);
        free.go();
        assert_eq!(deaf.join(), Ok(()));
        let closer = shutting_down(&root, GRACE);
        root.as_ref().stopped().wait();
        told_of_callbacks(&paused, &closer, GRACE);
        assert_eq!(log.said(), "");
        hold.go();
        assert_eq!((root.shutdown(GRACE), log.said()), (Ok(()), "asked stopped".to_owned()));
    });
}

/// J7: a callback that shuts down itself does not wait for itself, and finds itself at work.
#[test]
fn h6_a_shutdown_in_a_callback_of_a_shutdown_does_not_wait_for_that() {
    in_time("a shutdown in a callback", || {
        for at_end in [false, true] {
            let (root, (tell, told)) = (Root::new("main"), mpsc::channel());
            let inside = root.clone();
            let of = if at_end { root.as_ref().stopped() } else { root.please_stop() };
            of.on_go(move || tell.send(inside.shutdown(AGES)).unwrap());
            assert_eq!(root.shutdown(AGES), Ok(()));
            let stuck = told.recv().unwrap().unwrap_err();
            assert_eq!(stuck.threads()[0].state(), "runs what hangs on its signals");
        }
    });
}
