//! Answers to a command line that asks for no run, or for what is not there.
use std::io::{self, Write};
use std::process::ExitCode;

/// What was wrong, and the exit code of wrong usage.
pub fn refuse(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(2)
}

/// What was asked for; a reader that has gone away is no failure.
pub fn tell(text: &str) -> ExitCode {
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// The first word that none of the names has in it, and the parts of names that are like it.
pub fn unknown(words: &[String], names: &[&str], tool: &str) -> Option<String> {
    let word = words.iter().find(|word| !names.iter().any(|name| name.contains(*word)))?;
    let near = near(word, names);
    let hint = if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) };
    Some(format!("no name has `{word}` in it{hint}. `{tool} --list` tells all {} names.", names.len()))
}

/// At most five, the nearest first.
fn near<'a>(word: &str, names: &[&'a str]) -> Vec<&'a str> {
    let apart = |c: char| !c.is_alphanumeric();
    let parts = names.iter().flat_map(|name| name.split("::").chain(name.split(apart)));
    let mut near: Vec<(usize, &str)> = parts.map(|part| (distance(word, part), part)).collect();
    near.retain(|(distance, part)| *distance <= part.len().min(word.len()) / 3);
    near.sort();
    near.dedup();
    near.into_iter().take(5).map(|(_, part)| part).collect()
}

/// How many letters to put in, leave out or change.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let changed = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
