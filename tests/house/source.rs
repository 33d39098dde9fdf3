//! A source file without what does not count: comments, strings, test modules.

/// A file as the rules see it.
pub struct Source<'a> {
    /// Relative to `src`, with `/`.
    pub path: &'a str,
    /// As it is, line by line.
    pub raw: Vec<&'a str>,
    /// The same lines without comments, strings and test modules.
    pub code: Vec<String>,
}

/// Blanks comments, strings and characters; keeps every line where it was.
pub fn strip(text: &str) -> String {
    let mut out = String::new();
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\n');
    let mut i = 0;
    while i < chars.len() {
        let begun = i;
        match (at(i), at(i + 1)) {
            ('/', '/') => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1
                }
            }
            ('/', '*') => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => {
                            depth += 1;
                            i += 2
                        }
                        ('*', '/') => {
                            depth -= 1;
                            i += 2
                        }
                        _ => i += 1,
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
            }
            ('r', '"' | '#') if i == 0 || !is_word(at(i - 1)) => {
                let hashes = chars[i + 1..].iter().take_while(|c| **c == '#').count();
                if at(i + 1 + hashes) != '"' {
                    out.push('r');
                    i += 1;
                    continue;
                }
                i += hashes + 2;
                while i < chars.len() && !(at(i) == '"' && (1..=hashes).all(|h| at(i + h) == '#')) {
                    i += 1
                }
                i += hashes + 1;
            }
            ('"', _) => {
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 }
                }
                i += 1;
            }
            ('\'', '\\') => i += 2 + chars[i + 2..].iter().position(|c| *c == '\'').unwrap_or(1).max(1) + 1,
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            (c, _) => {
                out.push(c);
                i += 1;
                continue;
            }
        }
        let gone = &chars[begun..i.min(chars.len())];
        out.push(' ');
        out.extend(gone.iter().filter(|c| **c == '\n'));
    }
    out
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl<'a> Source<'a> {
    pub fn read(path: &'a str, text: &'a str) -> Source<'a> {
        let stripped = strip(text);
        let mut code: Vec<String> = stripped.lines().map(str::to_string).collect();
        let is_test = |l: &String| l.contains("#[cfg(test)]") || l.contains("#[cfg(all(test,");
        let end = code.iter().position(is_test).filter(|&i| code.get(i + 1).is_some_and(|l| l.contains("mod ")));
        let end = if path.ends_with("tests.rs") { Some(0) } else { end };
        code.iter_mut().skip(end.unwrap_or(usize::MAX)).for_each(String::clear);
        Source { path, raw: text.lines().collect(), code }
    }

    pub fn room(&self) -> &'a str {
        self.path.split(['/', '.']).next().unwrap_or("")
    }

    /// Lines in which one of the words stands by itself.
    pub fn lines_with(&self, words: &[&str]) -> Vec<usize> {
        let has = |line: &String| words.iter().any(|w| has_word(line, w));
        (0..self.code.len()).filter(|&i| has(&self.code[i])).collect()
    }

    /// Every path that is named, its use trees spelt out, with the line it begins on.
    pub fn paths(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut i = 0;
        while i < self.code.len() {
            let line = self.code[i].trim_start();
            if line.starts_with("use ") || line.contains(" use ") && line.starts_with("pub") {
                let begun = i;
                let mut tree = String::new();
                loop {
                    tree.push_str(self.code[i].trim());
                    if tree.contains(';') || i + 1 == self.code.len() {
                        break;
                    }
                    i += 1;
                }
                let tree = tree.split_once("use ").map_or("", |(_, t)| t).replace(' ', "");
                spell_out("", tree.trim_end_matches(';'), &mut |path| found.push((begun, path)));
            } else {
                found.push((i, line.replace(' ', "")));
            }
            i += 1;
        }
        found
    }
}

/// `a::{b,c::{d}}` as `a::b`, `a::c::d`.
pub fn spell_out(before: &str, tree: &str, found: &mut dyn FnMut(String)) {
    let (mut depth, mut part) = (0, 0);
    for (i, c) in tree.char_indices().chain([(tree.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let one = &tree[part..i];
                match one.split_once('{') {
                    Some((head, inner)) => {
                        spell_out(&format!("{before}{head}"), inner.strip_suffix('}').unwrap_or(inner), found)
                    }
                    None => found(format!("{before}{one}")),
                }
                part = i + 1;
            }
            _ => {}
        }
    }
}

pub fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(i, _)| {
        let before = line[..i].chars().next_back().filter(|_| word.starts_with(is_word));
        let after = line[i + word.len()..].chars().next().filter(|_| word.ends_with(is_word));
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}
