//! The compile-time search for cycles between resources.
//!
//! A constant that names the constants of its dependencies would be a cycle of the compiler itself, reported in a hundred
//! lines. Here the tree of needs is cut off at a depth, so that a cycle is plain data and our own words report it. Cycles
//! longer than [`Deepest`] are found by the resolver at start.

use std::marker::PhantomData;

use crate::component::Dep;

/// One resource as it is seen from another one, and what it needs in turn.
#[derive(Debug)]
pub struct Tree {
    /// The path of its type, which tells it apart.
    pub path: &'static str,
    /// The name in the message.
    pub name: &'static str,
    pub needs: &'static [&'static Tree],
}

/// No resource: a need of another sort, or the end of the depth.
pub const NOTHING: &Tree = &Tree { path: "", name: "", needs: &[] };

/// A type-level tree.
pub trait Listed {
    const TREE: &'static Tree;
}

#[derive(Debug)]
pub struct Nothing;

impl Listed for Nothing {
    const TREE: &'static Tree = NOTHING;
}

/// How many levels are still looked at.
pub trait Depth {
    type Below<T: Vertex>: Listed;
}

#[derive(Debug)]
pub struct Zero;

#[derive(Debug)]
pub struct Next<D>(PhantomData<D>);

impl Depth for Zero {
    type Below<T: Vertex> = Nothing;
}

impl<D: Depth> Depth for Next<D> {
    type Below<T: Vertex> = T::At<D>;
}

/// Deeper trees of overlapping diamonds cost the compiler seconds.
pub type Deepest = Next<Next<Next<Next<Next<Next<Next<Next<Zero>>>>>>>>;

/// The needs of a resource's fields, from its struct half.
pub trait Fields {
    type At<D: Depth>: Listed;
}

/// The needs of a resource, from its impl half: those of `create`, else those of its fields.
pub trait Vertex {
    type At<D: Depth>: Listed;
}

/// What the type of a field or parameter adds; anything that is no dependency adds [`NoBranch`]'s nothing.
#[derive(Debug)]
pub struct Branch<T, D>(PhantomData<(T, D)>);

impl<T: Vertex, D: Depth> Branch<Dep<T>, D> {
    pub const TREE: &'static Tree = <D::Below<T> as Listed>::TREE;
}

/// The tree of a resource's fields, if its struct half is there.
#[derive(Debug)]
pub struct FieldsOf<T, D>(PhantomData<(T, D)>);

impl<T: Fields, D: Depth> FieldsOf<T, D> {
    pub const TREE: &'static Tree = <T::At<D> as Listed>::TREE;
}

/// Where the search begins, if the impl half is there.
#[derive(Debug)]
pub struct Root<T>(PhantomData<T>);

impl<T: Vertex> Root<T> {
    pub const TREE: &'static Tree = <T::At<Deepest> as Listed>::TREE;
}

/// The answer for everything else; imported as `_`.
pub trait NoBranch {
    const TREE: &'static Tree = NOTHING;
}

impl<T, D> NoBranch for Branch<T, D> {}
impl<T, D> NoBranch for FieldsOf<T, D> {}
impl<T> NoBranch for Root<T> {}

/// More resources than this below one are not looked at by the compiler.
const MAX: usize = 512;

/// Breadth first from `root` until it comes back.
///
/// Only the resource whose path sorts first reports a cycle, so that one cycle is one error.
#[must_use]
pub const fn cycle(root: &'static Tree) -> Option<Message> {
    let mut queue: [&'static Tree; MAX] = [root; MAX];
    let mut parent = [0_usize; MAX];
    let (mut head, mut tail) = (0, 1);
    while head < tail {
        let needs = queue[head].needs;
        let mut i = 0;
        while i < needs.len() {
            let need = needs[i];
            i += 1;
            if need.path.is_empty() || order(need.path, root.path) < 0 {
                continue;
            }
            if order(need.path, root.path) == 0 {
                return Some(Message::path(&queue, &parent, head));
            }
            if tail < MAX && !contains(&queue, tail, need) {
                queue[tail] = need;
                parent[tail] = head;
                tail += 1;
            }
        }
        head += 1;
    }
    None
}

const fn contains(queue: &[&'static Tree; MAX], len: usize, tree: &Tree) -> bool {
    let mut i = 0;
    while i < len {
        if order(queue[i].path, tree.path) == 0 {
            return true;
        }
        i += 1;
    }
    false
}

/// Negative, zero or positive, as `a` sorts before, with or after `b`.
const fn order(a: &str, b: &str) -> i32 {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if a[i] != b[i] {
            return a[i] as i32 - b[i] as i32;
        }
        i += 1;
    }
    a.len() as i32 - b.len() as i32
}

/// Text that is put together while the compiler runs.
#[derive(Debug)]
pub struct Message {
    text: [u8; 1024],
    len: usize,
}

impl Message {
    /// `` dependency cycle: `A` -> `B` -> `A` ``, along the parents of the entry `last`.
    const fn path(queue: &[&'static Tree; MAX], parent: &[usize; MAX], last: usize) -> Self {
        let mut way = [0_usize; MAX];
        let mut len = 0;
        let mut at = last;
        while at != 0 {
            way[len] = at;
            len += 1;
            at = parent[at];
        }
        let mut message = Self { text: [0; 1024], len: 0 };
        message.push("dependency cycle: `");
        message.push(queue[0].name);
        while len > 0 {
            len -= 1;
            message.push("` -> `");
            message.push(queue[way[len]].name);
        }
        message.push("` -> `");
        message.push(queue[0].name);
        message.push("`");
        message
    }

    /// What does not fit is left out.
    const fn push(&mut self, text: &str) {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.len < self.text.len() {
            self.text[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
    }

    #[must_use]
    pub const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.text.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "dependency cycle",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &Tree = &Tree { path: "x::A", name: "A", needs: &[B, NOTHING] };
    const B: &Tree = &Tree { path: "x::B", name: "B", needs: &[C, C] };
    const C: &Tree = &Tree { path: "x::C", name: "C", needs: &[BACK] };
    const BACK: &Tree = &Tree { path: "x::A", name: "A", needs: &[] };

    #[test]
    fn a_cycle_is_reported_with_its_path_by_its_first_name() {
        assert_eq!(cycle(A).unwrap().as_str(), "dependency cycle: `A` -> `B` -> `C` -> `A`");
        assert!(cycle(B).is_none());
        assert!(cycle(NOTHING).is_none());
    }

    #[test]
    fn equal_names_in_different_modules_are_different() {
        const OTHER: &Tree = &Tree { path: "y::A", name: "A", needs: &[] };
        const ROOT: &Tree = &Tree { path: "x::A", name: "A", needs: &[OTHER] };
        assert!(cycle(ROOT).is_none());
    }
}
