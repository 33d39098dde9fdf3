//! Threads of elsewhere that belong to the tree for a while.
use super::*;

/// On a thread of no tree.
fn elsewhere<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    std::thread::spawn(f).join().unwrap()
}

#[test]
fn h1_a_registered_thread_has_children_that_end_with_its_registration() {
    let _alone = alone();
    in_time("a registration", || {
        let registration = thread::register("foreign");
        let me = current().unwrap();
        assert_eq!((&me, me.path()), (registration.as_ref(), "foreign"));
        let helper = Thread::run("helper", |please_stop| please_stop.wait());
        assert_eq!(helper.path(), "foreign/helper");
        assert_eq!(me.tree().to_string().lines().next(), Some("foreign: runs code of its own"));
        drop(registration);
        assert!(helper.stopped().is_go() && me.stopped().is_go() && current().is_none());
    });
}

#[test]
fn a_registration_within_another_changes_nothing() {
    let _alone = alone();
    in_time("nested registrations", || {
        let outer = thread::register("outer");
        let root = Root::new("main");
        for inner in [thread::register("inner"), root.register("inner")] {
            assert_eq!(inner.as_ref(), outer.as_ref());
        }
        assert_eq!(current().unwrap(), *outer.as_ref(), "and dropping it neither");
        assert!(!outer.as_ref().stopped().is_go());
        drop(outer);
        let t = Thread::run("t", |_| thread::register("again").as_ref().path().to_owned());
        assert_eq!(t.join().unwrap(), "t");
    });
}

#[test]
fn a_registration_is_below_the_program_that_runs() {
    let _alone = alone();
    in_time("registrations in programs", || {
        let path = |name: &'static str| elsewhere(move || thread::register(name).as_ref().path().to_owned());
        assert_eq!(path("before"), "before");
        let code = Root::builder("outer").run(move |_| {
            assert_eq!(path("t"), "outer/t");
            Root::builder("inner").run(move |_| assert_eq!(path("t"), "inner/t"));
            assert_eq!(path("t"), "outer/t");
            assert_eq!(current().unwrap().path(), "outer", "the thread itself is in it");
        });
        assert_eq!((code, path("after")), (std::process::ExitCode::SUCCESS, "after".to_owned()));
        assert!(path("").starts_with("thread-"));
    });
}

/// It ends while the thread runs a program: the thread is in that one still, and in none afterwards.
#[test]
fn h1_a_registration_may_end_within_a_program() {
    let _alone = alone();
    in_time("ends out of order", || {
        let registration = thread::register("foreign");
        let me = registration.as_ref().clone();
        let code = Root::builder("main").run(|main| {
            drop(registration);
            assert!(me.stopped().is_go());
            assert_eq!(current().as_ref(), Some(main.as_ref()));
            assert_eq!(Thread::run("t", |_| ()).path(), "main/t");
        });
        assert_eq!((code, current()), (std::process::ExitCode::SUCCESS, None));
    });
}

/// Late, it is in nobody's way: it has been asked to stop, and is not waited for.
#[test]
fn a_registration_after_the_shutdown_is_told_to_stop() {
    in_time("a late registration", || {
        let root = Root::new("main");
        root.shutdown(AGES).unwrap();
        elsewhere(move || {
            let late = root.register("late");
            assert!(late.please_stop().is_go());
            assert_eq!((late.as_ref().path(), thread::sleep(AGES)), ("late", Err(Stopped)));
            let t = Thread::run("t", |please_stop| please_stop.is_go());
            assert_eq!((t.path(), t.join()), ("late/t", Ok(true)));
            assert_eq!(root.shutdown(Duration::ZERO), Ok(()));
        });
    });
}

#[test]
fn h5_panics_below_a_registration_travel_to_the_root() {
    in_time("panics below a registration", || {
        let (root, log) = heard("main");
        elsewhere({
            let root = root.clone();
            move || {
                let _registration = root.register("foreign");
                Thread::run("t", |_| boom("t"));
            }
        });
        let all = root.take_panics();
        assert_eq!((all.len(), all[0].path(), &*log.said()), (1, "main/foreign/t", "main/foreign/t:t"));
    });
}

/// H5: a thread that unwinds cannot pass on what callbacks panic with when its registration ends; each is told and counted all the same.
#[test]
fn h5_panics_at_the_end_of_a_registration_that_unwinds_are_told() {
    in_time("a registration that unwinds", || {
        let (root, log) = heard("main");
        let foreign = std::thread::spawn({
            let root = root.clone();
            move || {
                let registration = root.register("foreign");
                registration.as_ref().stopped().on_go(|| boom("at its end"));
                let t = Thread::run("t", |please_stop| please_stop.wait());
                t.please_stop().on_go(|| boom("asked"));
                let tied = Thread::run("tied", |please_stop| please_stop.wait()).stop_on_drop();
                tied.please_stop().on_go(|| boom("tied"));
                boom("its own");
            }
        });
        assert_eq!(message(&*foreign.join().unwrap_err()), "its own");
        assert_eq!(log.said(), "main/foreign/tied:tied main/foreign:asked main/foreign:at its end");
        let all = root.take_panics();
        assert_eq!(all.iter().map(|panic| panic.message()).collect::<Vec<_>>(), ["tied", "asked", "at its end"]);
    });
}

#[test]
fn a_registration_hears_of_the_stop() {
    in_time("a registered sleeper", || {
        let (root, ready) = (Root::new("main"), Signal::new());
        let foreign = std::thread::spawn({
            let (root, ready) = (root.clone(), ready.clone());
            move || {
                let _registration = root.register("foreign");
                ready.go();
                thread::sleep(AGES)
            }
        });
        ready.wait();
        root.stop();
        assert_eq!(foreign.join().unwrap(), Err(Stopped));
    });
}

// ---- sleep -----------------------------------------------------------------------------------------------

#[test]
fn a_sleep_ends_with_its_time_or_its_thread() {
    in_time("sleeps", || {
        assert_eq!(thread::sleep(Duration::from_micros(10)), Ok(()), "of no tree");
        let t =
            Thread::run("t", |_| (thread::sleep(Duration::from_micros(10)), thread::sleep(AGES), thread::sleep(AGES)));
        until(|| t.tree().to_string().contains("at most 3"));
        t.stop();
        assert_eq!(t.join().unwrap(), (Ok(()), Err(Stopped), Err(Stopped)));
        let told = Thread::builder("t").stop_when(Signal::done());
        assert_eq!(told.run(|_| thread::sleep(Duration::ZERO)).join().unwrap(), Err(Stopped));
    });
}
