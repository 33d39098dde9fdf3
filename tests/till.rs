//! Till and the clock. A test says which promise it shows.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant, SystemTime};
use std::{future::Future, pin::pin, thread};
use stopwhen::{Signal, Till, clock};

const PATIENCE: Duration = Duration::from_secs(10);

/// Runs what might hang, and names it if it does.
fn in_time<R: Send + 'static>(step: &'static str, f: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, end) = channel();
    let worker = thread::spawn(move || {
        let result = f();
        let _ = done.send(());
        result
    });
    match end.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Timeout) => panic!("{step}: not done in {PATIENCE:?}"),
        _ => worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn spin_until(mut ready: impl FnMut() -> bool) {
    while !ready() {
        thread::yield_now();
    }
}

// ---- T1: never early, never lost -----------------------------------------------------------------------

#[test]
fn t1_is_never_early_for_callbacks_waits_or_polls() {
    in_time("a thousand short Tills", || {
        let early = Arc::new(AtomicUsize::new(0));
        let (ran, runs) = channel();
        for round in 0..1000_u64 {
            let begun = Instant::now();
            let d = Duration::from_micros(round * 2);
            let till = Till::after(d);
            let (early, ran) = (early.clone(), ran.clone());
            till.on_go(move || {
                early.fetch_add(usize::from(begun.elapsed() < d), SeqCst);
                let _ = ran.send(());
            });
            match round % 3 {
                0 => till.wait(),
                1 => spin_until(|| till.is_go()),
                _ => continue,
            }
            assert!(begun.elapsed() >= d);
        }
        (0..1000).for_each(|_| runs.recv().unwrap());
        assert_eq!(early.load(SeqCst), 0);
    });
}

#[test]
fn t1_past_or_zero_is_go_at_once() {
    let past = Instant::now().checked_sub(Duration::from_millis(1)).unwrap_or_else(Instant::now);
    let old = SystemTime::UNIX_EPOCH + secs(1);
    for till in [Till::secs(0), Till::millis(0), Till::after(Duration::ZERO), Till::at(past), Till::at_system(old)] {
        assert!(till.is_go());
        till.wait();
        let (ran, runs) = channel();
        till.on_go(move || ran.send(()).unwrap());
        assert!(runs.try_recv().is_ok(), "callbacks of what is go run inline");
        assert_eq!(till.remaining(), Some(Duration::ZERO));
    }
}

#[test]
fn t1_overflow_is_never_and_still_a_signal() {
    for till in [Till::after(Duration::MAX), Till::secs(u64::MAX), Till::millis(u64::MAX)] {
        assert!(!till.is_go());
        assert_eq!((till.deadline(), till.remaining()), (None, None));
        let (ran, runs) = channel();
        till.on_go(move || ran.send(()).unwrap());
        assert!(till.wait_until(Duration::from_micros(1)).is_err());
        assert!(till.go(), "it can still be raised by hand");
        assert!(runs.try_recv().is_ok());
    }
}

#[test]
fn t1_a_hundred_years_are_no_overflow() {
    let till = Till::secs(100 * 365 * 86_400);
    till.on_go(|| unreachable!("not in our time"));
    assert!(!till.is_go());
    assert!(till.remaining().unwrap() > secs(99 * 365 * 86_400));
}

#[test]
fn t1_ten_thousand_at_one_instant_all_go_in_the_order_in_which_they_were_armed() {
    in_time("ten thousand at once", || {
        let instant = Instant::now() + Duration::from_millis(20);
        let (ran, runs) = channel();
        let tills: Vec<Till> = (0..10_000).map(|_| Till::at(instant)).collect();
        for (n, till) in tills.iter().enumerate() {
            let ran = ran.clone();
            till.on_go(move || ran.send((n, Instant::now() >= instant)).unwrap());
        }
        drop(ran);
        // Those armed late, when it was past, ran inline.
        let order: Vec<_> = runs.iter().collect();
        assert_eq!(order.len(), 10_000);
        assert!(order.iter().all(|run| run.1), "none was early");
        assert!(tills.iter().all(Till::is_go));
    });
}

