//! The children: small programs, each of which says when it is ready to be told.
use crate::hold::{hold_the_next_thread, wait_until_held};
use std::any::Any;
use std::fmt::Display;
use std::io::{Write, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stopwhen::thread::OsSignal;
use stopwhen::{JoinError, Main, Root, Signal, Thread};

/// The variable that says which of them a process is.
pub const NAME: &str = "STOPWHEN_TEST_PROGRAM";

const AGES: Duration = Duration::from_secs(3600);

pub fn run(name: &str) -> ExitCode {
    match name {
        "orderly" => stopwhen::run(orderly),
        "stuck" => Root::builder("main").os_signals().grace(AGES).run(stuck),
        "hanging callback" => stopwhen::run(hanging_callback),
        "another hangs" => another_hangs(),
        "panicking callback" => stopwhen::run(|main| panicking_callback(main, "a payload")),
        "panicking payload" => stopwhen::run(|main| panicking_callback(main, Panicking)),
        "gone" => gone(),
        "never asked" => never_asked(),
        "two roots" => two_roots(),
        "one after the other" => one_after_the_other(),
        "ends by itself" => stopwhen::run(|_| Thread::run("worker", |_| ()).join()),
        "stopping already" => stopwhen::run(stopping_already),
        "refused" => refused(),
        "not heard yet" => not_heard_yet(),
        "badly" => Root::builder("main").grace(Duration::ZERO).run(badly),
        _ => panic!("no such program: {name}"),
    }
}

fn say(line: impl Display) {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

fn say_cause(main: &Main) {
    let cause = main.please_stop().cause().expect("it is go");
    say(format_args!("{cause:#}"));
    say(asked_by(main));
}

/// The number of the signal; 0: none.
fn asked_by(main: &Main) -> i32 {
    let cause = main.please_stop().cause().expect("it is go");
    let signal = cause.reason().and_then(|reason| reason.downcast_ref::<OsSignal>());
    signal.map_or(0, |signal| signal.number())
}

fn orderly(main: &Main) -> Result<(), JoinError> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let threads = ["first", "second", "third"].map(|name| {
        let (told, heard) = (told.clone(), Signal::new());
        let hears = heard.clone();
        let thread = Thread::run(name, move |please_stop| {
            please_stop.wait();
            heard.wait();
        });
        thread.please_stop().on_go(move || {
            told.lock().unwrap().push(name);
            hears.go();
        });
        thread
    });
    say("ready");
    main.wait_for_shutdown();
    threads.iter().try_for_each(Thread::join)?;
    say(told.lock().unwrap().join(", "));
    say_cause(main);
    Ok(())
}

fn stuck(main: &Main) {
    Thread::run("stuck", |_| Signal::never().wait());
    say("ready");
    main.wait_for_shutdown();
    say("asked");
}

fn hanging_callback(main: &Main) {
    main.please_stop().on_go(|| {
        say("asked");
        Signal::never().wait();
    });
    say("ready");
    Signal::never().wait();
}

/// Of two that are asked each has a callback that waits for the other's, and then hangs.
fn another_hangs() -> ExitCode {
    let [one, two] = ["one", "two"].map(|name| Root::builder(name).os_signals().build());
    let (first, second) = (Signal::new(), Signal::new());
    for (root, mine, other) in [(&one, &first, &second), (&two, &second, &first)] {
        let (mine, other) = (mine.clone(), other.clone());
        root.please_stop().on_go(move || {
            mine.go();
            other.wait();
            Signal::never().wait();
        });
    }
    say("ready");
    (one.please_stop() & two.please_stop() & first & second).wait();
    say("asked");
    Signal::never().wait();
    ExitCode::SUCCESS
}

struct Panicking;

impl Drop for Panicking {
    fn drop(&mut self) {
        panic!("as it is dropped");
    }
}

/// Of two that are asked the first has a callback that panics.
fn panicking_callback(main: &Main, payload: impl Any + Send) {
    let panicked = Signal::new();
    let panics = panicked.go_on_drop();
    main.please_stop().on_go(move || {
        let _panics = panics;
        panic_any(payload);
    });
    let other = Root::builder("other").os_signals().build();
    say("ready");
    other.wait_for_shutdown();
    main.wait_for_shutdown();
    panicked.wait(); // told of, before this process ends
    say_cause(&other);
}

fn gone() -> ExitCode {
    drop(Root::builder("gone").os_signals().build());
    say("ready");
    Signal::never().wait();
    ExitCode::SUCCESS
}

fn never_asked() -> ExitCode {
    let _root = Root::new("deaf");
    say("ready");
    Signal::never().wait();
    ExitCode::SUCCESS
}

/// Asked for twice each; then both were told, and are still there.
fn two_roots() -> ExitCode {
    let roots = ["one", "two"].map(|name| Root::builder(name).os_signals().os_signals().build());
    say("ready");
    for root in &roots {
        root.wait_for_shutdown();
        say_cause(root);
    }
    say("asked");
    Signal::never().wait();
    ExitCode::SUCCESS
}

fn one_after_the_other() -> ExitCode {
    for _ in 0..3 {
        let code = stopwhen::run(|main| {
            say("ready");
            main.wait_for_shutdown();
            say_cause(main);
        });
        assert_eq!(code, ExitCode::SUCCESS);
    }
    ExitCode::SUCCESS
}

fn stopping_already(main: &Main) {
    main.stop();
    say("ready");
    Signal::never().wait();
}

/// One that panics and one that is stuck, and nobody asks.
fn badly(_: &Main) {
    Thread::run("worker", |_| panic!("boom")).stopped().wait();
    Thread::run("deaf", |_| Signal::never().wait()).release();
}

fn refused() -> ExitCode {
    let refused = catch_unwind(|| Root::builder("main").os_signals().build()).expect_err("no descriptors are left");
    say(refused.downcast_ref::<String>().expect("a formatted message"));
    // Not told, and so not kept from the platform's way.
    let again = catch_unwind(AssertUnwindSafe(|| stopwhen::run(|_| ())));
    say(if again.is_err() { "ready" } else { "there were some after all" });
    Signal::never().wait();
    ExitCode::SUCCESS
}

/// The thread that asks the first root stands still: what comes by then is no second signal. A root that is made later tells that the
/// one before its own has been taken, at a time at which nobody was left to be asked.
fn not_heard_yet() -> ExitCode {
    let kill = |signal| {
        let me = std::process::id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &me]).status().unwrap().success());
    };
    let first = Root::builder("first").os_signals().build();
    hold_the_next_thread();
    kill("INT");
    wait_until_held();
    loop {
        kill("INT");
        let later = Root::builder("later").os_signals().build();
        kill("TERM");
        later.wait_for_shutdown();
        if asked_by(&later) == 15 {
            break; // else it was made too early
        }
    }
    assert!(!first.please_stop().is_go());
    say("not heard");
    ExitCode::SUCCESS
}
