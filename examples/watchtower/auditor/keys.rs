//! Strings that look like keys.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexSet};

/// Something that looks like a key; only its beginning is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// From 1.
    pub(super) line: u64,
    what: &'static str,
    beginning: String,
    length: usize,
}

/// What the keys look like, and how many characters of it are no secret.
const LOOKS: [(&str, &str, usize); 9] = [
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", 4),
    ("a GitHub token", r"\bgh[pousr]_[0-9A-Za-z]{36,255}\b", 4),
    ("a GitLab token", r"\bglpat-[0-9A-Za-z_-]{20,}", 6),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b", 4),
    ("a Slack token", r"\bxox[abprs]-[0-9A-Za-z-]{10,}", 5),
    ("a Stripe key", r"\b[rs]k_live_[0-9A-Za-z]{16,}\b", 8),
    ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----", 35),
    ("a JSON web token", r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}", 3),
    (
        "a secret",
        r#"(?i)\b(?:api|access|auth|client|secret)[_-]?(?:key|token|secret)["']?\s*[:=]\s*["'][0-9a-z+/=_.-]{20,}["']"#,
        6,
    ),
];

static SET: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(LOOKS.map(|(_, pattern, _)| pattern)).expect("the patterns are right, as a test shows")
});
static EACH: LazyLock<[Regex; LOOKS.len()]> = LazyLock::new(|| {
    LOOKS.map(|(_, pattern, _)| Regex::new(pattern).expect("the patterns are right, as a test shows"))
});

/// Finds what looks like a key, line by line.
pub(super) fn find(content: &[u8]) -> impl Iterator<Item = Key> {
    // Hardly any file has one, so that a single question to all patterns at once spares most of the work.
    let content = if SET.is_match(content) { content } else { &[] };
    content.split(|byte| *byte == b'\n').zip(1..).flat_map(|(text, line)| {
        let matching = SET.matches(text);
        let mut found: Vec<(usize, Key)> = Vec::new();
        for index in matching.iter() {
            let (what, _, shown) = LOOKS[index];
            found.extend(EACH[index].find_iter(text).map(|found| {
                let text = String::from_utf8_lossy(found.as_bytes());
                let beginning = text.chars().take(shown).collect();
                (found.start(), Key { line, what, beginning, length: text.chars().count() })
            }));
        }
        found.sort_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, key)| key)
    })
}

impl Key {
    /// What a person reads; the secret itself stays where it is.
    pub(super) fn detail(&self) -> String {
        format!("looks like {}: {}… ({} characters)", self.what, self.beginning, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(text: &str) -> Vec<String> {
        find(text.as_bytes()).map(|key| format!("{}: {}", key.line, key.detail())).collect()
    }

    #[test]
    fn keys_are_found_and_not_given_away() {
        // Put together here, so that this file is no finding of its own.
        let token = format!("ghp_{}", "a1B2".repeat(9));
        let text = format!("x\nA={token} AKIA{}\n-----BEGIN RSA {}-----\n", "ABCDEFGHIJ234567", "PRIVATE KEY");
        assert_eq!(
            details(&text),
            [
                "2: looks like a GitHub token: ghp_… (40 characters)",
                "2: looks like an AWS access key: AKIA… (20 characters)",
                "3: looks like a private key: -----BEGIN RSA PRIVATE KEY-----… (31 characters)",
            ]
        );
        let secret = "s3cr3t".repeat(5);
        let found = details(&format!("client_secret = \"{secret}\""));
        assert_eq!(found.len(), 1);
        assert!(!found[0].contains("s3cr3t"), "{found:?}");
    }

    #[test]
    fn ordinary_text_is_no_key() {
        let text = "api_key: str\nsecret = load()\nAKIA\nghp_short\neyJ\nkey = \"short\"\n".repeat(3);
        assert!(details(&text).is_empty());
    }
}
