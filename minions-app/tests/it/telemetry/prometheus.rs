//! A strict reader of Prometheus' text format: it accepts what the documentation of the format says and nothing else.

use std::collections::{BTreeMap, BTreeSet};

/// The families of one scrape by name.
pub(crate) type Scrape = BTreeMap<String, Family>;

/// All samples of one metric.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// Reads a scrape; what is wrong with it is told with the line.
pub(crate) fn parse(text: &str) -> Result<Scrape, String> {
    if !text.ends_with('\n') {
        return Err("the last line has no line feed".to_owned());
    }
    let mut scrape = Scrape::new();
    let mut current: Option<String> = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        parse_line(line, &mut scrape, &mut current).map_err(|what| format!("{what}: {line}"))?;
    }
    for (name, family) in &scrape {
        check_family(name, family).map_err(|what| format!("{what}: {name}"))?;
    }
    Ok(scrape)
}

fn parse_line(line: &str, scrape: &mut Scrape, current: &mut Option<String>) -> Result<(), String> {
    if let Some(rest) = line.strip_prefix("# ") {
        let (word, rest) = rest.split_once(' ').ok_or("a comment without a word")?;
        let (name, rest) = rest.split_once(' ').ok_or("a comment without a text")?;
        check_name(name)?;
        if current.as_deref() != Some(name) {
            if scrape.contains_key(name) {
                return Err("the lines of a family are not together".to_owned());
            }
            scrape.insert(name.to_owned(), Family::default());
            *current = Some(name.to_owned());
        }
        let family = scrape.get_mut(name).expect("inserted above");
        if !family.samples.is_empty() {
            return Err("a comment after the samples".to_owned());
        }
        match word {
            "HELP" if family.help.is_none() => family.help = Some(rest.to_owned()),
            "TYPE" if family.kind.is_empty() => match rest {
                "counter" | "gauge" | "histogram" => family.kind = rest.to_owned(),
                _ => return Err("an unwanted type".to_owned()),
            },
            _ => return Err("an unknown or repeated comment".to_owned()),
        }
        return Ok(());
    }
    let sample = parse_sample(line)?;
    let name = current.as_ref().ok_or("a sample before its type")?;
    let family = scrape.get_mut(name).expect("current names a family");
    let suffixes: &[&str] = match family.kind.as_str() {
        "histogram" => &["_bucket", "_sum", "_count"],
        "" => return Err("a sample before its type".to_owned()),
        _ => &[""],
    };
    let suffix = sample.name.strip_prefix(name.as_str());
    if !suffix.is_some_and(|suffix| suffixes.contains(&suffix)) {
        return Err(format!("a sample among those of {name}"));
    }
    family.samples.push(sample);
    Ok(())
}

fn parse_sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("a sample without a value")?;
    let (name, mut rest) = line.split_at(end);
    check_name(name)?;
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("a label without a value")?;
            check_name(label)?;
            let (value, after) = parse_quoted(after)?;
            if labels.insert(label.to_owned(), value).is_some() {
                return Err("a label twice".to_owned());
            }
            match after.as_bytes().first() {
                Some(b',') => rest = &after[1..],
                Some(b'}') => {
                    rest = &after[1..];
                    break;
                }
                _ => return Err("labels that do not end".to_owned()),
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number if number.ends_with(|c: char| c.is_ascii_digit()) => {
            number.parse().map_err(|_| "a value that is no number")?
        }
        _ => return Err("a value that is no number".to_owned()),
    };
    Ok(Sample { name: name.to_owned(), labels, value })
}

/// Reads up to the closing quote and answers what follows it.
fn parse_quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, c @ ('\\' | '"'))) => c,
                _ => return Err("an unknown escape".to_owned()),
            }),
            c => value.push(c),
        }
    }
    Err("a label's value that does not end".to_owned())
}

fn check_name(name: &str) -> Result<(), String> {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if first && rest { Ok(()) } else { Err("a bad name".to_owned()) }
}

fn check_family(name: &str, family: &Family) -> Result<(), String> {
    if family.samples.is_empty() {
        return Err("a family without samples".to_owned());
    }
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        if !seen.insert((&sample.name, &sample.labels)) {
            return Err("a sample twice".to_owned());
        }
    }
    if family.kind == "counter" && !family.samples.iter().all(|sample| sample.value >= 0.0) {
        return Err("a negative counter".to_owned());
    }
    if family.kind == "histogram" {
        check_histogram(name, family)?;
    }
    Ok(())
}

/// Buckets of one label set grow with their bounds up to infinity, where they equal the count.
fn check_histogram(name: &str, family: &Family) -> Result<(), String> {
    let mut sets: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    let single = |suffix: &str, labels: &BTreeMap<String, String>| {
        let wanted = format!("{name}{suffix}");
        let mut samples = family.samples.iter();
        let found = samples.find(|sample| sample.name == wanted && sample.labels == *labels);
        found.map(|sample| sample.value).ok_or_else(|| format!("no {suffix}"))
    };
    for sample in &family.samples {
        if sample.name.ends_with("_bucket") {
            let mut labels = sample.labels.clone();
            let bound = labels.remove("le").ok_or("a bucket without a bound")?;
            let bound = match bound.as_str() {
                "+Inf" => f64::INFINITY,
                number => number.parse().map_err(|_| "a bound that is no number")?,
            };
            sets.entry(labels).or_default().push((bound, sample.value));
        }
    }
    for (labels, buckets) in sets {
        if !buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1) {
            return Err("buckets that do not grow".to_owned());
        }
        single("_sum", &labels)?;
        let count = single("_count", &labels)?;
        if buckets.last() != Some(&(f64::INFINITY, count)) {
            return Err("a last bucket that is not the count".to_owned());
        }
    }
    Ok(())
}

#[test]
fn the_reader_is_strict() {
    let good = "# HELP a_total what\n# TYPE a_total counter\na_total{x=\"q\\\"\\n\"} 1\n\n\
                # TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3.5\nh_count 2\n";
    let scrape = parse(good).unwrap();
    assert_eq!(scrape["a_total"].samples[0].labels["x"], "q\"\n");
    assert_eq!(scrape["h"].samples.len(), 4);
    for bad in [
        "a 1",
        "a 1\n",
        "# TYPE a counter\n",
        "# TYPE a counter\na -1\n",
        "# TYPE a counter\nb 1\n",
        "# TYPE a gauge\na one\n",
        "# TYPE a gauge\na inf\n",
        "# TYPE a gauge\na 1\na 2\n",
        "# TYPE a gauge\na{x=\"1\" 1\n",
        "# TYPE a gauge\na{x=\"\\x\"} 1\n",
        "# TYPE a-b gauge\na-b 1\n",
        "# TYPE a summary\na{quantile=\"0.5\"} 1\n",
        "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x=\"\"} 1\n",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
        "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 1\n",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}
