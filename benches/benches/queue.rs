//! The rows of Queue: items from threads that push to threads that pop.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use stopwhen::Queue;
use stopwhen_benches::crew::{On, rounds};
use stopwhen_benches::time::each;
use stopwhen_benches::{Goal, Group, Row, Samples, Suite};

/// Places in every queue.
const ROOM: usize = 1024;

fn main() {
    let mut suite = Suite::start("queue");
    alone(&mut suite);
    one_to_one(&mut suite);
    two_to_two(&mut suite);
    suite.finish();
}

/// Threads of which the first half push, and the others pop, as many.
fn pass(
    threads: usize,
    on: On,
    push: impl Fn(usize) + Send + Sync + 'static,
    pop: impl Fn() -> usize + Send + Sync + 'static,
) -> impl FnMut(&mut Samples) {
    let (push, pop) = (Arc::new(push), Arc::new(pop));
    rounds(threads, on, move |me| {
        let (push, pop, pushes) = (push.clone(), pop.clone(), me < threads / 2);
        move |n| {
            if pushes {
                push(n)
            } else {
                std::hint::black_box(pop());
            }
        }
    })
}

/// The channels of others that any number may take from.
fn peers(g: &mut Group, threads: usize, on: On) {
    let (to, from) = kanal::bounded(ROOM);
    g.peer("kanal", pass(threads, on, move |n| to.send(n).unwrap(), move || from.recv().unwrap()));
    let (to, from) = crossbeam_channel::bounded(ROOM);
    g.peer("crossbeam", pass(threads, on, move |n| to.send(n).unwrap(), move || from.recv().unwrap()));
    let (to, from) = flume::bounded(ROOM);
    g.peer("flume", pass(threads, on, move |n| to.send(n).unwrap(), move || from.recv().unwrap()));
}

fn ours(g: &mut Group, threads: usize, on: On) {
    let q = Arc::new(Queue::bounded(ROOM).silent());
    let p = q.clone();
    g.ours(pass(threads, on, move |n| p.push(n).unwrap(), move || q.pop().unwrap()));
}

/// std's, whose receiving end is one thread's at a time: lent for a window.
fn std_channel(g: &mut Group, on: On) {
    struct Lent(Arc<Mutex<Option<Receiver<usize>>>>, Option<Receiver<usize>>);
    impl Drop for Lent {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = self.1.take();
        }
    }
    let (to, from) = sync_channel(ROOM);
    let from = Arc::new(Mutex::new(Some(from)));
    let round = rounds(2, on, move |me| {
        let to = to.clone();
        let lent = (me == 1).then(|| Lent(from.clone(), from.lock().unwrap().take()));
        move |n| match &lent {
            None => to.send(n).unwrap(),
            Some(lent) => _ = std::hint::black_box(lent.1.as_ref().unwrap().recv().unwrap()),
        }
    });
    g.peer("std", round);
}

/// One thread pushes and pops. Slower: two more steps than the lock's.
fn alone(suite: &mut Suite) {
    suite.group([Row::ns("Q0", "push + pop by one thread, bounded(1024)")], |g| {
        let q = Queue::bounded(ROOM);
        g.ours(each(move || {
            q.push(1_usize).unwrap();
            q.pop().unwrap()
        }));
        let (to, from) = kanal::bounded(ROOM);
        g.peer(
            "kanal",
            each(move || {
                to.send(1_usize).unwrap();
                from.recv().unwrap()
            }),
        );
        let (to, from) = crossbeam_channel::bounded(ROOM);
        g.peer(
            "crossbeam",
            each(move || {
                to.send(1_usize).unwrap();
                from.recv().unwrap()
            }),
        );
        let (to, from) = flume::bounded(ROOM);
        g.peer(
            "flume",
            each(move || {
                to.send(1_usize).unwrap();
                from.recv().unwrap()
            }),
        );
    });
}

/// A producer and a consumer. Slower: the lock's line goes to and fro for every item, or somebody is woken for every item.
fn one_to_one(suite: &mut Suite) {
    let row = Row::ns("Q1", "1 producer, 1 consumer, bounded(1024)").median().goal(Goal::Peer(1.0));
    suite.group([row], |g| {
        ours(g, 2, On::Own);
        peers(g, 2, On::Own);
        std_channel(g, On::Own);
    });
    let row = Row::ns("Q1-batch", "the same, all at a time").median().goal(Goal::Peer(0.4));
    suite.group([row], |g| {
        let q = Arc::new(Queue::bounded(ROOM).silent());
        let round = rounds(2, On::Own, move |me| {
            let (q, mut held) = (q.clone(), Vec::new().into_iter());
            move |n: usize| {
                if me == 0 {
                    return q.push(n).unwrap();
                }
                if held.len() == 0 {
                    let first = q.pop().unwrap();
                    held = q.pop_all().into_iter();
                    std::hint::black_box(first);
                } else {
                    std::hint::black_box(held.next());
                }
            }
        });
        g.ours(round);
        peers(g, 2, On::Own);
    });
    suite.group([Row::ns("Q1-one", "1 producer, 1 consumer, one core").median()], |g| {
        ours(g, 2, On::One);
        peers(g, 2, On::One);
        std_channel(g, On::One);
    });
}

/// Four threads on two cores: time for two items. Slower: as `one_to_one`, and who waits in line is called for each.
fn two_to_two(suite: &mut Suite) {
    let row = Row::ns("Q2", "2 producers, 2 consumers, bounded(1024)").median().goal(Goal::Peer(1.1));
    suite.group([row], |g| {
        g.rounds(40);
        ours(g, 4, On::Two);
        peers(g, 4, On::Two);
    });
}
