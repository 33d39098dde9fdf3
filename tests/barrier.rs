//! Barrier: threads that meet.
mod common;
use common::*;
use std::time::Duration;
use stopwhen::{Barrier, BarrierError, Broken};

#[test]
fn smoke() {
    in_time("two threads meet", || {
        let b = Barrier::new(2);
        std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    for i in 0..100_000 {
                        assert_eq!(b.wait().unwrap().generation(), i);
                    }
                });
            }
        });
        assert_eq!(b.wait_until(Duration::ZERO), Err(BarrierError::Stopped));
        assert_eq!(b.wait(), Err(Broken));
    });
}
