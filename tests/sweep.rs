//! The example `sweep`, run for real: what it prints, how it ends, whatever ends it.
#![cfg(not(any(miri, loom)))]

#[path = "common/child.rs"]
mod child;

use child::*;
use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};

/// The names of what a report holds, whatever ended the run.
const REPORT: &str = "files, bytes, seconds, unreadable, digest, outcome, stopped by";

#[test]
fn counts_a_known_tree_and_says_that_all_is_done() {
    let tree = known_tree("known");
    let ended = run([tree.path()]).finish();
    assert_eq!(ended.code, ALL_DONE, "{ended:?}");
    assert_eq!(ended.field("files"), "4");
    assert_eq!(ended.field("bytes"), "300011");
    assert_eq!(ended.field("unreadable"), "0");
    assert_eq!(ended.field("outcome"), "all files are done");
    assert!(ended.field("stopped by").starts_with("worker"), "{ended:?}");
    assert_eq!(ended.names(), REPORT);
}

#[test]
fn digest_tells_trees_apart_but_not_threads_nor_places() {
    let (tree, copy) = (known_tree("here"), known_tree("there"));
    let digest = |tree: &Tree, threads: &str| {
        let args = [tree.path(), "--threads".as_ref(), threads.as_ref()];
        let ended = run(args).finish();
        assert_eq!(ended.code, ALL_DONE, "{ended:?}");
        ended.field("digest").to_owned()
    };
    let expected = digest(&tree, "1");
    assert_eq!(digest(&tree, "4"), expected);
    assert_eq!(digest(&copy, "4"), expected);

    fs::rename(copy.path().join("one"), copy.path().join("won")).unwrap();
    assert_ne!(digest(&copy, "4"), expected, "a name changed");
    fs::rename(copy.path().join("won"), copy.path().join("one")).unwrap();
    copy.write("one", b"2");
    assert_ne!(digest(&copy, "4"), expected, "a byte changed");
}

#[test]
fn takes_a_file_for_a_path() {
    let tree = known_tree("file");
    let ended = run([tree.path().join("a").join("two")]).finish();
    assert_eq!(ended.code, ALL_DONE, "{ended:?}");
    assert_eq!(ended.field("files"), "1");
    assert_eq!(ended.field("bytes"), "10");
}

#[cfg(unix)]
#[test]
fn passes_by_links_and_pipes() {
    let tree = known_tree("special");
    std::os::unix::fs::symlink(tree.path(), tree.path().join("loop")).unwrap();
    let pipe = tree.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let ended = run([tree.path()]).finish();
    assert_eq!(ended.code, ALL_DONE, "{ended:?}");
    assert_eq!(ended.field("files"), "4");
    assert_eq!(ended.field("unreadable"), "0");
    assert_eq!(run([&pipe]).finish().code, WRONG_USAGE);
}

/// Permissions would not do: they mean nothing to root. Too long a path stops anyone.
#[cfg(unix)]
#[test]
fn names_a_file_it_cannot_read_and_goes_on() {
    let tree = Tree::new("unreadable");
    let unreadable = "u".repeat(200);
    tree.write("readable", b"12345");
    tree.write(&unreadable, b"123");
    let mut root = tree.path().to_owned();
    while File::open(root.join(&unreadable)).is_ok() {
        root.as_mut_os_string().push("/.");
    }
    let ended = run([root]).finish();
    assert_eq!(ended.code, ALL_DONE, "{ended:?}");
    assert_eq!(ended.field("files"), "1");
    assert_eq!(ended.field("bytes"), "5");
    assert_eq!(ended.field("unreadable"), "1");
    let named = |line: &&String| line.contains(&unreadable);
    assert_eq!(ended.errors.iter().filter(named).count(), 1);
}

#[test]
fn refuses_wrong_usage_in_one_line() {
    refuses(&[
        &["no/such/path"],
        &["--secs", "soon"],
        &["--secs", "-1"],
        &["--secs", "nan"],
        &["--secs"],
        &["--threads", "0"],
        &["--threads", "1.5"],
        &["--threads", "257"],
        &["--unheard-of"],
        &[".", "."],
    ]);
}

#[test]
fn helps() {
    let ended = run(["--help"]).finish();
    assert_eq!(ended.code, ALL_DONE);
    assert!(ended.output.contains("Usage: sweep"), "{ended:?}");
    assert!(ended.errors.is_empty(), "{ended:?}");
}