#[test]
fn t1_shorter_ones_made_later_are_not_held_up_by_longer_ones() {
    in_time("shorter after longer", || {
        let longer: Vec<Till> = (1..100).map(Till::secs).collect();
        longer.iter().for_each(|till| till.on_go(|| ()));
        let (ran, runs) = channel();
        let shorter = Till::millis(1);
        shorter.on_go(move || ran.send(()).unwrap());
        runs.recv().unwrap();
    });
}

// ---- T2: one thread, if any ----------------------------------------------------------------------------

/// The names of this process' threads, as the platform cuts them.
#[cfg(target_os = "linux")]
fn threads_named(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|comm| comm.trim() == name).count()
}

/// Runs one test of this file in a process of its own, where it finds the variable set.
#[cfg(target_os = "linux")]
fn alone(test: &str) -> bool {
    if std::env::var_os("TILL_TEST_ALONE").is_some() {
        return true;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let out = child.args(["--exact", test, "--nocapture"]).env("TILL_TEST_ALONE", "1").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stdout).contains("1 passed"));
    false
}

#[cfg(target_os = "linux")]
#[test]
fn t2_many_threads_that_arm_start_one_clock() {
    if alone("t2_many_threads_that_arm_start_one_clock") {
        thread::scope(|s| {
            (0..8).for_each(|_| drop(s.spawn(|| (0..100).for_each(|_| Till::secs(60).on_go(|| ())))));
        });
        // A new thread has its maker's name until it gives itself its own.
        spin_until(|| threads_named("stopwhen-clock") > 0);
        assert_eq!(threads_named("stopwhen-clock"), 1);
        assert_eq!(threads_named("stopwhen-callba"), 0, "no callback was due");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn t2_a_till_that_threads_wait_on_needs_no_clock() {
    if alone("t2_a_till_that_threads_wait_on_needs_no_clock") {
        let stop = Signal::new();
        Till::millis(1).wait();
        (&stop | Till::millis(1)).wait();
        assert!(stop.wait_until(Duration::from_millis(1)).is_err());
        assert!(stop.wait_until(Till::millis(1)).is_err());
        assert_eq!(threads_named("stopwhen-clock"), 0);
    }
}

#[test]
fn t2_a_till_polled_in_a_loop_goes() {
    in_time("polls", || {
        let begun = Instant::now();
        let stop = Signal::new() | Till::millis(2);
        spin_until(|| stop.is_go());
        assert!(begun.elapsed() >= Duration::from_millis(2));
    });
}

// ---- T4: deadlines of expressions ----------------------------------------------------------------------

#[test]
fn t4_deadline_of_or_is_the_minimum_of_and_the_maximum_of_k_the_kth() {
    let instants: Vec<Instant> = (1..=3).map(|n| Instant::now() + secs(100 * n)).collect();
    let tills: Vec<Till> = instants.iter().map(|&t| Till::at(t)).collect();
    let stop = Signal::new();
    assert_eq!(tills[0].deadline(), Some(instants[0]));
    assert_eq!((&tills[1] | &tills[0]).deadline(), Some(instants[0]));
    assert_eq!((&tills[1] & &tills[0]).deadline(), Some(instants[1]));
    assert_eq!(Signal::at_least(2, &tills).deadline(), Some(instants[1]));
    assert_eq!((&stop | &tills[2]).deadline(), Some(instants[2]));
    assert_eq!((&stop & &tills[2]).deadline(), None);
    assert_eq!(((&stop & &tills[0]) | (&tills[1] & &tills[2])).deadline(), Some(instants[2]));
    assert_eq!(stop.deadline(), None);
    assert_eq!(Signal::never().deadline(), None);
}

#[test]
fn t4_remaining_counts_down_to_zero() {
    let till = Till::secs(100) | Till::secs(200);
    let left = till.remaining().unwrap();
    assert!(left <= secs(100) && left > secs(90));
    assert_eq!(Till::secs(0).remaining(), Some(Duration::ZERO));
}

// ---- T5: a slow callback delays callbacks only ---------------------------------------------------------

struct Told(std::sync::mpsc::Sender<()>);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

/// False if a Till was due before it had its callback, which then ran here: it shows nothing.
fn a_slow_callback_delays_no_flag_and_no_wake() -> bool {
    let (begun, begin) = channel();
    let (release, released) = channel::<()>();
    Till::millis(5).on_go(move || {
        let in_line = thread::current().name() == Some("stopwhen-callbacks");
        begun.send(in_line).unwrap();
        if in_line {
            released.recv().unwrap();
        }
    });
    let mut shows = begin.recv().unwrap();
    let (told, tell) = channel();
    let waker = Waker::from(Arc::new(Told(told)));
    let late = Till::millis(5);
    let mut awaited = pin!(late.wait_async());
    shows &= awaited.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
    let ran = Arc::new(AtomicUsize::new(0));
    if shows {
        late.on_go({
            let ran = ran.clone();
            move || {
                let in_line = thread::current().name() == Some("stopwhen-callbacks");
                ran.store(if in_line { 1 } else { 2 }, SeqCst);
            }
        });
        tell.recv().unwrap();
        assert!(late.is_go());
        assert_ne!(ran.load(SeqCst), 1, "its callback waits in line");
    }
    let _ = release.send(());
    if shows {
        spin_until(|| ran.load(SeqCst) > 0);
    }
    shows && ran.load(SeqCst) == 1
}

#[test]
fn t5_a_slow_callback_delays_callbacks_only() {
    in_time("a slow callback", || spin_until(a_slow_callback_delays_no_flag_and_no_wake));
}

#[test]
fn s6_the_clock_outlives_callbacks_that_panic() {
    in_time("panicking callbacks", || {
        for _ in 0..3 {
            let (ran, runs) = channel();
            let till = Till::millis(1);
            // If it is due already, the callback runs here, and so does its panic.
            let _ =
                std::panic::catch_unwind(|| till.on_go(|| std::panic::resume_unwind(Box::new("a Till's callback"))));
            till.on_go(move || ran.send(()).unwrap());
            runs.recv().unwrap();
        }
    });
}

#[test]
fn a_callback_may_make_tills_and_wait_for_them() {
    in_time("Tills in callbacks", || {
        let (ran, runs) = channel();
        Till::millis(1).on_go(move || {
            Till::millis(1).wait();
            Till::millis(1).on_go(move || ran.send(()).unwrap());
        });
        runs.recv().unwrap();
    });
}

// ---- T6, delayed ---------------------------------------------------------------------------------------

#[test]
fn t6_at_system_follows_the_wall_clock_of_its_creation() {
    let till = Till::at_system(SystemTime::now() + secs(100));
    assert!(!till.is_go());
    let left = till.remaining().unwrap();
    assert!(left <= secs(100) && left > secs(90));
}

#[test]
fn delayed_goes_so_long_after_its_source_and_never_without_it() {
    in_time("delayed", || {
        let source = Signal::new();
        let late = source.delayed(Duration::from_millis(2));
        assert!(!late.is_go() && !late.go(), "it only looks");
        assert_eq!(late.deadline(), None, "nobody knows yet");
        let gone_at = Instant::now();
        source.go();
        assert!(late.deadline().is_some());
        late.wait();
        assert!(gone_at.elapsed() >= Duration::from_millis(2));
        assert!(Signal::done().delayed(Duration::ZERO).is_go());
    });
}

#[test]
fn delayed_dies_with_its_source() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let source = Signal::new();
    let late = source.delayed(secs(1));
    let capture = Dropped(drops.clone());
    late.on_go(move || drop(capture));
    drop(source);
    assert_eq!(drops.load(SeqCst), 1, "nobody can raise it any more: its callbacks are dropped");
    assert!(!late.is_go());
}

#[test]
fn a_till_raised_by_hand_goes_once() {
    in_time("raised by hand", || {
        let runs = Arc::new(Mutex::new(Vec::new()));
        let till = Till::millis(1);
        for n in 0..3 {
            let runs = runs.clone();
            till.on_go(move || runs.lock().unwrap().push(n));
        }
        till.go();
        spin_until(|| runs.lock().unwrap().len() == 3);
        Till::millis(2).wait();
        let (done, end) = channel();
        Till::millis(1).on_go(move || done.send(()).unwrap());
        end.recv().unwrap();
        assert_eq!(*runs.lock().unwrap(), [0, 1, 2]);
    });
}

#[test]
fn now_is_the_clock_that_tills_go_by() {
    let (before, now, after) = (Instant::now(), clock::now(), Instant::now());
    assert!(before <= now && now <= after);
}

#[cfg(feature = "test-clock")]
#[path = "till/paused.rs"]
mod paused;
