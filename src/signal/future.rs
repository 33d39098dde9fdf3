//! Signals awaited by tasks, on any executor.
use super::Signal;
use crate::error::Stopped;
pub use crate::wait::WaitAsync;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::pin;
use std::task::Poll;

impl Signal {
    /// Waits without blocking the thread: a future that is ready once this is go.
    ///
    /// `(&stop).await` and `stop.await` do the same. It stays ready; polled by another task, it wakes only that one.
    ///
    /// # Cancel safety
    /// Dropped at any point, it leaves nothing behind.
    ///
    /// # Panics
    /// When polled, if a time is involved and the platform refuses the clock's thread.
    ///
    /// # Memory ordering
    /// What came before the `go` happens before its being ready.
    #[doc(alias = "cancelled")]
    #[inline]
    pub fn wait_async(&self) -> WaitAsync<'_> {
        WaitAsync::borrowing(&self.0)
    }

    /// Runs a future until it is done, or this is go: whichever comes first. The future is asked first.
    ///
    /// ```
    /// use std::future::{pending, ready};
    /// use stopwhen::{Signal, Stopped};
    ///
    /// # use std::{pin::pin, task::{Context, Poll, Waker}};
    /// let stop = Signal::new();
    /// let task = async {
    ///     assert_eq!(stop.run_until_go(ready(42)).await, Ok(42));
    ///     stop.go();
    ///     assert_eq!(stop.run_until_go(pending::<u32>()).await, Err(Stopped));
    /// };
    /// # assert_eq!(pin!(task).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
    /// ```
    ///
    /// # Errors
    /// [`Stopped`] if this went before the future was done; the future is dropped where it was.
    ///
    /// # Cancel safety
    /// As the future's own.
    #[doc(alias = "run_until_cancelled")]
    pub async fn run_until_go<F: IntoFuture>(&self, fut: F) -> Result<F::Output, Stopped> {
        let mut fut = pin!(fut.into_future());
        let mut stop = pin!(self.wait_async());
        poll_fn(|cx| match fut.as_mut().poll(cx) {
            Poll::Ready(out) => Poll::Ready(Ok(out)),
            Poll::Pending => stop.as_mut().poll(cx).map(|()| Err(Stopped)),
        })
        .await
    }
}

impl<'a> IntoFuture for &'a Signal {
    type Output = ();
    type IntoFuture = WaitAsync<'a>;

    #[inline]
    fn into_future(self) -> WaitAsync<'a> {
        self.wait_async()
    }
}

/// Awaiting gives the handle up: a task that awaits the last one awaits what nobody can raise any more.
impl IntoFuture for Signal {
    type Output = ();
    type IntoFuture = WaitAsync<'static>;

    fn into_future(self) -> WaitAsync<'static> {
        WaitAsync::owning(self.0)
    }
}
