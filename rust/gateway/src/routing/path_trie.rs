//! Path patterns by their segments: the first that matches is found without trying all of them.

use std::collections::HashMap;

use regex_automata::meta::Regex;
use regex_automata::{Input, PatternSet};

use crate::routing::anchored_regex::{AnchoredRegex, compile_together};
use crate::routing::path_pattern::PathPattern;
use crate::routing::path_prefix::PathPrefix;
use crate::routing::path_template::Segment;

/// So many expressions of one path are tried one after the other; more are compiled together.
const FEW: usize = 8;

/// Bytes that all expressions below one path may take once compiled.
const SIZE: usize = 256 << 20;

/// Patterns, each with its place in the order of precedence.
#[derive(Debug, Default)]
pub(crate) struct PathTrie {
    root: Node,
}

/// The patterns that begin with the segments from the root to here; lists are in order.
#[derive(Debug, Default)]
struct Node {
    /// The place of the first pattern here or below.
    first: usize,
    literals: HashMap<Box<[u8]>, Node>,
    /// Any one segment that is not empty.
    variable: Option<Box<Node>>,
    /// Patterns of the path that ends here.
    ends: Vec<usize>,
    /// Patterns of this path and all below it.
    at_or_below: Vec<usize>,
    /// Patterns of all paths below.
    below: Vec<usize>,
    /// Expressions for paths below.
    regexes: Vec<(usize, AnchoredRegex)>,
    /// All of them, if they are many.
    together: Option<Regex>,
}

impl PathTrie {
    /// Adds a pattern, whose place must be behind those of the ones before.
    pub fn add(&mut self, place: usize, pattern: &PathPattern) {
        match pattern {
            PathPattern::Exact(path) => self.node(path, place).ends.push(place),
            PathPattern::Prefix(prefix) => self.add_prefix(place, prefix),
            PathPattern::Template(template) => self.add_template(place, template.segments()),
            PathPattern::Regex(regex) => {
                let stem = regex.stem().strip_suffix(b"/").unwrap_or_default();
                self.node(stem, place).regexes.push((place, regex.clone()));
            }
        }
    }

    fn add_prefix(&mut self, place: usize, prefix: &PathPrefix) {
        let (stem, slash) = prefix.parts();
        let node = self.node(stem, place);
        // The prefix `/` is the one of everything, also of `*`.
        if slash && !prefix.is_root() {
            node.below.push(place);
        } else {
            node.at_or_below.push(place);
        }
    }

    fn add_template(&mut self, place: usize, segments: &[Segment]) {
        let mut node = &mut self.root;
        for segment in segments {
            node = match segment {
                Segment::Literal(bytes) => node.literal(bytes, place),
                Segment::Variable(_) => node.variable.get_or_insert_with(|| Node::boxed(place)),
                Segment::Rest(_) => return node.below.push(place),
            };
        }
        node.ends.push(place);
    }

    /// The node of a path without the slash at its end; nothing is the root.
    fn node(&mut self, stem: &[u8], place: usize) -> &mut Node {
        let segments = stem.strip_prefix(b"/").map(|inner| inner.split(|byte| *byte == b'/'));
        let segments = segments.into_iter().flatten();
        segments.fold(&mut self.root, |node, segment| node.literal(segment, place))
    }

    /// Compiles the expressions, once all patterns are added; false if they take too much memory.
    pub fn compile(&mut self) -> bool {
        self.root.compile()
    }

    /// The first place whose pattern matches the view of a path and that is `wanted`, if it is before
    /// `best`.
    pub fn find(&self, view: &[u8], best: usize, wanted: &impl Fn(usize) -> bool) -> usize {
        let mut search = Search { view, best, wanted };
        search.visit(&self.root, view.strip_prefix(b"/"));
        search.best
    }
}

impl Node {
    fn boxed(first: usize) -> Box<Self> {
        Box::new(Self { first, ..Self::default() })
    }

    fn literal(&mut self, segment: &[u8], place: usize) -> &mut Self {
        self.literals.entry(segment.into()).or_insert_with(|| *Self::boxed(place))
    }

    fn compile(&mut self) -> bool {
        if self.regexes.len() > FEW {
            let texts: Vec<&str> = self.regexes.iter().map(|(_, regex)| regex.anchored()).collect();
            self.together = compile_together(&texts, SIZE);
        }
        (self.regexes.len() <= FEW || self.together.is_some())
            && self.variable.as_mut().is_none_or(|node| node.compile())
            && self.literals.values_mut().all(Self::compile)
    }
}

/// A look for the first pattern of a path.
struct Search<'a, W> {
    view: &'a [u8],
    best: usize,
    wanted: &'a W,
}

impl<W: Fn(usize) -> bool> Search<'_, W> {
    /// Looks at a node and those below; `rest`: what of the path is below the node, if anything.
    fn visit(&mut self, node: &Node, rest: Option<&[u8]>) {
        if node.first >= self.best {
            return;
        }
        self.take(&node.at_or_below);
        self.take_regexes(node);
        let Some(rest) = rest else { return self.take(&node.ends) };
        self.take(&node.below);
        let end = memchr::memchr(b'/', rest);
        let (segment, below) =
            end.map_or((rest, None), |end| (&rest[..end], Some(&rest[end + 1..])));
        if let Some(node) = node.literals.get(segment) {
            self.visit(node, below);
        }
        if let Some(node) = node.variable.as_ref().filter(|_| !segment.is_empty()) {
            self.visit(node, below);
        }
    }

    fn take_regexes(&mut self, node: &Node) {
        let view = self.view;
        if let Some(together) = &node.together {
            let mut matched = PatternSet::new(together.pattern_len());
            together.which_overlapping_matches(&Input::new(view), &mut matched);
            self.take_first(matched.iter().map(|pattern| node.regexes[pattern.as_usize()].0));
        } else {
            let matching = node.regexes.iter().filter(|(_, regex)| regex.matches(view));
            self.take_first(matching.map(|(place, _)| *place));
        }
    }

    fn take(&mut self, places: &[usize]) {
        self.take_first(places.iter().copied());
    }

    fn take_first(&mut self, places: impl Iterator<Item = usize>) {
        let mut better = places.take_while(|place| *place < self.best);
        if let Some(place) = better.find(|place| (self.wanted)(*place)) {
            self.best = place;
        }
    }
}
