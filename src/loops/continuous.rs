//! Turns one after the other.
use super::builder::{Builder, Turns};
use super::handle::{Kind, LoopThread};
use super::turn::Turn;
use crate::signal::Signal;
use crate::till::clock;

/// A thread that runs its body again and again, until it is stopped.
///
/// Between turns it asks whether it is to stop, which costs about a nanosecond; within a turn that waits or takes long, the body asks
/// [`Turn::please_stop`].
///
/// # Examples
/// ```
/// use stopwhen::{ContinuousThread, Queue};
/// use std::sync::Arc;
///
/// let jobs = Arc::new(Queue::unbounded());
/// let worker = ContinuousThread::run("worker", {
///     let jobs = jobs.clone();
///     move |turn| {
///         if let Ok(job) = jobs.pop_until(turn.please_stop()) {
///             println!("{job}");
///         }
///     }
/// });
/// jobs.push("sweep").unwrap();
/// jobs.join();
/// worker.stop();
/// assert_eq!(worker.join(), Ok(()));
/// ```
#[doc(alias = "LoopingThread")]
#[doc(alias = "StoppableThread")]
pub type ContinuousThread = LoopThread<Continuous>;

/// The kind of a [`ContinuousThread`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Continuous;

impl LoopThread<Continuous> {
    /// Starts a [`ContinuousThread`] of that name, under the thread that calls.
    ///
    /// # Panics
    /// If the platform refuses; [`Builder::try_run`] tells instead.
    #[track_caller]
    pub fn run(name: impl AsRef<str>, mut body: impl FnMut(&Turn<'_>) + Send + 'static) -> ContinuousThread {
        LoopThread::<Continuous>::builder(name).run(move |turn, ()| body(turn))
    }

    /// Says more about a [`ContinuousThread`] before it is started.
    pub fn builder(name: impl AsRef<str>) -> Builder<Continuous> {
        Builder::new(name.as_ref(), Continuous)
    }
}

impl Kind for Continuous {}

impl Turns for Continuous {
    fn drive(&self, please_stop: &Signal, body: &mut dyn FnMut(&Turn<'_>)) {
        let mut index = 0;
        while !please_stop.is_go() {
            let turn = Turn::new(please_stop, index, clock::moment(), 0);
            body(&turn);
            if turn.is_last() {
                return;
            }
            index += 1;
        }
    }
}
