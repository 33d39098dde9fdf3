//! What ends the process is tried in a process of its own.
use super::super::handle::Handle;
use crate::sys::{AtomicU32, Ordering::*};
use std::env;
use std::mem::forget;
use std::process::{Command, Output};

/// In whose environment it stands, is the process that is to end.
const VICTIM: &str = "STOPWHEN_TEST_VICTIM";
/// The most that a count may say before one more is added.
const LIMIT: u32 = i32::MAX as u32;

/// Runs that test alone, as a victim.
fn victim(test: &str) -> Output {
    let exe = env::current_exe().expect("the test's own binary");
    let test = format!("{}::{test}", module_path!().split_once("::").expect("within the crate").1);
    let out = Command::new(exe).args(["--exact", &test, "--nocapture"]).env(VICTIM, "1").output();
    out.expect("the test's own binary starts")
}

/// Adds two to a count that stands just below its limit.
fn two_more(count: &AtomicU32, more: impl Fn()) {
    count.store(LIMIT, Relaxed);
    more();
    eprintln!("one more than the limit");
    more();
    eprintln!("two more");
}

fn assert_aborted(test: &str) {
    let out = victim(test);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && said.contains("one more than the limit"), "{}: {said}", out.status);
    assert!(said.contains("two thousand million handles of one signal") && !said.contains("\ntwo more"), "{said}");
    // The harness turns a panic into 101; an abort has no code, or the platform's own.
    assert_ne!(out.status.code(), Some(101), "{said}");
}

#[test]
fn too_many_hands_abort() {
    if env::var_os(VICTIM).is_none() {
        return assert_aborted("too_many_hands_abort");
    }
    let signal = Handle::leaf();
    two_more(&signal.core().hands, || forget(signal.clone()));
}

#[test]
fn too_many_users_abort() {
    if env::var_os(VICTIM).is_none() {
        return assert_aborted("too_many_users_abort");
    }
    let signal = Handle::leaf();
    two_more(&signal.core().users, || forget(signal.user()));
}
