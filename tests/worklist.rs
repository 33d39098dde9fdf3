//! The example `worklist`, run for real: it counts all, once, and ends when all is done, or when told.
#![cfg(not(any(miri, loom)))]

#[path = "common/child.rs"]
mod child;

use child::*;
use std::process::{Command, Stdio};

/// Directories in directories, one of them empty: 6 directories, 4 files, 5 lines, 9 words, 300,036 bytes.
fn known_tree(name: &str) -> Tree {
    let tree = Tree::new(name);
    tree.write("one", b"a line of five words\n");
    tree.write("a/two", b"\n\n  two \t words");
    tree.write("a/b/c/large", [&[b'x'; 299_998][..], b"\ny\n"].concat().as_slice());
    tree.write("a/b/empty", b"");
    std::fs::create_dir_all(tree.path().join("d/nothing")).unwrap();
    tree
}

#[test]
fn counts_every_file_once_however_many_count() {
    for threads in ["1", "2", "16"] {
        let tree = known_tree(threads);
        let ended = run([tree.path(), "--threads".as_ref(), threads.as_ref()]).finish();
        assert_eq!(ended.code, ALL_DONE, "{ended:?}");
        assert_eq!(ended.names(), "directories, files, lines, words, bytes, unreadable");
        let counts = ["directories", "files", "lines", "words", "bytes", "unreadable"].map(|name| ended.field(name));
        assert_eq!(counts, ["6", "4", "5", "9", "300037", "0"], "{threads} threads");
    }
}

/// A comb: each directory is found only when the one above was counted, and many wait for it meanwhile.
#[test]
fn nobody_ends_while_somebody_may_find_more() {
    let tree = Tree::new("comb");
    let mut place = String::new();
    for i in 0..60 {
        place.push_str("d/");
        tree.write(&format!("{place}file"), format!("{i}\n").as_bytes());
    }
    for _ in 0..5 {
        let ended = run([tree.path(), "--threads".as_ref(), "8".as_ref()]).finish();
        assert_eq!((ended.code, ended.field("directories"), ended.field("lines")), (ALL_DONE, "61", "60"));
    }
}

#[test]
fn an_empty_directory_is_done_at_once() {
    let tree = Tree::new("empty");
    let ended = run([tree.path(), "--threads".as_ref(), "4".as_ref()]).finish();
    assert_eq!((ended.code, ended.field("directories"), ended.field("files")), (ALL_DONE, "1", "0"));
}

#[cfg(unix)]
#[test]
fn passes_by_links_and_pipes() {
    let tree = known_tree("special");
    std::os::unix::fs::symlink(tree.path(), tree.path().join("loop")).unwrap();
    assert!(Command::new("mkfifo").arg(tree.path().join("pipe")).status().unwrap().success());
    let ended = run([tree.path()]).finish();
    assert_eq!((ended.code, ended.field("files"), ended.field("unreadable")), (ALL_DONE, "4", "0"));
}

#[test]
fn no_time_at_all_stops_it_by_the_till() {
    let tree = known_tree("no-time");
    let ended = run([tree.path(), "--secs".as_ref(), "0".as_ref()]).finish();
    assert_eq!((ended.code, ended.field("files")), (STOPPED_BEFORE, "0"), "{ended:?}");
    assert!(ended.field("stopped by").contains("till"), "{ended:?}");
}

/// One worker is inside a file that no machine reads to its end, the others wait for work: all are stopped.
#[cfg(unix)]
#[test]
fn time_and_ctrl_c_stop_those_at_work_and_those_who_wait() {
    let tree = huge_tree("huge");
    let ended = run([tree.path(), "--secs".as_ref(), "0.05".as_ref(), "--threads".as_ref(), "4".as_ref()]).finish();
    assert_eq!(ended.code, STOPPED_BEFORE, "{ended:?}");
    assert!(ended.field("stopped by").contains("till"), "{ended:?}");

    let running = run([tree.path(), "--threads".as_ref(), "4".as_ref()]);
    running.interrupt_once_listening();
    let ended = running.finish();
    assert_eq!(ended.code, STOPPED_BEFORE, "{ended:?}");
    assert!(ended.field("stopped by").contains("Ctrl-C"), "{ended:?}");
}

#[test]
fn refuses_wrong_usage_in_one_line() {
    refuses(&[
        &["no/such/path"],
        &["Cargo.toml"],
        &["--secs", "soon"],
        &["--secs", "-1"],
        &["--secs"],
        &["--threads", "0"],
        &["--threads", "257"],
        &["--unheard-of"],
        &[".", "."],
    ]);
}

#[test]
fn helps_and_minds_no_closed_pipe() {
    let ended = run(["--help"]).finish();
    assert_eq!((ended.code, ended.errors.len()), (ALL_DONE, 0));
    assert!(ended.output.contains("Usage: worklist"), "{ended:?}");

    let mut reader = Running::start(command(["--help"]).stdin(Stdio::piped()));
    let writer = reader.child.stdin.take().unwrap();
    reader.finish();
    assert_eq!(Running::start(command(["--help"]).stdout(writer)).finish().code, ALL_DONE);
}
