//! Guesses which name a person meant.

/// The name nearest to `word`, if one is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // One edit in three letters is about what a slip of the fingers does; more would be guessing.
    let bound = (word.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (distance(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The words after an unknown name: the nearest known one and the whole list.
pub(crate) fn hint(word: &str, names: &[&str]) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let all = names.join(", ");
    Some(match nearest(word, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`? (known: {all})"),
        None => format!("known: {all}"),
    })
}

/// The number of letters to insert, remove, replace or swap with their neighbour between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let width = b.len() + 1;
    let mut cost = vec![0; (a.len() + 1) * width];
    let at = |i: usize, j: usize| i * width + j;
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            cost[at(i, j)] = if i == 0 || j == 0 {
                i + j
            } else {
                let same = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (cost[at(i - 1, j)] + 1).min(cost[at(i, j - 1)] + 1).min(cost[at(i - 1, j - 1)] + same);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(cost[at(i - 2, j - 2)] + 1);
                }
                best
            };
        }
    }
    cost[at(a.len(), b.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let names = ["agent", "token", "timeout"];
        assert_eq!(nearest("agnt", names), Some("agent"));
        assert_eq!(nearest("tokne", names), Some("token"));
        assert_eq!(nearest("time_out", names), Some("timeout"));
        assert_eq!(nearest("Token", names), Some("token"));
        assert_eq!(nearest("colour", names), None);
    }

    #[test]
    fn a_hint_lists_what_is_known() {
        assert_eq!(hint("agnt", &["agent", "token"]).unwrap(), "did you mean `agent`? (known: agent, token)");
        assert_eq!(hint("colour", &["agent"]).unwrap(), "known: agent");
        assert_eq!(hint("x", &[]), None);
    }
}
