//! What a person is told of a loop thread.
use super::*;

/// What the tree says of a thread, once it waits; the time left out.
fn seen(thread: &impl AsRef<ThreadRef>) -> String {
    loop {
        let line = thread.as_ref().tree().to_string();
        if line.contains("waits") {
            let end = line.rfind(", for ").expect("since when");
            return line[..end].to_owned();
        }
        std::thread::yield_now();
    }
}

/// That, without its digits.
fn roughly(thread: &impl AsRef<ThreadRef>) -> String {
    seen(thread).chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[test]
fn h1_the_tree_says_what_a_loop_thread_waits_for() {
    in_time("threads between turns", || {
        let hourly = PeriodicThread::builder("hourly", AGES).initial_delay(AGES).run(|_, ()| unreachable!());
        assert_eq!(roughly(&hourly), "hourly: waits for its next turn until hourly.please_stop or at most . s more");
        let paused = PausableThread::builder("paused").paused().run(|_, ()| unreachable!());
        assert_eq!(seen(&paused), "paused: waits to be resumed until paused.please_stop");
        let writer = OperationThread::run("writer", |_, ()| unreachable!());
        assert_eq!(seen(&writer), "writer: waits for an item until writer.please_stop");
        let timer = Timer::after(AGES, || unreachable!());
        assert_eq!(roughly(&timer), "timer: waits for its time until timer.please_stop or at most . s more");
        let threads: [&dyn AsRef<ThreadRef>; 4] = [&hourly, &paused, &writer, &timer];
        for thread in threads {
            thread.as_ref().stop();
            thread.as_ref().stopped().wait();
        }
    });
}

#[test]
fn h1_the_tree_says_whose_pause_is_waited_for() {
    in_time("a pause", || {
        let begun = Signal::new();
        let begins = begun.clone();
        let busy = Arc::new(PausableThread::run("busy", move |turn| {
            begins.go();
            turn.please_stop().wait();
        }));
        begun.wait();
        let theirs = busy.clone();
        let waiter = Thread::run("waiter", move |please_stop| theirs.pause_until(please_stop));
        assert_eq!(seen(&waiter), "waiter: waits for a pause of busy until waiter.please_stop");
        assert!(busy.stop());
        assert_eq!((waiter.join(), busy.join()), (Ok(Ok(())), Ok(())));
    });
}

/// H1: also of one whose wait has an end of its own.
#[test]
fn h1_who_waits_to_add_to_a_full_worker_is_seen_to() {
    in_time("a full worker", || {
        let worker = OperationThread::builder("writer").capacity(1).run(|please_stop, (), ()| please_stop.wait());
        let (worker, enough) = (Arc::new(worker), Signal::named("enough"));
        let (theirs, until) = (worker.clone(), enough.clone());
        let adds = Thread::run("adds", move |_| while theirs.add_until((), &until).is_ok() {});
        let told = "adds: waits in OperationThread::add of writer until writer.please_stop or enough";
        assert_eq!(seen(&adds), told);
        enough.go();
        assert_eq!(adds.join(), Ok(()));
        assert!(worker.stop());
        assert_eq!(worker.join(), Ok(()));
    });
}

/// H8: a worker without a name is numbered, and its queue with it.
#[test]
fn h8_who_waits_for_a_worker_without_a_name_is_seen_to_wait_for_its_number() {
    for bounded in [false, true] {
        in_time("a worker without a name", move || {
            let worker = OperationThread::builder("");
            let worker = if bounded { worker.capacity(1) } else { worker };
            let worker = Arc::new(worker.run(|please_stop, (), ()| please_stop.wait()));
            let name = worker.name().to_owned();
            assert!(name.starts_with("thread-"), "{name}");
            if bounded {
                let theirs = worker.clone();
                let adds = Thread::run("adds", move |_| while theirs.add(()).is_ok() {});
                assert_eq!(
                    seen(&adds),
                    format!("adds: waits in OperationThread::add of {name} until {name}.please_stop")
                );
            } else {
                assert_eq!(seen(&*worker), format!("{name}: waits for an item until {name}.please_stop"));
            }
            assert!(worker.stop());
            assert_eq!(worker.join(), Ok(()));
        });
    }
}

#[test]
#[rustfmt::skip] // a place is a line
fn h1_the_cause_of_an_end_is_where_the_loop_thread_was_made() {
    in_time("causes", || {
        fn goes(signal: &Signal, line: u32) {
            signal.wait();
            let cause = signal.cause().unwrap();
            assert_eq!((cause.location().file(), cause.location().line()), (file!(), line), "{cause}");
        }
        let (thread, line) = (ContinuousThread::run("continuous", |turn| turn.stop()), line!());
        goes(thread.stopped(), line);
        let (thread, line) = (PausableThread::builder("pausable").try_run(|turn, ()| turn.stop()).unwrap(), line!());
        goes(thread.stopped(), line);
        let (thread, line) = (PeriodicThread::run("periodic", AGES, |turn| turn.stop()), line!());
        goes(thread.stopped(), line);
        let (thread, line) = (OperationThread::run("operation", |_, ()| ()), line!());
        thread.close();
        goes(thread.stopped(), line);
        let (timer, line) = (Timer::after(Duration::ZERO, || ()), line!());
        goes(timer.stopped(), line);
        goes(timer.fired(), line);
    });
}
