//! Semaphore: permits taken and given back.
mod common;
use common::*;
use stopwhen::{Semaphore, Signal, Stopped};

#[test]
fn what_is_taken_is_given_back() {
    let s = Semaphore::new(2);
    let one = s.acquire();
    let two = s.try_acquire().expect("a second");
    assert!(s.try_acquire().is_none());
    assert_eq!(s.acquire_until(Signal::done()).err(), Some(Stopped));
    drop((one, two));
    assert_eq!(s.available(), 2);
}
