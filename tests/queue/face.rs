//! The shape of the queue's face: sizes, auto traits, every signature used once as it is documented.
use super::*;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use stopwhen::Stopped;
use stopwhen::queue::{self, CloseOnDrop, Task};

fn shared<T: Send + Sync>() {}
fn unwinds<T: UnwindSafe + RefUnwindSafe>() {}
fn moves<T: Unpin>() {}
fn is_static<T: 'static>() {}

/// Auto traits of the queue and its parts, as far as their items have them.
#[test]
fn queues_are_shared_whatever_their_items_can_do() {
    type OfCells = std::cell::Cell<&'static std::cell::Cell<u8>>;
    type Sent = std::cell::Cell<u8>;
    shared::<Queue<Sent>>();
    unwinds::<Queue<OfCells>>();
    moves::<Queue<Sent>>();
    is_static::<Queue<Sent>>();
    fn sent<T: Send>() {}
    sent::<Task<'static, Sent>>();
    shared::<Task<'static, u8>>();
    shared::<CloseOnDrop<'static, Sent>>();
    shared::<queue::Iter<'static, Sent>>();
    shared::<queue::IterUntil<'static, Sent, Signal>>();
    fn traits<Q>()
    where
        Q: Default + Debug,
        for<'a> &'a Q: IntoIterator<Item = Sent>,
    {
    }
    traits::<Queue<Sent>>();
    // In lines of the cache, so that what is at work does not share one with what is not.
    assert!(size_of::<Queue<u8>>() <= 32 * size_of::<usize>());
    assert!(size_of::<Task<'static, Box<u8>>>() <= 2 * size_of::<usize>());
}

/// Every signature of the queue, once, as it is documented.
#[test]
fn queues_have_the_documented_signatures() {
    static JOBS: Queue<u8> = Queue::bounded(8).silent();
    static LOGS: Queue<String> = Queue::unbounded();
    in_time("every signature", || {
        assert_eq!((JOBS.capacity(), LOGS.capacity()), (Some(8), None));
        let q: Queue<u8> = Queue::bounded(8).named("jobs").silent();
        let _: Queue<u8> = Queue::unbounded().named(String::from("jobs"));
        let stop = Signal::new();
        let _: Result<(), PushError<u8>> = q.push(1);
        let _: Result<(), PushError<u8>> = q.push_until(2, &stop);
        let _: [Result<(), PushError<u8>>; 3] = [q.try_push(3), q.push_front(4), q.push_forced(5)];
        let _: [Result<(), PushError<u8>>; 2] = [q.extend([6]), q.extend_until(vec![7], (&stop, Duration::ZERO))];
        let _: Result<u8, Closed> = q.pop();
        let _: Result<u8, PopError> = q.pop_until(Duration::ZERO);
        let _: Result<u8, TryPopError> = q.try_pop();
        let task: Result<Task<'_, u8>, Closed> = q.pop_task();
        let _: u8 = task.unwrap().into_inner();
        let task: Result<Task<'_, u8>, PopError> = q.pop_task_until(&stop);
        drop(task);
        let _: Vec<u8> = q.pop_all();
        let (): () = q.join();
        let _: Result<(), Stopped> = q.join_until(&stop);
        let guard: CloseOnDrop<'_, u8> = q.close_on_drop();
        guard.disarm();
        let _: (&Signal, &Signal) = (q.closed(), q.drained());
        let _: (usize, bool, Option<usize>) = (q.len(), q.is_empty(), q.capacity());
        let (): () = q.close();
        let _: Vec<u8> = q.close_now();
        let _: queue::Iter<'_, u8> = q.iter();
        let _: queue::IterUntil<'_, u8, (Signal, Duration)> = q.iter_until((stop, Duration::ZERO));
        let _: queue::Iter<'_, u8> = (&q).into_iter();
    });
}
