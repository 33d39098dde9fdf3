//! `cargo loom`: builds the models and runs each in a process of its own, a few at a time.
//!
//! A process each, because loom may abort on a deadlock, and because its statics are the process'. What is given in
//! `RUSTFLAGS` is kept beside `--cfg loom`; the models have a target directory of their own, so that nothing else is built
//! anew. The last line says how many passed and failed; no model at all is a failure.
//!
//! How long each took is kept in `seconds.txt` beside their logs. The next run begins with the longest, so that both ends
//! of it are full; one that looks for the first failure begins with the shortest.
mod ask;

use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const USAGE: &str = "\
Runs the models, each in a process of its own.

Usage: cargo loom [--dice] [--first] [--limit SECONDS] [--list] [WORD ...]

  WORD             only those whose name has one of the words in it; all if none is given
  --list           tell their names, and run none
  --dice           scenes of many threads, played by shuttle, in place of what loom explores
  --first          end at the first failure, the shortest first
  --limit SECONDS  end what takes longer; that is no failure
  -h, --help       print this

Exit code: 0 all have passed, 1 one has failed or does not build, 2 wrong usage.
";

/// A model that takes longer hangs: none needs two minutes on an idle machine.
const LIMIT: Duration = Duration::from_secs(900);
/// How long until one looks whether a model has ended: twice as long each time.
const LOOK: Duration = Duration::from_millis(1);
const MOST_LOOK: Duration = Duration::from_millis(50);
/// Lines of a failed model's output that are shown; the rest is in its log.
const SHOWN: usize = 40;

/// A test of a test binary.
struct Model {
    binary: PathBuf,
    /// `file::test`.
    name: String,
}

fn main() -> ExitCode {
    let wish = match Wish::of(env::args().skip(1)) {
        Ok(Some(wish)) => wish,
        Ok(None) => return ask::tell(USAGE),
        Err(why) => return ask::refuse(&format!("{why}\n\n{USAGE}")),
    };
    // Asked now, not when this was built: a build may have been copied together with its tree.
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("started by cargo, as its alias does");
    let root = Path::new(&package).join("..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from).join(if wish.dice {
        "dice"
    } else {
        "loom"
    });
    let Some(binaries) = build(&root, &target, &wish) else { return ExitCode::FAILURE };
    let mut models: Vec<Model> = binaries.iter().flat_map(list).collect();
    let names: Vec<&str> = models.iter().map(|m| m.name.as_str()).collect();
    if let Some(why) = ask::unknown(&wish.words, &names, if wish.dice { "cargo loom --dice" } else { "cargo loom" }) {
        return ask::refuse(&why);
    }
    models.retain(|m| wish.words.is_empty() || wish.words.iter().any(|word| m.name.contains(word)));
    if wish.list {
        return ask::tell(&models.iter().map(|m| format!("{}\n", m.name)).collect::<String>());
    }
    let times = Times::read(target.join("seconds.txt"));
    times.sort(&mut models, wish.first);
    let logs = target.join("logs");
    fs::create_dir_all(&logs).expect("a directory for logs");
    let (passed, failed) = run_all(models, &wish, &logs, times);
    println!("{passed} passed, {failed} failed");
    if passed > 0 && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What was asked for on the command line.
struct Wish {
    /// Models whose name has one of these; none: all.
    words: Vec<String>,
    /// `--first`: one failure is enough. Only a broken promise is one: floors are for trees that keep them.
    first: bool,
    /// `--limit SECONDS`: a model that takes longer has not failed, it is just ended.
    limit: Option<Duration>,
    /// `--dice`: not what loom explores, but what shuttle plays.
    dice: bool,
    /// `--list`: their names are enough.
    list: bool,
}

impl Wish {
    /// `None`: help was asked for.
    fn of(mut args: impl Iterator<Item = String>) -> Result<Option<Wish>, String> {
        let mut wish = Wish { words: Vec::new(), first: false, limit: None, dice: false, list: false };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "-h" | "--help" => return Ok(None),
                "--first" => wish.first = true,
                "--dice" => wish.dice = true,
                "--list" => wish.list = true,
                "--limit" => {
                    let seconds = args.next().and_then(|n| n.parse().ok());
                    wish.limit = Some(Duration::from_secs(seconds.ok_or("--limit takes a whole number of seconds")?));
                }
                flag if flag.starts_with('-') => return Err(format!("unknown flag {flag}")),
                _ => wish.words.push(arg),
            }
        }
        Ok(Some(wish))
    }

    /// The rooms to build: those named, if every word begins with one.
    fn rooms(&self) -> Vec<&str> {
        if self.dice {
            return vec!["dice"];
        }
        let rooms: Option<Vec<&str>> = self.words.iter().map(|w| Some(w.split_once("::")?.0)).collect();
        rooms.filter(|rooms| !rooms.is_empty()).unwrap_or(vec!["*"])
    }
}

