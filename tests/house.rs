//! Reads `src/**` and fails on a word in the wrong room.
//!
//! Comments, strings and test modules do not count. Each rule is shown to fail on a planted line.
#[path = "house/rules.rs"]
mod rules;
#[path = "house/source.rs"]
mod source;

use rules::{LONGEST, OWN_ATOMICS, RULES};
use source::Source;
use std::fs;
use std::path::Path;

type Finding = (&'static str, usize);

fn findings(path: &str, text: &str) -> Vec<Finding> {
    let source = Source::read(path, text);
    RULES.iter().flat_map(|(name, rule)| rule(&source).into_iter().map(move |line| (*name, line + 1))).collect()
}

// ---- the house -------------------------------------------------------------------------------------------

fn files(under: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(under).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_word_is_in_its_room() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    assert!(all.len() > 20, "the house is read");
    let mut wrong = Vec::new();
    for file in &all {
        let path = file.strip_prefix(&src).expect("below").to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(file).expect("a file");
        wrong.extend(findings(&path, &text).into_iter().map(|(rule, line)| format!("src/{path}:{line}: {rule}")));
    }
    for (file, _) in OWN_ATOMICS {
        assert!(src.join(file).exists(), "{file} is not there any more");
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// What the design promises of each kind of thing; R9 promises nothing.
const PROMISES: [(&str, std::ops::RangeInclusive<usize>); 9] = [
    ("S", 1..=14),
    ("R", 1..=8),
    ("T", 1..=8),
    ("L", 1..=6),
    ("K", 1..=4),
    ("B", 1..=4),
    ("Q", 1..=4),
    ("H", 1..=9),
    ("P", 1..=5),
];

#[test]
fn every_promise_is_named_by_a_test() {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut all);
    let here = |f: &std::path::PathBuf| f.ends_with("tests/house.rs") || f.ends_with("house/rules.rs");
    let text: String = all.iter().filter(|f| !here(f)).map(|f| fs::read_to_string(f).expect("a file")).collect();
    let promises = PROMISES.into_iter().flat_map(|(letter, numbers)| numbers.map(move |n| format!("{letter}{n}")));
    let named = |p: &String| source::has_word(&text, p) || text.contains(&format!("fn {}_", p.to_lowercase()));
    let unnamed: Vec<String> = promises.filter(|p| !named(p)).collect();
    assert!(unnamed.is_empty(), "no test names {unnamed:?}");
    assert!(!source::has_word("S12: so", "S1") && source::has_word("/// S1, S2: so", "S1"));
}

// ---- the rules can fail ----------------------------------------------------------------------------------

#[test]
fn every_rule_fails_on_a_planted_line() {
    let planted = [
        ("signal/mod.rs", "use std::sync::Mutex;", "only sys names what synchronizes"),
        ("wait/core.rs", "use std::{fmt, sync::{Arc, Mutex}};", "only sys names what synchronizes"),
        ("till/mod.rs", "    std::thread::park();", "only sys names what synchronizes"),
        ("till/mod.rs", "use std::thread;", "only sys names what synchronizes"),
        ("wait/core.rs", "use loom::sync::Mutex;", "only sys names what synchronizes"),
        ("queue.rs", "static L: parking_lot::Mutex<()> = x;", "only sys names what synchronizes"),
        ("till/slab.rs", "    let x = unsafe { y };", "unsafe only in wait and lock"),
        ("signal/mod.rs", "    self.word.load(order)", "memory orderings only in wait and sys"),
        ("signal/mod.rs", "use crate::sys::Ordering::*;", "memory orderings only in wait and sys"),
        ("till/mod.rs", "    fence(order);", "memory orderings only in wait and sys"),
        ("signal/future.rs", "    waker: Option<Waker>,", "only wait stores a Waker"),
        ("signal/mod.rs", "use std::time::Duration;", "signal knows no time"),
        ("signal/cause.rs", "    let t: std::time::SystemTime = x;", "signal knows no time"),
        ("signal/cause.rs", "use crate::till::Wheel;", "stairs lead only downwards"),
        ("wait/core.rs", "use crate::{signal::Signal, sys};", "stairs lead only downwards"),
        ("wait/core.rs", "    crate::Signal::new()", "stairs lead only downwards"),
        ("sys/real.rs", "use crate::wait::Key;", "stairs lead only downwards"),
        ("error.rs", "use crate::queue::Queue;", "stairs lead only downwards"),
        ("wait/core.rs", "    // ORDERING: all\n    x.load(SeqCst)", "no SeqCst but in fences"),
        ("sys/real.rs", "    if let Some(x) = y && z {", "no let chains"),
        ("sys/real.rs", "    if z(a)\n        && let Some(x) = y {", "no let chains"),
        ("sys/real.rs", "    while let Some(x) = f(a) && x > 0 {", "no let chains"),
        ("wait/core.rs", "    let x = unsafe { y };", "unsafe blocks say why"),
        ("wait/core.rs", "unsafe impl Send for X {}", "unsafe blocks say why"),
        ("wait/core.rs", "/// Does.\nunsafe fn f() {}", "unsafe functions list duties"),
        ("wait/core.rs", "fn f(&self) {\n    self.word.load(Acquire)\n}", "atomics say why"),
        ("signal/mod.rs", "    dbg!(x);", "no leftovers"),
        ("thread/root.rs", "    std::process::exit(1);", "only the system ends the process"),
        ("thread/node.rs", "    tracing::error!(x);", "only report knows who listens"),
        ("queue/push.rs", "use std::io::stderr;", "only report knows who listens"),
        ("thread/root.rs", "use signal_hook::consts::SIGINT;", "only os hears the system's signals"),
        ("thread/node.rs", "use crate::loops::Timer;", "stairs lead only downwards"),
    ];
    for (path, line, rule) in planted {
        let found = findings(path, &format!("//! A room.\n{line}\n"));
        assert!(found.iter().any(|f| f.0 == rule), "{path}: `{line}` must break \"{rule}\", breaks {found:?}");
    }
    let long = "fn f() {}\n".repeat(LONGEST + 1);
    assert_eq!(findings("wait/core.rs", &long), [("files stay short", LONGEST + 1)]);
    let shown: Vec<_> = planted.iter().map(|p| p.2).chain(["files stay short"]).collect();
    assert!(RULES.iter().all(|(name, _)| shown.contains(name)), "every rule is planted");
}

#[test]
fn no_rule_fails_on_what_is_right() {
    let right = [
        ("signal/mod.rs", "/// use std::sync::Mutex; unsafe { x.load(SeqCst) }"),
        ("signal/mod.rs", "    let s = \"std::sync unsafe Waker dbg!\"; // loom"),
        ("signal/mod.rs", "    let s = r#\"std::sync \" unsafe\"#; /* parking_lot\n unsafe */"),
        ("signal/mod.rs", "use crate::wait::{Handle, Kind};"),
        ("wait/mod.rs", "#[cfg(all(loom, feature = \"loom\"))]"),
        ("wait/core.rs", "use crate::sys::{AtomicU32, Ordering::*};"),
        ("wait/core.rs", "    // SAFETY: it is ours.\n    let x = unsafe { y };"),
        ("wait/core.rs", "    // ORDERING: both\n    fence(SeqCst);"),
        ("wait/core.rs", "/// ORDERING: Acquire, as below.\nfn f(&self) {\n    self.word.load(Acquire)\n}"),
        ("wait/core.rs", "/// Does.\n///\n/// # Safety\n/// Ours.\nunsafe fn f() {}"),
        ("wait/core.rs", "    if let Some(x) = f(a && b) { c && d }"),
        ("wait/core.rs", "    let c = '\"'; let d = '\\''; let Some(x) = y else { return };"),
        ("signal/until.rs", "use std::time::Duration;"),
        ("till/mod.rs", "use crate::Signal;\nuse crate::error::Stopped;"),
        ("error.rs", "use crate::sys::Shared;"),
        ("till/wheel.rs", "#[cfg(test)]\nmod tests {\n    use std::sync::Mutex;\n}"),
        ("till/mod.rs", "use std::cmp::Ordering;"),
    ];
    for (path, line) in right {
        assert_eq!(findings(path, &format!("//! A room.\n{line}\n")), [], "{path}: `{line}`");
    }
}
