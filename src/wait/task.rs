//! Tasks: a future with a node of its own.
use super::core::Core;
use super::handle::{Handle, User};
use super::waiter::{Node, Wake};
use std::future::Future;
use std::marker::{PhantomData, PhantomPinned};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

/// A future that is ready once a signal is go.
///
/// Made by [`Signal::wait_async`](crate::Signal::wait_async) and by awaiting a signal. It looks, and cannot raise: a
/// task that awaits the last handle of a signal awaits what nobody can raise any more.
///
/// # Cancel safety
/// Dropping it at any point leaves nothing behind. Polled with another waker, it forgets the one before.
#[must_use = "futures do nothing unless awaited"]
pub struct WaitAsync<'a> {
    core: NonNull<Core>,
    /// Ours to drop, if it is not borrowed.
    _user: Option<User>,
    node: Node,
    hung: bool,
    _borrows: PhantomData<&'a Handle>,
    _pin: PhantomPinned,
}

// SAFETY: the node is shared with raisers as N1 says; wakers are Send and Sync.
unsafe impl Send for WaitAsync<'_> {}
// SAFETY: a shared WaitAsync offers nothing.
unsafe impl Sync for WaitAsync<'_> {}

impl<'a> WaitAsync<'a> {
    pub(crate) fn borrowing(signal: &'a Handle) -> Self {
        Self::new(NonNull::from(signal.core()), None)
    }

    pub(crate) fn owning(signal: Handle) -> Self {
        let user = signal.into_user();
        Self::new(NonNull::from(user.core()), Some(user))
    }

    fn new(core: NonNull<Core>, user: Option<User>) -> Self {
        let node = Node::new();
        WaitAsync { core, _user: user, node, hung: false, _borrows: PhantomData, _pin: PhantomPinned }
    }

    /// Hangs the node, or changes its waker. True: go.
    fn hang(&mut self, waker: Waker) -> bool {
        // SAFETY: borrowed or owned: alive.
        let core = unsafe { self.core.as_ref() };
        if !self.hung {
            self.hung = true;
            // SAFETY: pinned (called from `poll` only), and `drop` leaves.
            return unsafe { self.node.hang(core, Wake::Task(waker)) }.is_err() && core.is_up();
        }
        let held = core.lock();
        let word = held.word();
        let old = if word.is_down() {
            // SAFETY: N1.
            self.node.wake.with_mut(|w| unsafe { (*w).replace(Wake::Task(waker)) })
        } else {
            Some(Wake::Task(waker))
        };
        drop(held);
        drop(old); // foreign code
        word.is_up()
    }
}

impl Future for WaitAsync<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: borrowed or owned: alive.
        let core = unsafe { this.core.as_ref() };
        if core.is_up() || !this.hung && core.look().asks() && core.observe(true) {
            return Poll::Ready(());
        }
        // The waker is cloned before any lock is taken: foreign code.
        if this.hang(cx.waker().clone()) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for WaitAsync<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.hung {
            // SAFETY: hung on that core, which is alive; the user is dropped after us.
            unsafe { self.node.leave(self.core.as_ref()) };
        }
    }
}

impl std::fmt::Debug for WaitAsync<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // SAFETY: borrowed or owned: alive.
        let go = unsafe { self.core.as_ref() }.is_up();
        f.debug_struct("WaitAsync").field("is_go", &go).finish_non_exhaustive()
    }
}
