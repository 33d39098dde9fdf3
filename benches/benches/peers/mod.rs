//! What more than one room compares with: the peers as latches, and a few ways to poll.
#![allow(dead_code, reason = "every bench binary takes what it needs")]

pub mod turns;

use std::cell::RefCell;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use stopwhen_benches::latch::Latch;
use tokio_util::sync::CancellationToken;

/// Polls once with a waker that does nothing: the future registers itself if it is not ready.
pub fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

struct Unparker(Thread);

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Parks until the future is ready; the waker is made once a thread, as executors do.
pub fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static WAKER: RefCell<Waker> =
            RefCell::new(Waker::from(Arc::new(Unparker(thread::current()))));
    }
    WAKER.with_borrow(|waker| {
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    })
}

impl Latch for Ours {
    fn fresh() -> Ours {
        Ours(stopwhen::Signal::new())
    }

    fn set(&self) {
        self.0.go();
    }

    fn wait(&self) {
        self.0.wait();
    }
}

/// Ours.
pub struct Ours(pub stopwhen::Signal);

/// std's Mutex and Condvar.
pub struct Std(Mutex<bool>, Condvar);

impl Latch for Std {
    fn fresh() -> Std {
        Std(Mutex::new(false), Condvar::new())
    }

    fn set(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    fn wait(&self) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |up| !*up).unwrap());
    }
}

/// parking_lot's Mutex and Condvar.
pub struct ParkingLot(parking_lot::Mutex<bool>, parking_lot::Condvar);

impl Latch for ParkingLot {
    fn fresh() -> ParkingLot {
        ParkingLot(parking_lot::Mutex::new(false), parking_lot::Condvar::new())
    }

    fn set(&self) {
        *self.0.lock() = true;
        self.1.notify_all();
    }

    fn wait(&self) {
        self.1.wait_while(&mut self.0.lock(), |up| !*up);
    }
}

/// synchronoise's event, which stays set.
pub struct Synchronoise(pub synchronoise::SignalEvent);

impl Latch for Synchronoise {
    fn fresh() -> Synchronoise {
        Synchronoise(synchronoise::SignalEvent::manual(false))
    }

    fn set(&self) {
        self.0.signal();
    }

    fn wait(&self) {
        self.0.wait();
    }
}

/// triggered's two halves.
pub struct Triggered(pub triggered::Trigger, pub triggered::Listener);

impl Latch for Triggered {
    fn fresh() -> Triggered {
        let (trigger, listener) = triggered::trigger();
        Triggered(trigger, listener)
    }

    fn set(&self) {
        self.0.trigger();
    }

    fn wait(&self) {
        self.1.wait();
    }
}

/// The crate oneshot, for one waiter; each half is taken out by who uses it.
pub struct Oneshot(Mutex<Option<oneshot::Sender<()>>>, Mutex<Option<oneshot::Receiver<()>>>);

impl Latch for Oneshot {
    fn fresh() -> Oneshot {
        let (sender, receiver) = oneshot::channel();
        Oneshot(Mutex::new(Some(sender)), Mutex::new(Some(receiver)))
    }

    fn set(&self) {
        let sender = self.0.lock().unwrap().take();
        sender.expect("set once").send(()).expect("the receiver is there");
    }

    fn wait(&self) {
        let receiver = self.1.lock().unwrap().take();
        receiver.expect("one waiter").recv().expect("the sender sends");
    }
}

/// tokio-util's token, awaited by a parked thread.
pub struct Cancel(pub CancellationToken);

impl Latch for Cancel {
    fn fresh() -> Cancel {
        Cancel(CancellationToken::new())
    }

    fn set(&self) {
        self.0.cancel();
    }

    fn wait(&self) {
        block_on(self.0.cancelled());
    }
}
