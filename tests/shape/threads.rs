//! Threads: their face, and what programs of the originals look like on it.
use super::{is_static, large_error, moves, shared, unwinds};
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stopwhen::loops::{Missed, Turn};
use stopwhen::thread::{
    Builder, Panic, Registration, RootBuilder, Scope, SpawnError, StopOnDrop, StopOrder, Stuck, Tree,
};
use stopwhen::{Closed, Root, Signal, Stopped, Thread, ThreadRef, Till, Timer, run, thread};
use stopwhen::{ContinuousThread, JoinError, Main, OperationThread, PausableThread, PeriodicThread, PushError, Queue};

const LONG: Duration = Duration::from_secs(10);

#[test]
fn threads_have_the_documented_shape() {
    fn handle<T: Clone + Debug + Send + Sync + Unpin + 'static>() {}
    handle::<Root>();
    handle::<Main>();
    handle::<ThreadRef>();
    unwinds::<Root>();
    unwinds::<ThreadRef>();
    fn key<T: Eq + Hash>() {}
    key::<ThreadRef>();
    fn place<T: Debug + Send + Sync + Unpin + 'static>() {}
    place::<Thread<u8>>();
    unwinds::<Thread<u8>>();
    shared::<Thread<std::cell::Cell<u8>>>(); // what is sent need not be shared
    place::<StopOnDrop<Thread<u8>>>();
    place::<ContinuousThread>();
    place::<PausableThread>();
    place::<PeriodicThread>();
    place::<OperationThread<u8>>();
    place::<Timer>();
    fn of_its_thread<T: Debug>() {}
    of_its_thread::<Registration>();
    of_its_thread::<Builder>();
    of_its_thread::<RootBuilder>();
    of_its_thread::<Scope<'_, '_>>();
    moves::<Builder>();
    is_static::<RootBuilder>();
    fn shown<T: Display + Clone + Debug + Send>() {}
    shown::<Tree>();
    large_error::<JoinError>();
    large_error::<SpawnError>();
    large_error::<Stuck>();
    large_error::<Panic>();
    fn choice<T: Copy + Eq + Debug + Default>() {}
    choice::<StopOrder>();
    choice::<Missed>();
}

#[test]
fn threads_have_the_documented_signatures() {
    let cond = Signal::new();
    let root: Root = Root::builder("main").grace(LONG).order(StopOrder::AllReverse).on_panic(|_: &Panic| ()).build();
    let me: &ThreadRef = root.as_ref();
    let thread: Thread<u8> = Thread::builder("n")
        .stop_when(&cond)
        .stack_size(1 << 20)
        .under(me)
        .order(StopOrder::Sequential)
        .grace(LONG)
        .run(|s: &Signal| {
            s.wait();
            7
        });
    let tried: Result<Thread<()>, SpawnError> = Thread::builder(String::from("m")).under(me).try_run(|_| ());
    tried.unwrap().release();
    let seen: &ThreadRef = thread.as_ref();
    let (name, path): (&str, &str) = (seen.name(), seen.path());
    assert_eq!((name, path, thread.name()), ("n", "main/n", "n"));
    let (asked, stopped): (&Signal, &Signal) = (thread.please_stop(), thread.stopped());
    assert!(!asked.is_go() && !stopped.is_go() && !seen.please_stop().is_go() && !seen.stopped().is_go());
    let children: Vec<ThreadRef> = me.children();
    assert!(children.contains(seen) && seen.tree().to_string().starts_with("n: "));
    assert_eq!(thread.join_until(Duration::ZERO), Err(JoinError::Stopped));
    thread.stop();
    let joined: Result<u8, JoinError> = thread.join();
    assert_eq!(joined, Ok(7));
    let under_root: Thread<()> = root.run("r", |s| s.wait());
    root.stop();
    root.wait_for_shutdown();
    let down: Result<(), Stuck> = root.shutdown(LONG);
    assert_eq!((down, root.please_stop().is_go(), under_root.join()), (Ok(()), true, Ok(())));
    assert_eq!(thread::sleep(Duration::ZERO), Ok(()));
    let current: Option<ThreadRef> = thread::current();
    assert!(current.is_none());
}

