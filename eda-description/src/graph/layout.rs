//! Where nodes stand: in layers from left to right, so that arrows point to the right unless they close a cycle. Lengths are
//! in pixels.

use super::model::Graph;

/// The height of a node.
pub(super) const HEIGHT: usize = 34;
const ROW: usize = 58;
const GAP: usize = 90;
const MARGIN: usize = 40;
const LETTER: usize = 8;
const PADDING: usize = 32;
/// After that many turns nothing moves in graphs of a hundred nodes.
const TURNS: usize = 12;

/// A drawing of a graph.
pub(super) struct Layout {
    /// One for each node.
    pub(super) places: Vec<Place>,
    /// One for each arrow.
    pub(super) ways: Vec<Way>,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// The middle of a node, and its width.
#[derive(Clone, Default)]
pub(super) struct Place {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
}

/// How an arrow goes.
pub(super) enum Way {
    /// To the right, by these points.
    Ahead(Vec<(usize, usize)>),
    /// Back, from the foot of the one to the foot of the other.
    Back { from: (usize, usize), to: (usize, usize) },
}

impl Layout {
    pub(super) fn of(graph: &Graph) -> Self {
        let walk = Walk::over(graph);
        let layers = walk.layers(graph);
        let rows = Rows::new(graph, &walk, &layers);
        rows.place(graph, &walk)
    }
}

/// Depth first over everything.
struct Walk {
    /// Which arrows lead back to a node that is still being walked.
    is_back: Vec<bool>,
    /// Every node before those that arrows ahead lead to.
    order: Vec<usize>,
}

impl Walk {
    fn over(graph: &Graph) -> Self {
        let count = graph.nodes.len();
        let mut walk = Self { is_back: vec![false; graph.arrows.len()], order: Vec::with_capacity(count) };
        let mut out = vec![Vec::new(); count];
        for (index, (from, to)) in graph.arrows.iter().enumerate() {
            out[*from].push((index, *to));
        }
        let (mut seen, mut open) = (vec![false; count], vec![false; count]);
        let (sources, others): (Vec<_>, Vec<_>) = (0..count).partition(|node| graph.into(*node).next().is_none());
        for start in sources.into_iter().chain(others) {
            if seen[start] {
                continue;
            }
            seen[start] = true;
            open[start] = true;
            // a stack of our own: a chain of events can be longer than the thread's
            let mut stack = vec![(start, 0)];
            while let Some((node, next)) = stack.last_mut() {
                let node = *node;
                let Some((arrow, to)) = out[node].get(*next).copied() else {
                    open[node] = false;
                    walk.order.push(node);
                    stack.pop();
                    continue;
                };
                *next += 1;
                if open[to] {
                    walk.is_back[arrow] = true;
                } else if !seen[to] {
                    seen[to] = true;
                    open[to] = true;
                    stack.push((to, 0));
                }
            }
        }
        walk.order.reverse();
        walk
    }

    /// How many arrows ahead lead to each node, by the longest way.
    fn layers(&self, graph: &Graph) -> Vec<usize> {
        let mut layers = vec![0; graph.nodes.len()];
        let mut out = vec![Vec::new(); graph.nodes.len()];
        for ((from, to), is_back) in graph.arrows.iter().zip(&self.is_back) {
            if !is_back {
                out[*from].push(*to);
            }
        }
        for node in &self.order {
            for to in &out[*node] {
                layers[*to] = layers[*to].max(layers[*node] + 1);
            }
        }
        layers
    }
}

/// What stands in each layer from top to bottom: nodes, then the bends of arrows that pass the layer.
struct Rows {
    layers: Vec<Vec<usize>>,
    /// What an item is joined to in the layer before, and in the one behind.
    before: Vec<Vec<usize>>,
    behind: Vec<Vec<usize>>,
    /// The bends of each arrow.
    bends: Vec<Vec<usize>>,
}

impl Rows {
    fn new(graph: &Graph, walk: &Walk, layer_of: &[usize]) -> Self {
        let count = graph.nodes.len();
        let depth = layer_of.iter().max().map_or(0, |last| last + 1);
        let mut rows = Self {
            layers: vec![Vec::new(); depth],
            before: vec![Vec::new(); count],
            behind: vec![Vec::new(); count],
            bends: vec![Vec::new(); graph.arrows.len()],
        };
        for node in &walk.order {
            rows.layers[layer_of[*node]].push(*node);
        }
        for (arrow, (from, to)) in graph.arrows.iter().enumerate().filter(|(arrow, _)| !walk.is_back[*arrow]) {
            let mut last = *from;
            for layer in layer_of[*from] + 1..layer_of[*to] {
                let bend = rows.before.len();
                rows.before.push(Vec::new());
                rows.behind.push(Vec::new());
                rows.layers[layer].push(bend);
                rows.bends[arrow].push(bend);
                rows.join(last, bend);
                last = bend;
            }
            rows.join(last, *to);
        }
        rows.untangle();
        rows
    }

    fn join(&mut self, from: usize, to: usize) {
        self.behind[from].push(to);
        self.before[to].push(from);
    }

    /// Puts each item near the middle of those that it is joined to.
    fn untangle(&mut self) {
        for turn in 0..TURNS {
            let ahead = turn % 2 == 0;
            let count = self.layers.len();
            let mut position = vec![0; self.before.len()];
            self.layers.iter().for_each(|layer| number(layer, &mut position));
            for step in 1..count {
                let index = if ahead { step } else { count - 1 - step };
                let joined = if ahead { &self.before } else { &self.behind };
                let layer = &mut self.layers[index];
                layer.sort_by_key(|item| {
                    let (near, all) = (&joined[*item], &position);
                    let sum: usize = near.iter().map(|other| all[*other] * 1_000).sum();
                    sum.checked_div(near.len()).unwrap_or(all[*item] * 1_000)
                });
                number(layer, &mut position);
            }
        }
    }

    fn place(&self, graph: &Graph, walk: &Walk) -> Layout {
        let width =
            |item: &usize| graph.nodes.get(*item).map_or(0, |node| node.label().chars().count() * LETTER + PADDING);
        let most = self.layers.iter().map(Vec::len).max().unwrap_or_default();
        let mut places = vec![Place::default(); self.before.len()];
        let mut left = MARGIN;
        for layer in &self.layers {
            let widest = layer.iter().map(width).max().unwrap_or_default();
            for (row, item) in layer.iter().enumerate() {
                let y = MARGIN + HEIGHT / 2 + row * ROW + (most - layer.len()) * ROW / 2;
                places[*item] = Place { x: left + widest / 2, y, width: width(item) };
            }
            left += widest + GAP;
        }
        let ways = graph.arrows.iter().enumerate().map(|(arrow, (from, to))| {
            let (from, to) = (&places[*from], &places[*to]);
            if walk.is_back[arrow] {
                return Way::Back { from: (from.x, from.y + HEIGHT / 2), to: (to.x, to.y + HEIGHT / 2) };
            }
            let bends = self.bends[arrow].iter().map(|bend| (places[*bend].x, places[*bend].y));
            let (start, end) = ((from.x + from.width / 2, from.y), (to.x - to.width / 2, to.y));
            Way::Ahead([start].into_iter().chain(bends).chain([end]).collect())
        });
        let ways = ways.collect();
        places.truncate(graph.nodes.len());
        // arrows back hang below the lowest row
        Layout { places, ways, width: left + MARGIN, height: most * ROW + 3 * MARGIN }
    }
}

fn number(layer: &[usize], position: &mut [usize]) {
    layer.iter().enumerate().for_each(|(row, item)| position[*item] = row);
}
