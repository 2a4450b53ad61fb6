//! How many rows are read at once: by what they weigh, because some events are a thousand times larger than others.

use crate::store::StoredWorkflow;

/// The most rows of a page.
const ROWS: usize = 256;

/// What a page may weigh, if one row alone is not heavier.
const WEIGHT: usize = 8 << 20;

/// How many rows the next page may have: few at first, then as many as the heaviest row of the last one lets hope for.
pub(super) struct PageSize(usize);

impl Default for PageSize {
    fn default() -> Self {
        Self(16)
    }
}

impl PageSize {
    pub(super) fn rows(&self) -> usize {
        self.0
    }

    /// Looks at the page that was read last.
    pub(super) fn learn(&mut self, page: &[StoredWorkflow]) {
        let Some(heaviest) = page.iter().map(StoredWorkflow::weight).max() else { return };
        // Not at once from few to many: the next ones may be heavier.
        self.0 = (WEIGHT / heaviest.max(1)).clamp(1, ROWS.min(self.0 * 4));
    }
}

impl StoredWorkflow {
    /// How many bytes its event and its context take.
    pub(crate) fn weight(&self) -> usize {
        self.event.len() + self.context.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::WorkflowIds;

    fn row(bytes: usize) -> StoredWorkflow {
        let mut row = StoredWorkflow::new(WorkflowIds::after(None).next(), "a/b", "first");
        row.event = vec![0; bytes];
        row
    }

    #[test]
    fn pages_of_light_rows_grow_and_one_heavy_row_makes_the_next_page_small() {
        let mut size = PageSize::default();
        let sizes = std::iter::repeat_with(|| {
            size.learn(&[row(100)]);
            size.rows()
        });
        let sizes: Vec<_> = sizes.take(3).collect();
        assert_eq!(sizes, [64, 256, 256]);
        size.learn(&[row(100), row(4 << 20)]);
        assert_eq!(size.rows(), 2);
        size.learn(&[row(100 << 20)]);
        assert_eq!(size.rows(), 1);
        size.learn(&[]);
        assert_eq!(size.rows(), 1, "an empty page says nothing");
    }
}
