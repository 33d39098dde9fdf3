//! Threads in a tree.
mod common;
#[path = "thread/tree.rs"]
mod tree;

use std::sync::Arc;
use std::sync::Mutex;
use stopwhen::*;

/// H3: newest first, whatever raised it.
#[test]
fn h3_children_are_told_newest_first() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let cond = Signal::named("cond");
    let parent = {
        let told = told.clone();
        Thread::builder("parent").stop_when(&cond).run(move |please_stop| {
            let mut all = Vec::new();
            for i in 0..4 {
                let t = Thread::run(format!("c{i}"), |s| s.wait());
                let told = told.clone();
                t.please_stop().on_go(move || told.lock().unwrap().push(i));
                all.push(t);
            }
            please_stop.wait();
        })
    };
    while parent.as_ref().children().len() < 4 {
        std::thread::yield_now();
    }
    println!("{}", parent.tree());
    cond.go();
    println!("{}", parent.tree());
    assert_eq!(parent.join(), Ok(()));
    assert_eq!(*told.lock().unwrap(), [3, 2, 1, 0]);
}
#[test]
fn prog() {
    let code = run(|main| {
        let w = Thread::run("worker", |s| {
            s.wait();
            panic!("boom");
        });
        main.stop();
        println!("{}", main.tree());
        w.stopped().wait();
    });
    println!("{code:?}");
}
#[test]
fn stuck() {
    let root = Root::new("main");
    let q = Arc::new(Queue::<u32>::unbounded().named("jobs"));
    root.run("w", move |_| {
        Thread::run("x", move |_| {
            let q2 = q.clone();
            let _ = q2.pop_until(std::time::Duration::from_millis(300));
        });
    });
    println!("{}", root.shutdown(std::time::Duration::from_millis(50)).unwrap_err());
    println!("{:?}", root.shutdown(std::time::Duration::from_millis(550)));
}