/// The test binaries, as cargo names them; `None` if they do not build.
fn build(root: &Path, target: &Path, wish: &Wish) -> Option<Vec<PathBuf>> {
    let cfg = if wish.dice { "--cfg loom --cfg stopwhen_shuttle" } else { "--cfg loom" };
    let flags = format!("{} {cfg}", env::var("RUSTFLAGS").unwrap_or_default());
    let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
    let out = Command::new(cargo)
        .args(["test", "--package", "loom-tests", "--profile", "loom", "--no-run"])
        .args(wish.rooms().iter().flat_map(|room| ["--test", room]))
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

/// What each model took when it last passed.
struct Times {
    file: PathBuf,
    seconds: HashMap<String, f64>,
}

impl Times {
    fn read(file: PathBuf) -> Times {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let seconds = text.lines().filter_map(|l| {
            let (name, seconds) = l.split_once(' ')?;
            Some((name.to_owned(), seconds.parse().ok()?))
        });
        Times { seconds: seconds.collect(), file }
    }

    /// Shortest or longest first; one that is not known yet before all.
    fn sort(&self, models: &mut [Model], shortest: bool) {
        let unknown = if shortest { 0.0 } else { f64::MAX };
        let time = |m: &Model| self.seconds.get(&m.name).copied().unwrap_or(unknown);
        models.sort_by(|a, b| if shortest { time(a).total_cmp(&time(b)) } else { time(b).total_cmp(&time(a)) });
    }

    fn write(&self) {
        let mut lines: Vec<String> = self.seconds.iter().map(|(name, s)| format!("{name} {s:.2}\n")).collect();
        lines.sort();
        fs::write(&self.file, lines.concat()).expect("the times can be kept");
    }
}

/// How many passed, how many failed.
fn run_all(models: Vec<Model>, wish: &Wish, logs: &Path, times: Times) -> (usize, usize) {
    let enough = AtomicBool::new(false);
    let line = Mutex::new(models.into_iter());
    let times = Mutex::new(times);
    let work = || {
        let (mut passed, mut failed) = (0, 0);
        while !enough.load(Relaxed) {
            let Some(model) = line.lock().expect("nobody panics with it").next() else { break };
            let begin = Instant::now();
            match run(&model, wish, &enough, logs) {
                End::Passed => {
                    passed += 1;
                    let mut times = times.lock().expect("nobody panics with it");
                    times.seconds.insert(model.name, begin.elapsed().as_secs_f64());
                }
                End::Failed => {
                    enough.store(wish.first, Relaxed);
                    failed += 1;
                }
                End::Stopped => {}
            }
        }
        (passed, failed)
    };
    let at_a_time = thread::available_parallelism().map_or(1, usize::from);
    let counts = thread::scope(|s| {
        let workers: Vec<_> = (0..at_a_time).map(|_| s.spawn(work)).collect();
        let counts = workers.into_iter().map(|w| w.join().expect("no worker panics"));
        counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    });
    if !wish.first {
        times.into_inner().expect("nobody panics with it").write();
    }
    counts
}

/// What became of a model.
enum End {
    Passed,
    Failed,
    /// It had not failed when its time was up, or when another's failure was enough.
    Stopped,
}

fn run(model: &Model, wish: &Wish, enough: &AtomicBool, logs: &Path) -> End {
    let log = logs.join(format!("{}.txt", model.name.replace("::", ".")));
    let out = File::create(&log).expect("a log can be written");
    let (_, test) = model.name.split_once("::").expect("named so in `list`");
    let mut child = Command::new(&model.binary)
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env("STOPWHEN_FLOORS", if wish.first { "off" } else { "on" })
        .stdout(out.try_clone().expect("one more handle of a file"))
        .stderr(out)
        .spawn()
        .expect("a test binary starts");
    let begin = Instant::now();
    let mut look = LOOK;
    let end = loop {
        let over = wish.limit.is_some_and(|limit| begin.elapsed() > limit);
        match child.try_wait().expect("our own child") {
            Some(status) => break if status.success() { None } else { Some(status.to_string()) },
            None if over || enough.load(Relaxed) => {
                let _ = child.kill().and_then(|()| child.wait());
                if over {
                    println!("stopped {}: no end after its limit", model.name);
                }
                return End::Stopped;
            }
            None if begin.elapsed() > LIMIT => {
                let _ = child.kill().and_then(|()| child.wait());
                break Some(format!("no end after {} s", LIMIT.as_secs()));
            }
            None => thread::sleep(look),
        }
        look = MOST_LOOK.min(look * 2);
    };
    let text = fs::read(&log).unwrap_or_default();
    if tell(model, end.as_deref(), &String::from_utf8_lossy(&text)) { End::Passed } else { End::Failed }
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
