//! What a person is told of a loop thread.
use super::*;

/// What the tree says of a thread, once it waits; the time left out.
fn seen(thread: &impl AsRef<ThreadRef>) -> String {
    loop {
        let line = thread.as_ref().tree().to_string();
        if line.contains("waits") {
            let end = line.rfind(", for ").expect("since when");
            return line[..end].chars().filter(|c| !c.is_ascii_digit()).collect();
        }
        std::thread::yield_now();
    }
}

#[test]
fn h1_the_tree_says_what_a_loop_thread_waits_for() {
    in_time("threads between turns", || {
        let hourly = PeriodicThread::builder("hourly", AGES).initial_delay(AGES).run(|_, ()| unreachable!());
        assert_eq!(seen(&hourly), "hourly: waits for its next turn until hourly.please_stop or at most . s more");
        let paused = PausableThread::builder("paused").paused().run(|_, ()| unreachable!());
        assert_eq!(seen(&paused), "paused: waits to be resumed until paused.please_stop");
        let writer = OperationThread::run("writer", |_, ()| unreachable!());
        assert_eq!(seen(&writer), "writer: waits for an item until writer.please_stop");
        let timer = Timer::after(AGES, || unreachable!());
        assert_eq!(seen(&timer), "timer: waits for its time until timer.please_stop or at most . s more");
        let threads: [&dyn AsRef<ThreadRef>; 4] = [&hourly, &paused, &writer, &timer];
        for thread in threads {
            thread.as_ref().stop();
            thread.as_ref().stopped().wait();
        }
    });
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
