//! Timers.
use super::*;

#[test]
fn p5_a_timer_runs_its_function_once_on_a_thread_of_its_own() {
    in_time("a timer", || {
        let log = Log::new();
        let said = log.clone();
        let timer = Timer::after(Duration::from_millis(1), move || {
            said.say(thread::current().expect("in a tree").path());
        });
        assert_eq!(timer.name(), "timer");
        timer.fired().wait();
        assert_eq!(log.said(), "timer");
        assert!(!timer.cancel() && !timer.cancel(), "it has run");
        assert_eq!((timer.join(), timer.state()), (Ok(()), State::Ended));
        assert!(!timer.fired().go(), "a view");
    });
}

#[test]
fn p5_what_is_cancelled_never_runs() {
    in_time("cancel", || {
        let (ran, dropped) = (Count::new(), Count::new());
        let token = dropped.token();
        let adds = ran.adds();
        let timer = Timer::after(AGES, move || {
            let _token = token;
            adds();
        });
        assert_eq!(timer.state(), State::Running);
        assert!(timer.cancel());
        assert_eq!(dropped.get(), 1, "dropped by the call");
        assert!(timer.cancel(), "it is true for ever");
        assert_eq!((timer.join(), ran.get(), dropped.get()), (Ok(()), 0, 1));
        assert!(!timer.fired().is_go());
    });
}

#[test]
fn p5_a_stop_ends_it_unrun() {
    in_time("stop", || {
        let (root, dropped) = (Root::new("root"), Count::new());
        for how in ["stop", "condition", "parent", "scope"] {
            let (token, cond) = (dropped.token(), Signal::new());
            let timer = Timer::builder(how).under(root.as_ref()).stop_when(&cond);
            let timer = timer.after(AGES, move || panic!("{}", std::mem::size_of_val(&token)));
            let (fired, stopped) = (timer.fired().clone(), timer.stopped().clone());
            match how {
                "stop" => assert!(timer.stop() && timer.cancel(), "it never will"),
                "condition" => assert!(cond.go()),
                "parent" => assert_eq!(root.shutdown(AGES), Ok(())),
                _ => unreachable!("the root is shut down"),
            }
            (&fired | &stopped).wait();
            assert!(!fired.is_go() && timer.join().is_ok() && timer.cancel(), "{how}");
            if how == "parent" {
                break;
            }
        }
        assert_eq!(dropped.get(), 3);
        let token = dropped.token();
        drop(Timer::after(AGES, move || drop(token)).stop_on_drop());
        assert_eq!(dropped.get(), 4);
    });
}

#[test]
fn p5_dropping_the_handle_cancels_nothing() {
    in_time("dropped", || {
        let ran = Signal::new();
        let go = ran.clone();
        Timer::after(Duration::from_millis(1), move || _ = go.go()).release();
        ran.wait();
        let ran = Signal::new();
        let go = ran.clone();
        drop(Timer::at(clock::now(), move || _ = go.go()));
        ran.wait();
    });
}

#[test]
fn p5_a_panic_of_the_function_is_the_threads() {
    in_time("panic", || {
        let (root, reported) = quiet("root");
        let timer = Timer::builder("boom").under(root.as_ref()).after(Duration::ZERO, || panic!("boom"));
        timer.fired().wait();
        assert_eq!(panicked(timer.join()), "boom");
        assert_eq!((timer.cancel(), timer.state()), (false, State::Panicked));
        assert_eq!(reported.said(), "boom");
    });
}

#[test]
fn p5_cancel_from_inside_says_that_it_runs() {
    in_time("inside", || {
        let (send, own) = std::sync::mpsc::channel::<Arc<Timer>>();
        let timer = Arc::new(Timer::after(Duration::ZERO, move || assert!(!own.recv().expect("sent").cancel())));
        send.send(timer.clone()).expect("it runs");
        assert_eq!(timer.join(), Ok(()));
    });
}

/// Exactly one of "it never will" and a run, however close the two come.
#[test]
fn p5_cancelled_xor_ran() {
    in_time("races", || {
        let mut dice = common::Dice::new(5);
        let mut cancelled = 0;
        for _ in 0..100 {
            let ran = Count::new();
            let delay = Duration::from_micros(dice.below(120) as u64);
            let timer = Timer::after(delay, ran.adds());
            if dice.below(2) == 0 {
                (0..dice.below(8)).for_each(|_| std::thread::yield_now());
            }
            let never = timer.cancel();
            assert_eq!(timer.join(), Ok(()));
            assert_eq!(ran.get(), usize::from(!never));
            assert_eq!(timer.fired().is_go(), !never);
            assert_eq!(timer.cancel(), never, "the same for ever");
            cancelled += usize::from(never);
        }
        assert!(cancelled > 0);
    });
}

#[test]
fn p5_a_time_beyond_the_clock_never_comes() {
    in_time("never", || {
        let timer = Timer::after(Duration::MAX, || panic!("never"));
        assert!(timer.cancel());
        assert_eq!(timer.join(), Ok(()));
    });
}

#[cfg(feature = "test-clock")]
#[test]
fn p5_it_runs_at_its_time_to_the_nanosecond() {
    in_time("virtual time", || {
        let paused = clock::pause();
        let ran = Count::new();
        let timer = Timer::after(AGES, ran.adds());
        paused.wait_for_sleepers(1);
        paused.advance(AGES - Duration::from_nanos(1));
        assert!(timer.join_until(Signal::done()).is_err() && ran.get() == 0);
        paused.advance(Duration::from_nanos(1));
        timer.fired().wait();
        assert_eq!((timer.join(), ran.get()), (Ok(()), 1));
        // From the call: a thread that begins late makes nothing late.
        let timer = Timer::after(AGES, ran.adds());
        paused.advance(AGES);
        assert_eq!((timer.join(), ran.get()), (Ok(()), 2));
    });
}
