//! `#[limit(..)]`: checked today, run by a later version.

use syn::Attribute;

use crate::attr::Arguments;
use crate::diag::Diagnostics;
use crate::duration;

const EXAMPLE: &str = "#[limit(concurrency = 8, rate = \"20/s\")]";
const KNOWN: [&str; 5] = ["concurrency", "rate", "burst", "per", "queue"];

/// Checks the arguments and refuses the attribute; a wrong argument is reported instead of the refusal.
pub(crate) fn refuse(attribute: &Attribute, diag: &mut Diagnostics) {
    let before = diag.count();
    let mut arguments = Arguments::of(attribute, diag);
    let mut given = 0;
    for key in ["concurrency", "burst", "queue"] {
        if let Some(argument) = arguments.take(key) {
            given += usize::from(key == "concurrency");
            argument.count(diag);
        }
    }
    if let Some(argument) = arguments.take("rate") {
        given += 1;
        argument.text(duration::rate, diag);
    }
    if let Some(argument) = arguments.take("per")
        && !matches!(argument.value, crate::attr::Value::Equals(_))
    {
        diag.at(&argument.key, "argument `per` takes an expression over the method's arguments: `per = host(url)`");
    }
    arguments.finish(&KNOWN, &[], diag);
    if diag.count() > before {
        return;
    }
    if given == 0 {
        diag.at(attribute, format!("this limit limits nothing; give it a concurrency or a rate: `{EXAMPLE}`"));
        return;
    }
    diag.at(
        attribute,
        "`#[limit]` is not yet supported; leave it out, and bound the calls with a `tokio::sync::Semaphore` in the resource",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(attribute: &Attribute) -> Vec<String> {
        let mut diag = Diagnostics::new();
        refuse(attribute, &mut diag);
        diag.messages()
    }

    #[test]
    fn a_right_limit_is_refused() {
        let seen = messages(
            &syn::parse_quote!(#[limit(concurrency = 8, rate = "20/s", burst = 5, per = host(url), queue = 9)]),
        );
        assert_eq!(seen.len(), 1);
        assert!(seen[0].contains("not yet supported"));
    }

    #[test]
    fn a_wrong_limit_says_what_is_wrong() {
        let seen = messages(&syn::parse_quote!(#[limit(concurency = 8, rate = "20/day", burst = 0, per)]));
        assert_eq!(seen.len(), 4);
        assert!(seen[0].contains("`burst` takes a whole number above zero"));
        assert!(seen[1].contains("not a rate"));
        assert!(seen[2].contains("takes an expression"));
        assert!(seen[3].contains("did you mean `concurrency`?"));
        assert!(messages(&syn::parse_quote!(#[limit]))[0].contains("limits nothing"));
    }
}