#[test]
fn loop_threads_have_the_documented_signatures() {
    let turns = ContinuousThread::builder("c")
        .init(|_: &Signal| 0)
        .cleanup(|n: u64| assert!(n > 0))
        .stop_when(Till::secs(60))
        .run(|turn: &Turn<'_>, n| {
            *n += 1;
            if turn.index() == 3 {
                turn.stop();
            }
        });
    let stopped: &Signal = turns.stopped();
    stopped.wait();
    assert_eq!(turns.join(), Ok(()));
    let pausable = PausableThread::run("p", |turn| assert!(!turn.please_stop().is_go() || turn.missed() == 0));
    pausable.pause();
    assert_eq!(pausable.pause_until(LONG), Ok(()));
    assert!(pausable.is_paused());
    pausable.resume();
    drop(pausable.stop_on_drop());
    let periodic = PeriodicThread::builder("t", LONG).initial_delay(LONG).missed(Missed::Burst).run(|turn, ()| {
        turn.due();
    });
    periodic.set_period(Duration::from_secs(1));
    periodic.stop();
    assert_eq!(periodic.join_until(LONG), Ok(()));
    let (log, seen) = (Arc::new(Mutex::new(Vec::new())), ());
    let sums = OperationThread::run("o", {
        let log = log.clone();
        move |_: &Signal, (a, b): (i32, i32)| log.lock().unwrap().push(a + b)
    });
    let added: Result<(), PushError<(i32, i32)>> = sums.add((1, 1));
    added.unwrap();
    sums.close();
    assert_eq!(sums.join(), Ok(()));
    assert!(sums.add((2, 2)).is_err() && sums.discard().is_empty());
    assert_eq!((log.lock().unwrap().as_slice(), seen), (&[2][..], ()));
    let timer = Timer::after(LONG, || ());
    assert!(timer.cancel() && !timer.fired().is_go());
}

/// Python's `for i in range(3): Thread.run(...)`, `with`-blocks, `please_stop` loops and `shutdown`, line by line.
#[test]
fn programs_of_the_originals_come_over() {
    fn worker(please_stop: &Signal, jobs: &Queue<u32>, done: &Queue<u32>) -> Result<u32, Closed> {
        let mut n = 0;
        while !please_stop.is_go() {
            let Ok(job) = jobs.pop_until(please_stop) else { break };
            done.push(job * 2).map_err(|_| Closed)?;
            n += 1;
        }
        Ok(n)
    }
    let code = run(|main: &Main| -> Result<(), JoinError> {
        let (jobs, done) = (Arc::new(Queue::bounded(2).named("jobs")), Arc::new(Queue::unbounded()));
        let workers: Vec<_> = (0..3)
            .map(|i| {
                let (jobs, done) = (jobs.clone(), done.clone());
                Thread::run(format!("worker {i}"), move |please_stop| worker(please_stop, &jobs, &done))
            })
            .collect();
        jobs.extend(1..=10).unwrap();
        jobs.close();
        let all = Signal::all(workers.iter().map(|w| w.stopped().clone()));
        all.wait_until(Till::secs(10)).expect("they come to their end");
        let total: u32 = workers.iter().map(|w| w.join().unwrap().unwrap()).sum();
        assert_eq!((total, done.pop_all().into_iter().sum::<u32>()), (10, 110));
        let napper = Thread::run("napper", |_| thread::sleep(Duration::from_secs(3600)));
        assert_eq!(main.as_ref().children(), [napper.as_ref().clone()]);
        main.stop();
        assert_eq!(napper.join()?, Err(Stopped));
        let borrowed = [1, 2, 3];
        let sum: i32 = thread::scope(|scope: &Scope<'_, '_>| scope.run("sum", |_| borrowed.iter().sum()).join())?;
        assert_eq!(sum, 6);
        Ok(())
    });
    assert_eq!(code, ExitCode::SUCCESS);
}
