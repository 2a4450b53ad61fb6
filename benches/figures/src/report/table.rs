//! A table for people.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use crate::figures::Figure;
use crate::plan::Goal;

/// Columns by spaces, and a line under their names.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

pub fn to_table(figures: &[Figure]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(["figure", "median", "min", "max", "unit", "ratio", "to", "goal"]);
    for figure in figures {
        let reference = figure.reference.as_ref();
        table.add_row([
            figure.name.clone(),
            number(figure.summary.median),
            number(figure.summary.min),
            number(figure.summary.max),
            figure.unit.clone(),
            reference.map(|reference| format!("{:.3}", reference.ratio)).unwrap_or_default(),
            reference.map(|reference| reference.name.to_owned()).unwrap_or_default(),
            figure.goal.map(|goal| judged(goal, figure.summary.median)).unwrap_or_default(),
        ]);
    }
    for column in [1, 2, 3, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn judged(goal: Goal, value: f64) -> String {
    let (sign, bound) = match goal {
        Goal::AtLeast(least) => ('≥', least),
        Goal::AtMost(most) => ('≤', most),
    };
    format!("{sign} {bound}{}", if goal.is_met_by(value) { "" } else { ", missed" })
}

/// Three digits at least, in groups.
fn number(value: f64) -> String {
    match value.abs() {
        size if size < 10.0 => format!("{value:.3}"),
        size if size < 1000.0 => format!("{value:.1}"),
        _ => grouped(&format!("{value:.0}")),
    }
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_what_matters() {
        assert_eq!(number(0.8125), "0.812");
        assert_eq!(number(63.25), "63.2");
        assert_eq!(number(138_123.4), "138,123");
        assert_eq!(number(-1234.0), "-1,234");
    }

    #[test]
    fn a_goal_says_when_it_is_missed() {
        assert_eq!(judged(Goal::AtLeast(0.8), 0.81), "≥ 0.8");
        assert_eq!(judged(Goal::AtMost(64.0), 65.0), "≤ 64, missed");
    }
}
