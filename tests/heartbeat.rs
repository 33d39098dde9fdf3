//! The example `heartbeat`, run for real: a line for each sample, and an end in the middle of an hour's sleep.
#![cfg(not(any(miri, loom)))]
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, unused_imports, reason = "others do not tell their load that way")
)]

#[path = "common/child.rs"]
mod child;

use child::*;

const REPORT: &str = "samples, missed, busy, stopped by";

#[cfg(target_os = "linux")]
#[test]
fn prints_a_line_for_each_sample_and_ends_after_so_many() {
    let ended = run(["--period", "0.01", "--width", "3", "--turns", "5"]).finish();
    assert_eq!(ended.code, ALL_DONE, "{ended:?}");
    assert_eq!(ended.names(), format!("sample 1, sample 2, sample 3, sample 4, sample 5, {REPORT}"));
    for (i, (name, rest)) in ended.rows().take(5).enumerate() {
        let bars = rest.split("  ").next().expect("a plot");
        assert_eq!(bars.chars().count(), 3.min(i + 1), "{name}: the last three");
        assert!(bars.chars().all(|bar| "▁▂▃▄▅▆▇█".contains(bar)), "{rest}");
        assert!(rest.contains("  busy ") && rest.contains(" %  load "), "{rest}");
    }
    assert!(!ended.output.contains(['\r', '\x1b']), "no terminal: {ended:?}");
    assert_eq!((ended.field("samples"), ended.field("stopped by")), ("5", "the last turn"));
    assert_eq!(ended.errors.len(), 1, "{ended:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_it_in_the_middle_of_an_hours_sleep() {
    let running = run(["--period", "3600"]);
    running.interrupt_once_listening();
    let ended = running.finish();
    assert_eq!((ended.code, ended.names().as_str()), (ALL_DONE, REPORT), "{ended:?}");
    assert_eq!((ended.field("samples"), ended.field("missed")), ("0", "0"));
    assert!(ended.field("stopped by").contains("SIGINT"), "{ended:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_it_between_two_samples() {
    let running = run(["--period", "0.01"]);
    (0..3).for_each(|_| assert!(running.prints().starts_with("sample ")));
    running.interrupt();
    let ended = running.finish();
    assert!(ended.code == ALL_DONE && ended.names().ends_with(REPORT), "{ended:?}");
    assert!(ended.field("samples").parse::<u64>().expect("a number") >= 3);
}

#[cfg(not(target_os = "linux"))]
#[test]
fn says_that_the_load_is_not_told() {
    let ended = run(["--turns", "1"]).finish();
    assert_eq!((ended.code, ended.errors.len()), (Some(1), 1), "{ended:?}");
    assert!(ended.errors[0].contains("does not tell its load"), "{ended:?}");
}

#[test]
fn refuses_wrong_usage_in_one_line() {
    refuses(&[
        &["--period", "0"],
        &["--period", "-1"],
        &["--period", "nan"],
        &["--period", "1e40"],
        &["--width", "0"],
        &["--width", "501"],
        &["--turns", "0"],
        &["--turns"],
        &["here"],
        &["--unheard-of"],
    ]);
}

#[test]
fn helps() {
    let ended = run(["--help"]).finish();
    assert_eq!((ended.code, ended.errors.len()), (ALL_DONE, 0));
    assert!(ended.output.contains("Usage: heartbeat"), "{ended:?}");
}
