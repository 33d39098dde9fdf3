//! The example `phases`, run for real: every team lives the same lives, and a stop leaves a whole generation.
#![cfg(not(any(miri, loom)))]

#[path = "common/child.rs"]
mod child;

use child::*;

const TEAMS: [&str; 3] = ["1", "2", "5"];

/// So many generations, by a team of so many.
fn after(generations: &str, threads: &str, rest: &[&str]) -> Ended {
    run([&["--generations", generations, "--threads", threads], rest].concat()).finish()
}

#[test]
fn a_pattern_known_to_die_dies_in_its_time() {
    for threads in TEAMS {
        let diehard = ["......#./##....../.#...###", "--size", "64"];
        let (before, then) = (after("129", threads, &diehard), after("130", threads, &diehard));
        assert_eq!((before.code, then.code), (ALL_DONE, ALL_DONE), "{before:?} {then:?}");
        assert_ne!(before.field("alive"), "0");
        assert_eq!((then.field("generations"), then.field("alive")), ("130", "0"));
        assert_eq!(then.names(), "generations, alive, state");
    }
}

/// A glider on eight by eight is back where it began after 32 generations, and nowhere before that.
#[test]
fn a_glider_comes_home() {
    let glider = [".#./..#/###", "--size", "8", "--show"];
    let begin = after("0", "1", &glider);
    assert!(begin.output.starts_with("........\n........\n...#....\n....#...\n..###...\n"), "{begin:?}");
    for threads in TEAMS {
        assert_eq!(after("32", threads, &glider).output.replace("32", "0"), begin.output, "{threads} threads");
        assert_ne!(after("28", threads, &glider).field("state"), begin.field("state"));
    }
}

#[test]
fn every_team_lives_the_same_lives() {
    let alone = after("200", "1", &["--size", "60"]);
    for threads in ["2", "5", "16"] {
        assert_eq!(after("200", threads, &["--size", "60"]).output, alone.output, "{threads} threads");
    }
}

/// What a stopped team has come to is what one thread comes to in as many generations.
fn is_whole(stopped: &Ended, by: &str) {
    assert_eq!(stopped.code, STOPPED_BEFORE, "{stopped:?}");
    assert!(stopped.field("stopped by").contains(by), "{stopped:?}");
    let alone = after(stopped.field("generations"), "1", &["--size", "32"]);
    assert_eq!(alone.code, ALL_DONE, "{alone:?}");
    assert_eq!(stopped.field("state"), alone.field("state"), "{stopped:?}");
}

const ENDLESS: &str = "18446744073709551615";

#[test]
fn time_stops_it_between_two_generations() {
    for threads in TEAMS {
        is_whole(&after(ENDLESS, threads, &["--size", "32", "--secs", "0.05"]), "till");
    }
    let none = after("5", "3", &["--secs", "0"]);
    assert_eq!((none.code, none.field("generations"), none.field("alive")), (STOPPED_BEFORE, "0", "5"), "{none:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_it_between_two_generations() {
    for threads in TEAMS {
        let running = run(["--size", "32", "--generations", ENDLESS, "--threads", threads]);
        running.interrupt_once_listening();
        is_whole(&running.finish(), "Ctrl-C");
    }
}

#[test]
fn refuses_wrong_usage_in_one_line() {
    refuses(&[
        &["glider"],
        &[""],
        &["#", "#"],
        &["--size", "2"],
        &["--size", "4097"],
        &["####", "--size", "3"],
        &["#/#/#/#", "--size", "3"],
        &["--generations", "-1"],
        &["--secs", "soon"],
        &["--threads", "0"],
        &["--threads", "65"],
        &["--threads"],
        &["--unheard-of"],
    ]);
}

#[test]
fn helps() {
    let ended = run(["--help"]).finish();
    assert_eq!((ended.code, ended.errors.len()), (ALL_DONE, 0));
    assert!(ended.output.contains("Usage: phases"), "{ended:?}");
}
