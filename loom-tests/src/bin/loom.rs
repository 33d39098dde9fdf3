//! `cargo loom [--first] [--limit SECONDS] [NAME ...]`: builds the models and runs each in a process of its own, a few at a time.
//!
//! A process each, because loom may abort on a deadlock, and because its statics are the process'. What is given in
//! `RUSTFLAGS` is kept beside `--cfg loom`; the models have a target directory of their own, so that nothing else is built
//! anew. The last line says how many passed and failed; no model at all is a failure.
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// A model that takes longer hangs: none needs two minutes on an idle machine.
const LIMIT: Duration = Duration::from_secs(900);
const LOOK: Duration = Duration::from_millis(20);
/// Lines of a failed model's output that are shown; the rest is in its log.
const SHOWN: usize = 40;

/// A test of a test binary.
struct Model {
    binary: PathBuf,
    /// `file::test`.
    name: String,
}

fn main() -> ExitCode {
    let wish = Wish::of(env::args().skip(1));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from).join("loom");
    let Some(binaries) = build(&root, &target) else { return ExitCode::FAILURE };
    let mut models: Vec<Model> = binaries.iter().flat_map(list).collect();
    models.retain(|m| wish.words.is_empty() || wish.words.iter().any(|word| m.name.contains(word)));
    let logs = target.join("logs");
    fs::create_dir_all(&logs).expect("a directory for logs");
    let (passed, failed) = run_all(models, &wish, &logs);
    println!("{passed} passed, {failed} failed");
    if passed > 0 && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What was asked for on the command line.
struct Wish {
    /// Models whose name has one of these; none: all.
    words: Vec<String>,
    /// `--first`: no model is begun after one has failed.
    first: bool,
    /// `--limit SECONDS`: a model that takes longer has not failed, it is just ended.
    limit: Option<Duration>,
}

impl Wish {
    fn of(mut args: impl Iterator<Item = String>) -> Wish {
        let mut wish = Wish { words: Vec::new(), first: false, limit: None };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--first" => wish.first = true,
                "--limit" => wish.limit = args.next().and_then(|n| n.parse().ok()).map(Duration::from_secs),
                _ => wish.words.push(arg),
            }
        }
        wish
    }
}

/// The test binaries, as cargo names them; `None` if they do not build.
fn build(root: &Path, target: &Path) -> Option<Vec<PathBuf>> {
    let flags = format!("{} --cfg loom", env::var("RUSTFLAGS").unwrap_or_default());
    let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
    let out = Command::new(cargo)
        .args(["test", "--package", "loom-tests", "--test", "*", "--profile", "loom", "--no-run"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTFLAGS", flags.trim())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    let text = String::from_utf8_lossy(&out.stdout);
    let mut binaries: Vec<PathBuf> = text.lines().filter_map(executable).collect();
    binaries.sort();
    out.status.success().then_some(binaries)
}

/// The file that a line of cargo's messages says it has built, if that is a test.
fn executable(message: &str) -> Option<PathBuf> {
    const KEY: &str = r#""executable":""#;
    let path = &message[message.find(KEY)? + KEY.len()..];
    let path = path[..path.find('"')?].replace(r"\\", r"\");
    message.contains(r#""kind":["test"]"#).then(|| path.into())
}

fn list(binary: &PathBuf) -> Vec<Model> {
    let out = Command::new(binary).args(["--list", "--format", "terse"]).output().expect("a test binary starts");
    // Cargo ends the file's name with a dash and a hash.
    let file = binary.file_stem().unwrap_or_default().to_string_lossy();
    let room = file.rsplit_once('-').map_or(&*file, |(room, _)| room);
    let text = String::from_utf8_lossy(&out.stdout);
    let tests = text.lines().filter_map(|l| l.strip_suffix(": test"));
    tests.map(|test| Model { binary: binary.clone(), name: format!("{room}::{test}") }).collect()
}

/// How many passed, how many failed.
fn run_all(models: Vec<Model>, wish: &Wish, logs: &Path) -> (usize, usize) {
    let some_failed = AtomicBool::new(false);
    let line = Mutex::new(models.into_iter());
    let work = || {
        let (mut passed, mut failed) = (0, 0);
        loop {
            let next = line.lock().expect("nobody panics with it").next();
            match next {
                None => return (passed, failed),
                Some(_) if wish.first && some_failed.load(Relaxed) => return (passed, failed),
                Some(model) if run(&model, wish.limit, logs) => passed += 1,
                Some(_) => {
                    some_failed.store(true, Relaxed);
                    failed += 1;
                }
            }
        }
    };
    let at_a_time = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|s| {
        let workers: Vec<_> = (0..at_a_time).map(|_| s.spawn(work)).collect();
        let counts = workers.into_iter().map(|w| w.join().expect("no worker panics"));
        counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    })
}

/// True: it passed.
fn run(model: &Model, limit: Option<Duration>, logs: &Path) -> bool {
    let log = logs.join(format!("{}.txt", model.name.replace("::", ".")));
    let out = File::create(&log).expect("a log can be written");
    let (_, test) = model.name.split_once("::").expect("named so in `list`");
    let mut child = Command::new(&model.binary)
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .stdout(out.try_clone().expect("one more handle of a file"))
        .stderr(out)
        .spawn()
        .expect("a test binary starts");
    let begin = Instant::now();
    let end = loop {
        match child.try_wait().expect("our own child") {
            Some(status) => break if status.success() { None } else { Some(status.to_string()) },
            None if limit.is_some_and(|limit| begin.elapsed() > limit) => {
                let _ = child.kill().and_then(|()| child.wait());
                println!("passed over {}: no end after its limit", model.name);
                return true;
            }
            None if begin.elapsed() > LIMIT => {
                let _ = child.kill().and_then(|()| child.wait());
                break Some(format!("no end after {} s", LIMIT.as_secs()));
            }
            None => thread::sleep(LOOK),
        }
    };
    let text = fs::read(&log).unwrap_or_default();
    tell(model, end.as_deref(), &String::from_utf8_lossy(&text))
}

/// Prints one line of a model that passed, the end of the output of one that did not.
fn tell(model: &Model, failure: Option<&str>, text: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let line = lines.iter().find_map(|l| l.split_once("model ")?.1.split_once(": ")).map_or("", |(_, line)| line);
    match failure {
        // A test that says nothing of a search has made none.
        None if line.is_empty() => println!("FAILED {}: no model in it", model.name),
        None => println!("passed {}: {line}", model.name),
        Some(why) => {
            let shown = &lines[lines.len().saturating_sub(SHOWN)..];
            println!("FAILED {}: {why}\n    {}", model.name, shown.join("\n    "));
        }
    }
    failure.is_none() && !line.is_empty()
}
