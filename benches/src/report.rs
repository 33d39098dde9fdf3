//! What came out of a row, and whether it is good enough.

use crate::suite::{Goal, Role, Row, Stat, Unit, Variant};

/// What one variant measured in one row.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) who: &'static str,
    pub(crate) role: Role,
    pub(crate) min: f64,
    pub(crate) median: f64,
    clean: bool,
}

impl Line {
    fn of(variant: &Variant, row: usize) -> Option<Line> {
        let (sorted, clean) = variant.samples.of(row);
        let (min, median) = (*sorted.first()?, sorted[sorted.len() / 2]);
        Some(Line { who: variant.who, role: variant.role, min, median, clean })
    }

    pub(crate) fn by(&self, stat: Stat) -> f64 {
        match stat {
            Stat::Min => self.min,
            Stat::Median => self.median,
        }
    }
}

/// A row, all that was measured for it, and the verdict.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) row: Row,
    lines: Vec<Line>,
    /// None: no goal could be judged.
    pub(crate) met: Option<bool>,
}

impl Outcome {
    pub(crate) fn of(row: Row, index: usize, variants: &[Variant], earlier: &[Outcome]) -> Outcome {
        let lines = variants.iter().filter_map(|v| Line::of(v, index)).collect();
        let mut outcome = Outcome { row, lines, met: None };
        let verdicts: Vec<bool> = outcome.row.goals.iter().filter_map(|g| outcome.judge(g, earlier)).collect();
        outcome.met = (!verdicts.is_empty()).then(|| verdicts.iter().all(|met| *met));
        outcome
    }

    fn best(&self, role: Role) -> Option<&Line> {
        let stat = self.row.stat;
        let of_role = self.lines.iter().filter(|l| l.role == role);
        of_role.min_by(|a, b| a.by(stat).total_cmp(&b.by(stat)))
    }

    pub(crate) fn ours(&self) -> Option<&Line> {
        self.best(Role::Ours)
    }

    pub(crate) fn peer(&self) -> Option<&Line> {
        self.best(Role::Peer)
    }

    pub(crate) fn limit(&self) -> Option<&Line> {
        self.best(Role::Limit)
    }

    /// Ours over `other`, by the row's statistic.
    pub(crate) fn ratio(&self, other: Option<&Line>) -> Option<f64> {
        let ratio = self.ours()?.by(self.row.stat) / other?.by(self.row.stat);
        // One of them does not do it at all.
        ratio.is_finite().then_some(ratio)
    }

    fn judge(&self, goal: &Goal, earlier: &[Outcome]) -> Option<bool> {
        let (ratio, most) = match goal {
            Goal::Peer(most) => (self.ratio(self.peer()), most),
            Goal::Limit(most) => (self.ratio(self.limit()), most),
            Goal::Than(who, most) => (self.ratio(self.lines.iter().find(|l| l.who == *who)), most),
            Goal::Flat(id, most) => {
                let before = earlier.iter().find(|o| o.row.id == *id)?;
                (self.ratio(before.ours()), most)
            }
            Goal::AtMost(most) => (self.ours().map(|l| l.by(self.row.stat)), most),
        };
        Some(ratio? <= *most)
    }

    /// Whether there were too few samples in which every thread had its CPU.
    pub(crate) fn disturbed(&self) -> bool {
        self.lines.iter().any(|l| !l.clean)
    }

    pub(crate) fn goals(&self) -> String {
        let one = |goal: &Goal| match goal {
            Goal::Peer(most) => format!("≤ {most}× peer"),
            Goal::Limit(most) => format!("≤ {most}× limit"),
            Goal::Than(who, most) => format!("≤ {most}× {who}"),
            Goal::Flat(id, most) => format!("≤ {most}× {id}"),
            Goal::AtMost(most) => format!("≤ {most} {}", unit(self.row.unit)),
        };
        self.row.goals.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match (self.met, self.disturbed()) {
            (None, _) => "–",
            (Some(true), false) => "met",
            (Some(true), true) => "met (disturbed)",
            (Some(false), false) => "**missed**",
            (Some(false), true) => "**missed** (disturbed)",
        }
    }

    /// Prints every variant, as soon as the row is done.
    pub(crate) fn print(&self) {
        let Row { id, name, unit: u, stat, .. } = &self.row;
        println!("\n{id}: {name} ({}, judged by {})", unit(*u), statistic(*stat));
        let ours = self.ours().map(|l| l.by(*stat));
        for line in &self.lines {
            let ratio = ours.map(|o| o / line.by(*stat)).filter(|r| r.is_finite());
            let ratio = ratio.map_or("    –".to_string(), |r| format!("{r:5.2}×"));
            let role = match line.role {
                Role::Ours => "ours ",
                Role::Peer => "peer ",
                Role::Limit => "limit",
                Role::Note => "     ",
            };
            let (min, median, who) = (number(line.min), number(line.median), line.who);
            println!("  {role} {who:44} {min:>9} {median:>9}   ours is {ratio}");
        }
        println!("  goal  {}: {}", self.goals(), self.verdict());
    }
}

/// Three figures that matter.
pub(crate) fn number(value: f64) -> String {
    match value {
        v if v.abs() < 0.005 => "0.00".to_string(), // a difference of counts may be a little less than nothing
        v if v.abs() < 10.0 => format!("{v:.2}"),
        v if v.abs() < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

pub(crate) fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Ns => "ns",
        Unit::Us => "µs",
        Unit::Bytes => "bytes",
        Unit::Kilobytes => "kB",
        Unit::Seconds => "s",
        Unit::Instructions => "instructions",
        Unit::Locked => "locked accesses",
        Unit::Crates => "crates",
        Unit::Looks => "looks/s",
        Unit::Shares => "max/min",
    }
}

pub(crate) fn statistic(stat: Stat) -> &'static str {
    match stat {
        Stat::Min => "minimum",
        Stat::Median => "median",
    }
}

/// Prints the table as it goes into RESULTS.md.
pub(crate) fn print_table(outcomes: &[Outcome], load: f64) {
    println!("\nOther processes used {load:.0} % of the machine meanwhile.\n");
    crate::results::HEAD.iter().for_each(|line| println!("{line}"));
    outcomes.iter().for_each(|o| println!("{}", crate::results::line(o)));
    let missed = outcomes.iter().filter(|o| o.met == Some(false)).map(|o| o.row.id);
    let missed: Vec<_> = missed.collect();
    println!("\n{} rows, missed: {}", outcomes.len(), missed.join(" "));
}
