//! With the feature `tracing`: what a subscriber is told of threads, and what is written when nobody listens.
#![cfg(not(any(miri, loom)))]

mod common;

use common::*;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
#[cfg(feature = "test-clock")]
use stopwhen::Queue;
use stopwhen::{Root, Signal, Thread, Till, thread};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber, subscriber};

/// Collects what is said: of each span its path, of each event its level, the span it is said in, and its words.
#[derive(Clone)]
struct Collector(Arc<Mutex<Collected>>, Level);

#[derive(Default)]
struct Collected {
    said: Vec<String>,
    /// The path of each span, by number.
    spans: Vec<String>,
    closed: usize,
    entered: Vec<(std::thread::ThreadId, usize)>,
}

#[derive(Default)]
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

impl Collector {
    fn of(level: Level) -> Collector {
        Collector(Arc::default(), level)
    }

    fn said(&self) -> Vec<String> {
        self.0.lock().unwrap().said.clone()
    }

    #[track_caller]
    fn assert_said(&self, words: &[&str]) {
        let said = self.said();
        let mut left = said.iter();
        for words in words {
            assert!(left.any(|said| said.contains(words)), "{words}, in its place in {said:#?}");
        }
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "stopwhen" && *metadata.level() <= self.1
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut words = Words::default();
        span.record(&mut words);
        let mut all = self.0.lock().unwrap();
        assert!(span.is_root());
        assert_eq!((span.metadata().name(), span.metadata().level()), ("thread", &Level::INFO));
        all.spans.push(words.0.trim().into());
        Id::from_u64(all.spans.len() as u64)
    }

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        let me = std::thread::current().id();
        let mut all = self.0.lock().unwrap();
        let inside = all.entered.iter().rev().find(|(thread, _)| *thread == me);
        let inside = inside.map_or("nowhere".into(), |(_, span)| all.spans[*span].clone());
        all.said.push(format!("{} in {inside}:{}", event.metadata().level(), words.0));
    }

    fn enter(&self, span: &Id) {
        let me = std::thread::current().id();
        self.0.lock().unwrap().entered.push((me, span.into_u64() as usize - 1));
    }

    fn exit(&self, span: &Id) {
        let here = (std::thread::current().id(), span.into_u64() as usize - 1);
        let mut all = self.0.lock().unwrap();
        let at = all.entered.iter().rposition(|entered| *entered == here).expect("it was entered here");
        all.entered.remove(at);
    }

    fn try_close(&self, _: Id) -> bool {
        self.0.lock().unwrap().closed += 1;
        true
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

/// Runs it with a collector that nobody else has, and says what was said.
fn collected(level: Level, f: impl FnOnce() + Send + 'static) -> Collector {
    let collector = Collector::of(level);
    let subscriber = collector.clone();
    in_time("a collected run", move || subscriber::with_default(subscriber, f));
    let all = collector.0.lock().unwrap();
    assert_eq!((all.entered.len(), all.closed), (0, all.spans.len()), "all spans are left and closed");
    drop(all);
    collector
}

#[test]
fn a_span_for_the_whole_life_of_every_thread() {
    let collector = collected(Level::DEBUG, || {
        let begun = Signal::new();
        let begins = begun.clone();
        let parent = Thread::run("parent", move |please_stop| {
            let child = Thread::run("child", |please_stop| {
                tracing::info!(target: "stopwhen", "words of the body");
                please_stop.wait();
            });
            thread::scope(|scope| {
                scope.run("borrower", |_| ());
            });
            begins.go();
            please_stop.wait();
            child.release();
        });
        let enough = Signal::named("enough");
        let other = Thread::builder("other").stop_when(&enough).run(|please_stop| please_stop.wait());
        enough.go_because("tea");
        begun.wait();
        parent.stop();
        [parent, other].iter().for_each(|thread| thread.join().unwrap());
    });
    let mut paths = collector.0.lock().unwrap().spans.clone();
    paths.sort();
    let all = ["other", "parent", "parent/child", "parent/scope/borrower"];
    assert_eq!(paths, all.map(|path| format!("path={path:?}")));
    collector.assert_said(&[
        r#"DEBUG in path="parent": started"#,
        r#"DEBUG in path="parent/scope/borrower": started"#,
        r#"DEBUG in path="parent/scope/borrower": stopped"#,
        ": asked to stop by parent.please_stop, raised at tests/tracing.rs:",
        r#"DEBUG in path="parent": stopped"#,
    ]);
    collector.assert_said(&[
        r#"INFO in path="parent/child": words of the body"#,
        r#"DEBUG in path="parent/child": stopped"#,
    ]);
    let said = collector.said().join("\n");
    assert!(said.contains("asked to stop by enough") && said.contains(r#"tea path="other""#), "{said}");
}

#[test]
fn a_panic_is_an_error() {
    let collector = collected(Level::WARN, || {
        let root = Root::new("main");
        let child = root.run("worker", |_| panic!("boom"));
        child.join().unwrap_err();
    });
    // Spans are of a lower level than what is asked for: the path is among the words.
    let said = collector.said().join("\n");
    assert!(said.starts_with("ERROR in nowhere: thread main/worker panicked"), "{said}");
    assert!(said.contains(r#": boom path="main/worker""#) && said.lines().count() == 1, "{said}");
}

/// A hook has the panics to itself.
#[test]
fn on_panic_is_told_and_nobody_else() {
    let told = Log::new();
    let collector = collected(Level::WARN, {
        let told = told.clone();
        move || {
            let root = Root::builder("main").on_panic(move |panic| told.say(panic.message())).build();
            root.run("worker", |_| panic!("boom")).join().unwrap_err();
        }
    });
    assert_eq!((told.said(), collector.said().len()), ("boom".into(), 0));
}

#[test]
fn a_program_tells_who_is_stuck_and_which_panics_nobody_had_joined() {
    let (release, free) = (Signal::new(), Signal::new());
    let freed = free.clone();
    let collector = collected(Level::WARN, move || {
        let _code = Root::builder("main").grace(Duration::ZERO).run(|_| {
            let stuck = Thread::run("stuck", {
                let release = release.clone();
                move |_| release.wait()
            });
            stuck.stopped().on_go(move || _ = free.go());
            Thread::run("worker", |_| panic!("boom")).stopped().wait();
        });
        release.go();
        freed.wait();
    });
    collector.assert_said(&[
        "thread main/worker panicked at tests/tracing.rs:",
        "ERROR in nowhere: main has not stopped in time: 1 thread is stuck\n  main/stuck: told to stop, ",
        "WARN in nowhere: main has ended, and nobody had joined: thread main/worker panicked",
    ]);
}

/// H6, of a thread's own grace: as a shutdown does, it tells of who has not stopped, and of who runs what hangs on its end, in the tree
/// still or not; once.
#[test]
fn a_grace_tells_of_children_and_of_what_hangs_on_their_ends() {
    for (held, let_go) in [("end", false), ("end", true), ("body", false), ("both", false)] {
        let collector = Collector::of(Level::WARN);
        let said = collector.clone();
        in_time(held, move || {
            let _here = subscriber::set_default(said.clone());
            let hold = Signal::new();
            let [end, body] = [hold.clone(), hold.clone()];
            let parent = Thread::builder("parent").grace(Duration::from_millis(1)).run(move |_| {
                let stays = (held != "end").then(|| Thread::run("stays", move |_| body.wait()));
                let ends = (held != "body").then(|| Thread::run("ends", |please_stop| please_stop.wait()));
                if let Some(ends) = &ends {
                    ends.stopped().on_go(move || end.wait());
                    ends.stop();
                    ends.stopped().wait();
                }
                if let_go { None } else { Some((stays, ends)) }
            });
            while said.said().is_empty() {
                std::thread::yield_now();
            }
            hold.go();
            assert!(parent.join().is_ok());
        });
        let ends = "\n  parent/ends: runs what hangs on its end";
        let stays = "\n  parent/stays: told to stop, ";
        let told = match held {
            "end" => format!("1 thread is stuck{ends}"),
            "body" => format!("1 thread is stuck{stays}"),
            _ => format!("2 threads are stuck{ends}{stays}"),
        };
        collector.assert_said(&[&format!("parent has not stopped in time: {told}")]);
        assert_eq!(collector.said().len(), 1, "{:#?}", collector.said());
    }
}

#[test]
fn a_registered_thread_has_its_span_while_it_is() {
    let collector = collected(Level::DEBUG, || {
        let root = Root::new("main");
        let here = root.register("guest");
        tracing::info!(target: "stopwhen", "inside");
        drop(here);
        tracing::info!(target: "stopwhen", "outside");
    });
    collector.assert_said(&[r#"INFO in path="main/guest": inside"#, "DEBUG", "INFO in nowhere: outside"]);
}

/// The subscriber of the one that starts a thread is the thread's, and nobody else's.
#[test]
fn who_is_started_elsewhere_is_told_of_elsewhere() {
    let (one, two) = (Collector::of(Level::DEBUG), Collector::of(Level::DEBUG));
    in_time("two subscribers", {
        let (one, two) = (one.clone(), two.clone());
        move || {
            let here = subscriber::with_default(one, || Thread::run("one", |please_stop| please_stop.wait()));
            let there = subscriber::with_default(two, || Thread::run("two", |please_stop| please_stop.wait()));
            let nobody = Thread::run("nobody", |_| thread::sleep(Duration::ZERO).unwrap());
            assert!(here.stop() && there.stop());
            [here, there, nobody].iter().for_each(|thread| thread.join().unwrap());
        }
    });
    for (collector, mine) in [(one, "one"), (two, "two")] {
        let mine = format!("path=\"{mine}\"");
        let said = collector.said();
        assert!(said.len() == 3 && said.iter().all(|words| words.contains(&mine)), "{said:?}");
    }
}

/// A subscriber that panics takes nobody's thread along, and the words are written.
#[test]
fn a_subscriber_that_panics_is_no_end_of_a_thread() {
    struct Broken;
    impl Subscriber for Broken {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "stopwhen"
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            panic!("the subscriber is broken")
        }
        fn event(&self, _: &Event<'_>) {
            panic!("the subscriber is broken")
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
    }
    in_time("a broken subscriber", || {
        subscriber::with_default(Broken, || {
            let thread = Thread::run("worker", |please_stop| (please_stop | Till::millis(1)).wait());
            assert_eq!(thread.join(), Ok(()));
            let thread = Thread::run("worker", |_| panic!("boom"));
            assert!(thread.join().is_err());
        });
    });
}

/// Threads that come and go leave nothing on the one above that lives on.
#[test]
fn what_is_told_of_a_stop_is_taken_back() {
    collected(Level::DEBUG, || {
        let root = Root::new("main");
        let before = hanging(root.please_stop());
        (0..50).for_each(|_| root.run("worker", |_| ()).join().unwrap());
        assert_eq!(hanging(root.please_stop()), before);
    });
}

/// Q4, and to whom: a queue that was told to be silent is.
#[cfg(feature = "test-clock")]
#[test]
fn q4_a_producer_that_waits_for_long_is_a_warning() {
    let collector = Collector::of(Level::WARN);
    let heard = collector.clone();
    let wait = move || {
        let time = stopwhen::clock::pause();
        let full = |queue: Queue<u8>| {
            let queue = Arc::new(queue);
            queue.push(0).unwrap();
            queue
        };
        let queues = [full(Queue::bounded(1).named("loud")), full(Queue::bounded(1).named("quiet").silent())];
        let producers = queues.each_ref().map(|queue| {
            let queue = queue.clone();
            Thread::run("producer", move |please_stop| queue.push_until(1, please_stop).unwrap())
        });
        while heard.said().is_empty() {
            time.advance(Duration::from_secs(1));
            std::thread::yield_now();
        }
        time.advance(Duration::from_secs(3600)); // said once
        queues.iter().for_each(|queue| assert_eq!(queue.pop(), Ok(0)));
        producers.iter().for_each(|producer| producer.join().unwrap());
    };
    let subscriber = collector.clone();
    in_time("a long wait", || subscriber::with_default(subscriber, wait));
    assert_eq!(
        collector.said(),
        ["WARN in nowhere: a producer has waited over 5s for room in the queue loud: 1 items are in it"]
    );
}

/// R8: a subscriber that a thread is the last to hold, and that panics when it is dropped, keeps no scope from ending.
#[test]
fn a_subscriber_that_panics_at_the_end_of_a_thread_holds_up_nobody() {
    struct Bomb;
    impl Subscriber for Bomb {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("subscriber"));
        }
    }
    in_time("a last subscriber", || {
        let (go, dropped) = (Signal::new(), Count::new());
        let t = Thread::run("t", {
            let (go, ended) = (go.clone(), dropped.clone());
            move |_| {
                thread::scope(|s| {
                    subscriber::with_default(Bomb, || s.run("last", |_| go.wait()).release());
                    go.go();
                });
                ended.add();
            }
        });
        assert_eq!((t.join(), dropped.get()), (Ok(()), 1));
    });
}
