//! Finds the spelling a person probably meant.

/// The entry of `known` nearest to `word`, if it is near enough to be worth suggesting.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `` ; did you mean `x`? `` or nothing.
pub(crate) fn hint(word: &str, known: &[&str]) -> String {
    nearest(word, known).map(|candidate| format!("; did you mean `{candidate}`?")).unwrap_or_default()
}

/// `` `a`, `b`, `c` ``.
pub(crate) fn list<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| format!("`{}`", word.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Edit distance in which two swapped neighbours count as one mistake.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let width = b.len() + 1;
    let mut cost = vec![0; (a.len() + 1) * width];
    for (j, first) in cost.iter_mut().take(width).enumerate() {
        *first = j;
    }
    for i in 1..=a.len() {
        cost[i * width] = i;
        for j in 1..width {
            let differs = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (cost[(i - 1) * width + j - 1] + differs)
                .min(cost[(i - 1) * width + j] + 1)
                .min(cost[i * width + j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(cost[(i - 2) * width + j - 2] + 1);
            }
            cost[i * width + j] = best;
        }
    }
    cost[cost.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("retry", "retry"), 0);
        assert_eq!(distance("retires", "retry"), 3);
        assert_eq!(distance("atempts", "attempts"), 1);
        assert_eq!(distance("nmae", "name"), 1);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["attempts", "backoff"];
        assert_eq!(nearest("atempts", &known), Some("attempts"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(hint("back_off", &known), "; did you mean `backoff`?");
        assert_eq!(list(&known), "`attempts`, `backoff`");
    }
}
