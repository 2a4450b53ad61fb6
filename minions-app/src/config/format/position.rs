//! Lines and columns of a text.

/// Finds the line and the column of a byte in a text.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The line and the column in characters of a byte, both counted from 1.
    pub(super) fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= byte);
        // The first line starts at 0, so at least one start is not after the byte.
        let start = self.starts[line - 1];
        let before = self.text.get(start..byte.min(self.text.len())).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_from_one_and_in_characters() {
        let text = "añb\n\nxy";
        let lines = Lines::new(text);
        let of = |part: &str| lines.position(text.find(part).unwrap());
        assert_eq!((of("a"), of("b"), of("\n"), of("x"), of("y")), ((1, 1), (1, 3), (1, 4), (3, 1), (3, 2)));
        assert_eq!(lines.position(text.len()), (3, 3));
        assert_eq!(Lines::new("").position(0), (1, 1));
    }
}
