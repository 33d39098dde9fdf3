//! Threads that borrow: joined before what they borrow ends, so no handle is cloned that is not the subject.
use crate::Payload;
use loom::thread::{self, JoinHandle};
use std::mem::transmute;
use stopwhen::Signal;

/// Raises a signal, and before that writes what must be seen by whoever sees it go. True: it won.
pub fn raise(signal: &Signal, payload: &Payload) -> bool {
    payload.set();
    signal.go()
}

/// Lends the closure's borrows to a thread.
///
/// # Safety
/// The caller joins the thread before any of them ends. (A panic on the way is a model that failed: loom never runs the
/// other threads of such an execution again.)
unsafe fn lend<'a, T: 'static>(f: impl FnOnce() -> T + Send + 'a) -> JoinHandle<T> {
    let f: Box<dyn FnOnce() -> T + Send + 'a> = Box::new(f);
    // SAFETY: only the lifetime changes, and the caller's promise keeps what it stands for.
    thread::spawn(unsafe { transmute::<Box<dyn FnOnce() -> T + Send + 'a>, Box<dyn FnOnce() -> T + Send>>(f) })
}

fn end<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("a panic fails the model where it happens")
}

/// Runs `a` on a thread, `here` on this one, and returns when both have.
pub fn join2<A: 'static, Z>(a: impl FnOnce() -> A + Send, here: impl FnOnce() -> Z) -> (A, Z) {
    // SAFETY: joined below.
    let a = unsafe { lend(a) };
    let z = here();
    (end(a), z)
}

/// As [`join2`], with two threads.
pub fn join3<A: 'static, B: 'static, Z>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
    here: impl FnOnce() -> Z,
) -> (A, B, Z) {
    // SAFETY: joined below.
    let (a, b) = unsafe { (lend(a), lend(b)) };
    let z = here();
    (end(a), end(b), z)
}

/// As [`join2`], with three threads.
pub fn join4<A: 'static, B: 'static, C: 'static, Z>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
    c: impl FnOnce() -> C + Send,
    here: impl FnOnce() -> Z,
) -> (A, B, C, Z) {
    // SAFETY: joined below.
    let (a, b, c) = unsafe { (lend(a), lend(b), lend(c)) };
    let z = here();
    (end(a), end(b), end(c), z)
}

/// Which of the contestants spawns the others, and so runs first of all.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    first: usize,
}

impl Order {
    pub(crate) fn of(n: usize) -> impl Iterator<Item = Order> {
        (0..n).map(|first| Order { first })
    }

    /// Runs both at once, and returns when both have.
    pub fn race<A: 'static, B: 'static>(self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        if self.first == 0 {
            let (b, a) = join2(b, a);
            (a, b)
        } else {
            join2(a, b)
        }
    }

    /// As [`race`](Order::race), of three.
    pub fn race3<A: 'static, B: 'static, C: 'static>(
        self,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
        c: impl FnOnce() -> C + Send,
    ) -> (A, B, C) {
        match self.first {
            0 => {
                let (b, c, a) = join3(b, c, a);
                (a, b, c)
            }
            1 => {
                let (a, c, b) = join3(a, c, b);
                (a, b, c)
            }
            _ => join3(a, b, c),
        }
    }
}
