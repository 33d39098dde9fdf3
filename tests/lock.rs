//! Lock: one thread inside, and those who wait for what it changes.
mod common;
use common::*;
use std::collections::VecDeque;
use std::time::Duration;
use stopwhen::{Lock, LockGuard, Signal, Stopped};

#[test]
fn smoke() {
    let l = Lock::new(0u64);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..100_000 {
                    *l.lock() += 1;
                }
            });
        }
    });
    assert_eq!(*l.lock(), 400_000);
    let q = Lock::new(VecDeque::new());
    let stop = Signal::new();
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                let mut n = 0;
                loop {
                    let x = q
                        .lock()
                        .wait_some_until(|q: &mut VecDeque<u32>| q.pop_front(), (&stop, Duration::from_micros(50)));
                    match x {
                        Ok(_) => n += 1,
                        Err(Stopped) if stop.is_go() => break n,
                        _ => {}
                    }
                }
            });
        }
        for i in 0..100_000 {
            q.lock().push_back(i);
        }
        q.lock().wait_while(|q| !q.is_empty());
        stop.go();
    });
}
