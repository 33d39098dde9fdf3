//! The example `sweep`, run for real: what it prints, how it ends, whatever ends it.
//!
//! Every wait for a child, or for a line of its, is under a watchdog that ends the child.
#![cfg(not(any(miri, loom)))]

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

const WATCHDOG: Duration = Duration::from_secs(10);

const ALL_DONE: Option<i32> = Some(0);
const WRONG_USAGE: Option<i32> = Some(2);
const STOPPED_BEFORE: Option<i32> = Some(3);

/// The names of what a report holds, whatever ended the run.
const REPORT: &str = "files, bytes, seconds, unreadable, digest, outcome, stopped by";

#[test]
fn counts_a_known_tree_and_says_that_all_is_done() {
    let tree = known_tree("known");
    let ended = sweep([tree.path()]).finish();
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
        let ended = sweep(args).finish();
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
    let ended = sweep([tree.path().join("a").join("two")]).finish();
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
    let ended = sweep([tree.path()]).finish();
    assert_eq!(ended.code, ALL_DONE, "{ended:?}");
    assert_eq!(ended.field("files"), "4");
    assert_eq!(ended.field("unreadable"), "0");
    assert_eq!(sweep([&pipe]).finish().code, WRONG_USAGE);
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
    let ended = sweep([root]).finish();
    assert_eq!(ended.code, ALL_DONE, "{ended:?}");
    assert_eq!(ended.field("files"), "1");
    assert_eq!(ended.field("bytes"), "5");
    assert_eq!(ended.field("unreadable"), "1");
    let named = |line: &&String| line.contains(&unreadable);
    assert_eq!(ended.errors.iter().filter(named).count(), 1);
}

#[test]
fn refuses_wrong_usage_in_one_line() {
    for args in [
        &["no/such/path"][..],
        &["--secs", "soon"],
        &["--secs", "-1"],
        &["--secs", "nan"],
        &["--secs"],
        &["--threads", "0"],
        &["--threads", "1.5"],
        &["--threads", "257"],
        &["--unheard-of"],
        &[".", "."],
    ] {
        let ended = sweep(args).finish();
        assert_eq!(ended.code, WRONG_USAGE, "{args:?} {ended:?}");
        assert_eq!(ended.output, "", "{args:?}");
        assert_eq!(ended.errors.len(), 1, "{args:?} {ended:?}");
    }
}

#[test]
fn helps() {
    let ended = sweep(["--help"]).finish();
    assert_eq!(ended.code, ALL_DONE);
    assert!(ended.output.contains("Usage: sweep"), "{ended:?}");
    assert!(ended.errors.is_empty(), "{ended:?}");
}

#[test]
fn no_time_at_all_stops_it_by_the_till() {
    let tree = known_tree("no-time");
    let ended = sweep([tree.path(), "--secs".as_ref(), "0".as_ref()]).finish();
    assert_stopped_by_till(&ended);
    assert_eq!(ended.field("files"), "0");
}

#[cfg(unix)]
#[test]
fn time_is_up_inside_a_huge_file() {
    let tree = huge_tree("time");
    let ended = sweep([tree.path(), "--secs".as_ref(), "0.05".as_ref()]).finish();
    assert_stopped_by_till(&ended);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_it_inside_a_huge_file_and_nothing_printed_is_lost() {
    let tree = huge_tree("ctrl-c");
    let running = sweep([tree.path()]);
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

/// A directory of a test's own, gone when the test ends.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Tree {
        let unique = format!("sweep-{}-{name}", std::process::id());
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique);
        fs::create_dir_all(&root).unwrap();
        Tree(root)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
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

/// One file that no machine reads to its end within the watchdog's time. It takes no space.
#[cfg(unix)]
fn huge_tree(name: &str) -> Tree {
    const BYTES: u64 = 1 << 40;
    let tree = Tree::new(name);
    let file = File::create(tree.path().join("huge")).unwrap();
    file.set_len(BYTES).unwrap();
    tree
}

fn sweep<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Running {
    Running::start(&mut command(args))
}

fn command<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// The example's binary, built as this test was. `cargo test` has built it already, and this
/// changes nothing; `cargo test --test sweep` has not.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        // <target>[/<triple>]/<profile>/deps/sweep-<hash>
        let exe = env::current_exe().unwrap();
        let place = exe.ancestors().nth(2).unwrap();
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let profile = match place.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "--example", "sweep"]);
        build.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
        build.args(["--profile", profile, "--target-dir"]).arg(target);
        let triple = place.parent().unwrap().strip_prefix(target).unwrap();
        if triple != Path::new("") {
            build.arg("--target").arg(triple);
        }
        if cfg!(feature = "test-clock") {
            build.args(["--features", "test-clock"]);
        }
        assert!(build.status().unwrap().success(), "the example builds");
        place.join("examples").join(format!("sweep{}", env::consts::EXE_SUFFIX))
    })
}

/// A child with its two outputs being read.
struct Running {
    child: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Running {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (output_to, output) = mpsc::channel();
        let stdout = child.stdout.take();
        thread::spawn(move || {
            let mut text = String::new();
            stdout.map(|mut pipe| pipe.read_to_string(&mut text).unwrap());
            output_to.send(text)
        });
        let (errors_to, errors) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            let mut lines = stderr.lines().map(Result::unwrap);
            lines.try_for_each(|line| errors_to.send(line))
        });
        Running { child, output, errors }
    }

    #[cfg(unix)]
    fn interrupt_once_listening(&self) {
        let listening = self.errors.recv_timeout(WATCHDOG);
        listening.expect("a first line, printed once Ctrl-C is listened for");
        let child = self.child.id().to_string();
        let kill = Command::new("kill").args(["-INT", &child]).status();
        assert!(kill.unwrap().success());
    }

    fn finish(mut self) -> Ended {
        let output = self.output.recv_timeout(WATCHDOG);
        let output = output.expect("the child closes its standard output in time");
        let mut errors = Vec::new();
        loop {
            match self.errors.recv_timeout(WATCHDOG) {
                Ok(line) => errors.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the child does not end in time"),
            }
        }
        // Both its outputs are closed: it is on its way out.
        let code = self.child.wait().unwrap().code();
        Ended { code, output, errors }
    }
}

impl Drop for Running {
    /// After a failed assertion, or the watchdog's word, the child must not live on.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    output: String,
    errors: Vec<String>,
}

impl Ended {
    /// Names and values, which stand two blanks or more apart.
    fn rows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.output.lines().map(|line| line.split_once("  ").unwrap_or((line, "")))
    }

    fn field(&self, name: &str) -> &str {
        let row = self.rows().find(|row| row.0 == name);
        row.unwrap_or_else(|| panic!("no {name} in {self:?}")).1.trim()
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.rows().map(|row| row.0).collect();
        names.join(", ")
    }
}