#[test]
fn no_time_at_all_stops_it_by_the_till() {
    let tree = known_tree("no-time");
    let ended = run([tree.path(), "--secs".as_ref(), "0".as_ref()]).finish();
    assert_stopped_by_till(&ended);
    assert_eq!(ended.field("files"), "0");
}

#[cfg(unix)]
#[test]
fn time_is_up_inside_a_huge_file() {
    let tree = huge_tree("time");
    let ended = run([tree.path(), "--secs".as_ref(), "0.05".as_ref()]).finish();
    assert_stopped_by_till(&ended);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_it_inside_a_huge_file_and_nothing_printed_is_lost() {
    let tree = huge_tree("ctrl-c");
    let running = run([tree.path()]);
    running.interrupt_once_listening();
    let ended = running.finish();
    assert_eq!(ended.code, STOPPED_BEFORE, "{ended:?}");
    assert!(ended.field("stopped by").contains("user cancel"), "{ended:?}");
    assert!(ended.field("stopped by").contains("Ctrl-C"), "{ended:?}");
    assert_eq!(ended.names(), REPORT);
}

#[cfg(unix)]
#[test]
fn only_a_terminal_can_press_enter() {
    let tree = huge_tree("enter");
    let mut command = command([tree.path(), "--secs".as_ref(), "0.2".as_ref()]);
    let mut running = Running::start(command.stdin(Stdio::piped()));
    let mut input = running.child.stdin.take().unwrap();
    input.write_all(b"\n").unwrap();
    drop(input);
    assert_stopped_by_till(&running.finish());
}

/// Enter would have ended it, had it come from a terminal.
#[cfg(unix)]
#[test]
fn a_line_t_shows_who_is_running() {
    let tree = huge_tree("tree");
    let mut command = command([tree.path(), "--threads".as_ref(), "2".as_ref()]);
    let mut running = Running::start(command.stdin(Stdio::piped()));
    assert!(running.says().contains("until user cancel | (worker 1.stopped & worker 2.stopped)"));
    let mut input = running.child.stdin.take().unwrap();
    input.write_all(b"\nt\n").unwrap();
    let (mut main_waits, mut worker_runs) = (false, false);
    while !(main_waits && worker_runs) {
        let line = running.says();
        if line.starts_with("sweep: sweep: ") {
            // Now and then the one is awake, to redraw, or the other asleep, for want of a file: so it is asked again.
            input.write_all(b"t\n").unwrap();
        }
        main_waits |= line.starts_with("sweep: sweep: waits for user cancel | (… & …)");
        worker_runs |= line.contains("worker") && line.ends_with(": runs");
    }
    running.interrupt();
    assert_eq!(running.finish().code, STOPPED_BEFORE);
}

#[cfg(unix)]
#[test]
fn runs_with_standard_input_closed() {
    let tree = known_tree("closed");
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$1\" <&-"]).arg(binary());
    let ended = Running::start(shell.arg(tree.path()).stdout(Stdio::piped())).finish();
    assert_eq!(ended.code, ALL_DONE, "{ended:?}");
    assert_eq!(ended.field("files"), "4");
}

#[test]
fn a_reader_that_has_gone_away_is_no_failure() {
    let tree = known_tree("broken-pipe");
    let mut reader = Running::start(command(["--help"]).stdin(Stdio::piped()));
    let writer = reader.child.stdin.take().unwrap();
    reader.finish();
    let ended = Running::start(command([tree.path()]).stdout(writer)).finish();
    assert_eq!(ended.code, ALL_DONE, "{ended:?}");
    assert_eq!(ended.errors.len(), 1, "{ended:?}");
}

fn assert_stopped_by_till(ended: &Ended) {
    assert_eq!(ended.code, STOPPED_BEFORE, "{ended:?}");
    assert!(ended.field("stopped by").contains("till"), "{ended:?}");
    assert_eq!(ended.field("outcome"), "stopped before all files were done");
    assert_eq!(ended.names(), REPORT);
}

/// Four files, one empty and one of several blocks: 300,011 bytes in all.
fn known_tree(name: &str) -> Tree {
    let tree = Tree::new(name);
    tree.write("one", b"1");
    tree.write("a/two", b"0123456789");
    tree.write("a/b/empty", b"");
    tree.write("a/b/large", &[7; 300_000]);
    tree
}
