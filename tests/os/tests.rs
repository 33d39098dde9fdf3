//! The tests: H7.
use crate::child::*;
use crate::programs::NAME;
use std::env;
use std::os::unix::process::ExitStatusExt;
use std::panic::catch_unwind;
use std::process::{Command, ExitCode, Stdio};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

type Test = (&'static str, fn());

const TESTS: [Test; 15] = [
    ("h7_the_first_sigint_stops_the_program_in_order", || stops_in_order("INT", "SIGINT", SIGINT)),
    ("h7_the_first_sigterm_stops_the_program_in_order", || stops_in_order("TERM", "SIGTERM", SIGTERM)),
    ("h7_the_second_ends_a_program_that_is_stuck", || {
        ends_at_the_second("stuck", ["INT", "INT"], SIGINT);
        ends_at_the_second("stuck", ["INT", "TERM"], SIGTERM);
        ends_at_the_second("stuck", ["TERM", "INT"], SIGINT);
    }),
    ("a_callback_that_hangs_does_not_keep_the_second_from_ending_it", || {
        ends_at_the_second("hanging callback", ["INT", "TERM"], SIGTERM);
    }),
    ("each_root_is_asked_although_what_hangs_on_another_takes_its_time", || {
        ends_at_the_second("another hangs", ["INT", "TERM"], SIGTERM);
    }),
    ("each_root_is_asked_whatever_a_callback_panics_with", || {
        ["panicking callback", "panicking payload"].into_iter().for_each(one_panics);
    }),
    ("a_root_that_is_gone_leaves_the_platform_its_way", || {
        ends_at_the_first("gone", "INT", SIGINT);
        ends_at_the_first("gone", "TERM", SIGTERM);
    }),
    // Not SIGINT: whoever runs this in the background may have had it ignored.
    ("who_has_not_asked_is_not_told", || ends_at_the_first("never asked", "TERM", SIGTERM)),
    ("two_roots_are_asked_at_once_and_once", two_roots),
    ("one_program_after_the_other_each_is_asked", one_after_the_other),
    ("nobody_who_listens_keeps_a_program_from_ending", || {
        assert!(start("ends by itself").finish().status.success());
    }),
    ("a_stop_that_is_under_way_counts_as_no_signal", || {
        let running = start("stopping already");
        assert_eq!(running.prints(), "ready");
        // The first changes nothing: whether it was heard shows in the second.
        running.kill("INT");
        assert_eq!(ended_by_more(running, "INT"), Some(SIGINT));
    }),
    ("n3_a_signal_before_all_have_heard_of_the_first_is_no_second_one", || {
        let ended = start("not heard yet").finish();
        assert_eq!((ended.code, &*ended.output), (Some(0), "not heard\n"), "{ended:?}");
    }),
    ("what_nobody_listens_to_is_written", written),
    ("what_the_platform_refuses_is_told_and_not_kept_from_it", refused),
];

/// As the usual harness would: names to filter by, and what it lists.
pub fn run() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let list = args.iter().any(|arg| arg == "--list");
    let mut failed = 0;
    for (name, test) in TESTS {
        if !names.is_empty() && !names.iter().any(|part| name.contains(*part)) {
            continue;
        }
        if list {
            println!("{name}: test");
        } else if catch_unwind(test).is_ok() {
            println!("test {name} ... ok");
        } else {
            println!("test {name} ... FAILED");
            failed += 1;
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn this_as(program: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(NAME, program).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn start(program: &str) -> Running {
    Running::start(&mut this_as(program))
}

fn stops_in_order(signal: &str, name: &str, number: i32) {
    let running = start("orderly");
    assert_eq!(running.prints(), "ready");
    running.kill(signal);
    let ended = running.finish();
    assert_eq!((ended.code, ended.errors.len()), (Some(0), 0), "{ended:?}");
    let said: Vec<&str> = ended.output.lines().collect();
    assert_eq!((said[0], said[2]), ("third, second, first", &*number.to_string()), "{ended:?}");
    // Raised, as far as anybody can tell, where the program asked for it.
    let cause = said[1].strip_prefix("main.please_stop, raised at tests/os/programs.rs:");
    assert!(cause.is_some_and(|place| place.ends_with(&format!(": {name}"))), "{ended:?}");
}

fn ends_at_the_first(program: &str, signal: &str, by: i32) {
    let running = start(program);
    assert_eq!(running.prints(), "ready");
    running.kill(signal);
    assert_eq!(running.finish().status.signal(), Some(by), "{program}");
}

/// It says "ready", and "asked" when it was.
fn ends_at_the_second(program: &str, signals: [&str; 2], by: i32) {
    let running = start(program);
    assert_eq!(running.prints(), "ready");
    running.kill(signals[0]);
    assert_eq!(running.prints(), "asked", "{program}");
    running.kill(signals[1]);
    assert_eq!(running.finish().status.signal(), Some(by), "{program}");
}

/// Two that come before the first was heard are one, so it may take more.
fn ended_by_more(mut running: Running, signal: &str) -> Option<i32> {
    for _ in 0..10_000 {
        if let Some(status) = running.child.try_wait().unwrap() {
            return status.signal();
        }
        running.kill(signal);
    }
    panic!("it does not end");
}

fn one_panics(program: &str) {
    let running = start(program);
    assert_eq!(running.prints(), "ready");
    running.kill("TERM");
    let ended = running.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.output.contains("other.please_stop") && ended.output.ends_with("\n15\n"), "{ended:?}");
    assert!(ended.errors.iter().any(|line| line.contains("tests/os/programs.rs:")), "{ended:?}");
}

fn two_roots() {
    let running = start("two roots");
    assert_eq!(running.prints(), "ready");
    running.kill("INT");
    for name in ["one", "two"] {
        assert!(running.prints().starts_with(&format!("{name}.please_stop, ")));
        assert_eq!(running.prints(), "2");
    }
    assert_eq!(running.prints(), "asked");
    running.kill("TERM");
    assert_eq!(running.finish().status.signal(), Some(SIGTERM));
}

fn one_after_the_other() {
    let running = start("one after the other");
    for (signal, number) in [("INT", "2"), ("TERM", "15"), ("INT", "2")] {
        assert_eq!(running.prints(), "ready");
        running.kill(signal);
        assert!(running.prints().starts_with("main.please_stop, "));
        assert_eq!(running.prints(), number);
    }
    assert!(running.finish().status.success());
}

/// Whether or not there might be a subscriber of `tracing`.
fn written() {
    let ended = start("badly").finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said: Vec<&String> = ended.errors.iter().filter(|line| line.starts_with("stopwhen: ")).collect();
    let all = [
        "stopwhen: thread main/worker panicked at tests/os/programs.rs:",
        "stopwhen: main has not stopped in time: 1 thread is stuck",
        "stopwhen: main has ended, and nobody had joined: thread main/worker panicked at ",
    ];
    assert!(said.len() == 3 && said.iter().zip(all).all(|(said, start)| said.starts_with(start)), "{ended:?}");
    assert!(ended.errors.iter().any(|line| line.starts_with("  main/deaf: told to stop, ")), "{ended:?}");
}

/// With one descriptor to spare a program can be loaded, but has no pipe to be told by.
fn refused() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 4; exec \"$0\""]).arg(env::current_exe().unwrap());
    let running = Running::start(shell.env(NAME, "refused").stdin(Stdio::null()).stdout(Stdio::piped()));
    let refused = running.prints();
    assert!(refused.starts_with("the platform refuses to tell of its signals: "), "{refused}");
    assert_eq!(running.prints(), "ready");
    running.kill("TERM");
    assert_eq!(running.finish().status.signal(), Some(SIGTERM));
}
