//! What signals should do, said in booleans: no links, no locks, no laziness, everything computed anew after each step.

#[derive(Clone, Debug)]
pub enum Kind {
    Leaf,
    Fixed(bool),
    Child(usize),
    Expr { need: usize, inputs: Vec<usize> },
}

#[derive(Debug)]
pub struct Node {
    kind: Kind,
    /// When it was made, and when it went, on the clock of steps; what was go at its making went then.
    born: usize,
    went: Option<usize>,
    /// A child that went alone.
    alone: bool,
    /// Handles that can raise it.
    hands: usize,
    dead: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Queued,
    Ran,
    /// Cancelled, or its signal died.
    Unrun,
}

#[derive(Debug)]
pub struct Call {
    pub on: usize,
    pub state: State,
    /// It raises that when it runs, and has a handle of it until then.
    pub raises: Option<usize>,
}

/// What decided a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decider {
    Leaf(usize),
    Child(usize),
    Done,
}

#[derive(Default, Debug)]
pub struct Oracle {
    pub nodes: Vec<Node>,
    pub calls: Vec<Call>,
    now: usize,
}

impl Oracle {
    pub fn make(&mut self, kind: Kind) {
        self.now += 1;
        let hands = usize::from(matches!(kind, Kind::Leaf | Kind::Child(_)));
        self.nodes.push(Node { kind, born: self.now, went: None, alone: false, hands, dead: false });
        self.settle();
    }

    /// `|`, `&`, any, all: what changes nothing is left out, duplicates count once (S10).
    pub fn make_any_or_all(&mut self, all: bool, inputs: &[usize]) {
        let mut kept = Vec::new();
        for &i in inputs {
            if !kept.contains(&i) && !matches!(self.nodes[i].kind, Kind::Fixed(go) if go == all) {
                kept.push(i);
            }
        }
        let kind = match (kept.len(), inputs.last()) {
            (0, None) => Kind::Fixed(all),
            (0, Some(&only)) => Kind::Expr { need: 1, inputs: vec![only] },
            (n, _) => Kind::Expr { need: if all { n } else { 1 }, inputs: kept },
        };
        self.make(kind);
    }

    pub fn make_at_least(&mut self, k: usize, inputs: &[usize]) {
        self.make(match k {
            0 => Kind::Fixed(true),
            k if k > inputs.len() => Kind::Fixed(false),
            need => Kind::Expr { need, inputs: inputs.to_vec() },
        });
    }

    pub fn is_go(&self, i: usize) -> bool {
        self.nodes[i].went.is_some()
    }

    pub fn can_be_raised(&self, i: usize) -> bool {
        matches!(self.nodes[i].kind, Kind::Leaf | Kind::Child(_))
    }

    /// What `go()` answers.
    pub fn go(&mut self, i: usize) -> bool {
        let wins = self.can_be_raised(i) && !self.is_go(i);
        if wins {
            self.now += 1;
            self.nodes[i].went = Some(self.now);
            self.nodes[i].alone = true;
            self.settle();
        }
        wins
    }

    pub fn then(&mut self, on: usize, raises: Option<usize>) {
        if let Some(target) = raises {
            self.nodes[target].hands += 1;
        }
        self.calls.push(Call { on, state: State::Queued, raises });
        self.settle();
    }

    pub fn cancel(&mut self, call: usize) {
        if self.calls[call].state == State::Queued {
            self.end(call, State::Unrun);
            self.settle();
        }
    }

    pub fn drop_hand(&mut self, i: usize) {
        self.now += 1;
        self.nodes[i].hands = self.nodes[i].hands.saturating_sub(1);
        self.settle();
    }

    fn end(&mut self, call: usize, state: State) {
        self.calls[call].state = state;
        if let Some(target) = self.calls[call].raises {
            if state == State::Ran {
                self.go(target);
            }
            self.nodes[target].hands -= 1;
        }
    }

    /// Lets everything follow that follows from what is.
    fn settle(&mut self) {
        (0..self.nodes.len()).for_each(|i| self.follow(i));
        for call in 0..self.calls.len() {
            let Call { on, state, .. } = self.calls[call];
            let end = match &self.nodes[on] {
                Node { went: Some(_), .. } => State::Ran,
                Node { dead: true, .. } => State::Unrun,
                _ => continue,
            };
            if state == State::Queued {
                self.end(call, end);
                return self.settle();
            }
        }
    }

    fn follow(&mut self, i: usize) {
        let Node { kind, went, hands, .. } = &self.nodes[i];
        if went.is_some() {
            return;
        }
        let count = |of: &[usize], what: fn(&Node) -> bool| of.iter().filter(|&&i| what(&self.nodes[i])).count();
        let go = |n: &Node| n.went.is_some();
        let (up, dead) = match kind {
            Kind::Leaf => (false, *hands == 0),
            Kind::Fixed(go) => (*go, !*go),
            Kind::Child(parent) => (go(&self.nodes[*parent]), *hands == 0 && self.nodes[*parent].dead),
            Kind::Expr { need, inputs } => {
                (count(inputs, go) >= *need, inputs.len() - count(inputs, |n| n.dead) < *need)
            }
        };
        let now = self.now;
        let node = &mut self.nodes[i];
        node.went = up.then_some(now);
        node.dead = dead && !up;
    }

    /// S11: of what decided a signal that is go, the need-th to go; together, or before it was made: by index.
    pub fn decider(&self, i: usize) -> Decider {
        let Node { kind, born, alone, .. } = &self.nodes[i];
        match kind {
            Kind::Leaf => Decider::Leaf(i),
            Kind::Fixed(_) => Decider::Done,
            Kind::Child(_) if *alone => Decider::Child(i),
            Kind::Child(parent) => self.decider(*parent),
            Kind::Expr { need, inputs } => {
                let went = |&i: &usize| self.nodes[i].went.filter(|t| t > born).map_or(0, |t| t);
                let mut order: Vec<_> = inputs.iter().filter(|&&i| self.is_go(i)).map(|i| (went(i), *i)).collect();
                order.sort_by_key(|(went, _)| *went); // stable: by index
                self.decider(order[need - 1].1)
            }
        }
    }

    /// Whether something that waits for `i` may hang on it, or on what it is made of.
    pub fn may_hang_below(&self, tops: &[usize]) -> Vec<bool> {
        let mut marked = vec![false; self.nodes.len()];
        tops.iter().for_each(|&i| marked[i] = true);
        for i in (0..marked.len()).rev() {
            let below: &[usize] = match &self.nodes[i].kind {
                Kind::Leaf | Kind::Fixed(_) => &[],
                Kind::Child(parent) => std::slice::from_ref(parent),
                Kind::Expr { inputs, .. } => inputs,
            };
            if marked[i] {
                below.iter().for_each(|&i| marked[i] = true);
            }
        }
        marked
    }
}
