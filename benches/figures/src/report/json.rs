//! One array of objects.

use serde::Serialize;

use crate::figures::Figure;

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    unit: &'a str,
    median: f64,
    min: f64,
    max: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
}

/// One object a line.
///
/// # Errors
///
/// A figure that is no number.
pub fn to_json(figures: &[Figure]) -> Result<String, String> {
    let lines: Result<Vec<_>, _> =
        figures.iter().map(|figure| serde_json::to_string(&line(figure)?).map_err(|error| error.to_string())).collect();
    Ok(format!("[\n  {}\n]\n", lines?.join(",\n  ")))
}

fn line(figure: &Figure) -> Result<Line<'_>, String> {
    let Figure { name, unit, summary, reference, .. } = figure;
    let ratio = reference.as_ref().map(|reference| reference.ratio);
    let values = [summary.median, summary.min, summary.max, ratio.unwrap_or_default()];
    if values.iter().any(|value| !value.is_finite()) {
        return Err(format!("`{name}` is no number: {summary:?}"));
    }
    let reference = reference.as_ref().map(|reference| reference.name);
    Ok(Line { name, unit, median: summary.median, min: summary.min, max: summary.max, ratio, reference })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::figures::Reference;
    use crate::stats::Summary;

    fn figure(median: f64, reference: Option<Reference>) -> Figure {
        let summary = Summary { median, min: 1.0, max: 3.0 };
        Figure { name: "durable_64".to_owned(), unit: "workflows/s".to_owned(), summary, reference, goal: None }
    }

    #[test]
    fn the_ratio_is_there_where_there_is_a_reference() {
        let reference = Reference { name: "ceiling_64", ratio: 0.5 };
        let text = to_json(&[figure(2.0, Some(reference)), figure(2.5, None)]).unwrap();
        let expected = json!([
            {"name": "durable_64", "unit": "workflows/s", "median": 2.0, "min": 1.0, "max": 3.0,
             "ratio": 0.5, "reference": "ceiling_64"},
            {"name": "durable_64", "unit": "workflows/s", "median": 2.5, "min": 1.0, "max": 3.0},
        ]);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert!(to_json(&[figure(f64::NAN, None)]).unwrap_err().contains("durable_64"));
    }
}
