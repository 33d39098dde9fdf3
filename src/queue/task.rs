//! An item with the word that it is done.
use super::Queue;
use super::state::Taken;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// An item that was popped and is not done yet: that is when this is dropped, be it by a panic.
///
/// ```
/// use stopwhen::Queue;
///
/// let queue = Queue::unbounded();
/// queue.push(vec![3, 1, 2]).expect("open");
/// let mut task = queue.pop_task().expect("one is there");
/// task.sort();
/// assert_eq!(*task, [1, 2, 3]);
/// drop(task);
/// queue.join(); // returns at once
/// ```
///
/// The item is dropped first, and then counts as done. A task that is forgotten is never done.
#[doc(alias = "task_done")]
#[must_use = "a task that is dropped at once is done at once"]
pub struct Task<'a, T> {
    queue: &'a Queue<T>,
    /// There until the task ends.
    item: Option<T>,
}

impl<T> Taken<T> {
    pub(super) fn into_task(self, queue: &Queue<T>) -> Taken<Task<'_, T>> {
        Taken { item: self.item.map(|item| Task { queue, item: Some(item) }), drained: self.drained }
    }
}

const GONE: &str = "it is there until the task ends";

impl<T> Task<'_, T> {
    /// Gives the item, which counts as done from now on.
    ///
    /// ```
    /// use stopwhen::{Queue, Signal};
    ///
    /// let (jobs, stop) = (Queue::unbounded(), Signal::done());
    /// jobs.extend(["sweep", "mop"]).expect("open");
    /// let job = jobs.pop_task().expect("one is there");
    /// if stop.is_go() {
    ///     jobs.push_front(job.into_inner()).expect("open"); // not done, and the first again
    /// }
    /// assert_eq!(jobs.close_now(), ["sweep", "mop"]);
    /// ```
    pub fn into_inner(mut self) -> T {
        let item = self.item.take().expect(GONE);
        self.queue.end_task();
        item
    }
}

impl<T> Queue<T> {
    fn end_task(&self) {
        self.hatch.change(|state| state.end_task());
    }
}

/// Counts one as done, also when a panic passes.
struct Done<'a, T>(&'a Queue<T>);

impl<T> Drop for Done<'_, T> {
    fn drop(&mut self) {
        self.0.end_task();
    }
}

impl<T> Drop for Task<'_, T> {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            let _done = Done(self.queue);
            drop(item); // may unwind
        }
    }
}

impl<T> Deref for Task<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.item.as_ref().expect(GONE)
    }
}

impl<T> DerefMut for Task<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.item.as_mut().expect(GONE)
    }
}

impl<T: fmt::Debug> fmt::Debug for Task<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&**self).finish()
    }
}
