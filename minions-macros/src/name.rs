//! The declared name of a component, which is also its configuration section.

use syn::ext::IdentExt as _;
use syn::{Ident, LitStr};

use crate::diag::Diagnostics;

/// The runtime's own section; a component of that name could never be configured.
const RESERVED: &str = "minions";

/// The name of a component: what was declared, else the type's name in snake case.
pub(crate) fn component(declared: Option<&LitStr>, ident: &Ident, diag: &mut Diagnostics) -> String {
    let (name, problem) = if let Some(literal) = declared {
        let name = literal.value();
        let problem = if name == RESERVED {
            Some("the name `minions` is the section of the runtime itself; choose another one".to_owned())
        } else if is_snake_case(&name) {
            None
        } else {
            let suggestion = snake_case(&name);
            let example = if is_snake_case(&suggestion) { format!(": \"{suggestion}\"") } else { String::new() };
            Some(format!("the name of a component is a configuration section and must be in ascii snake case{example}"))
        };
        if let Some(problem) = &problem {
            diag.at(literal, problem);
        }
        return if problem.is_none() { name } else { fallback(ident) };
    } else {
        let name = fallback(ident);
        let problem = if name == RESERVED {
            Some(format!(
                "the section `minions` belongs to the runtime itself; declare another name for `{ident}`: `name = \"..\"`"
            ))
        } else if is_snake_case(&name) {
            None
        } else {
            Some(format!("`{ident}` has no name in ascii snake case; declare one: `name = \"..\"`"))
        };
        (name, problem)
    };
    if let Some(problem) = problem {
        diag.at(ident, problem);
    }
    name
}

/// The declared identity of a component, by the rules of names; it is never a section, so no word is reserved.
pub(crate) fn id(literal: &LitStr, diag: &mut Diagnostics) -> Option<String> {
    let id = literal.value();
    if is_snake_case(&id) {
        return Some(id);
    }
    let suggestion = snake_case(&id);
    let example = if is_snake_case(&suggestion) { format!(": \"{suggestion}\"") } else { String::new() };
    diag.at(
        literal,
        format!("the id of a component is a part of stored work and must be in ascii snake case{example}"),
    );
    None
}

fn fallback(ident: &Ident) -> String {
    snake_case(&ident.unraw().to_string())
}

/// `FooBar` → `foo_bar`, `HTTPServer` → `http_server`, `S3Store` → `s3_store`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (i, &letter) in letters.iter().enumerate() {
        if letter.is_uppercase() {
            let after_word = i > 0 && (letters[i - 1].is_lowercase() || letters[i - 1].is_ascii_digit());
            let before_word =
                i > 0 && letters[i - 1].is_uppercase() && letters.get(i + 1).is_some_and(|next| next.is_lowercase());
            if after_word || before_word {
                out.push('_');
            }
            out.extend(letter.to_lowercase());
        } else if letter == '-' || letter == ' ' {
            out.push('_');
        } else {
            out.push(letter);
        }
    }
    out
}

fn is_snake_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use quote::format_ident;

    use super::*;

    fn name(declared: Option<&str>, ident: &str) -> (String, Vec<String>) {
        let mut diag = Diagnostics::new();
        let literal = declared.map(|text| LitStr::new(text, proc_macro2::Span::call_site()));
        let name = component(literal.as_ref(), &format_ident!("{ident}"), &mut diag);
        (name, diag.messages())
    }

    #[test]
    fn snake_cases() {
        for (from, to) in [
            ("FooBar", "foo_bar"),
            ("HTTPServer", "http_server"),
            ("S3Store", "s3_store"),
            ("Http", "http"),
            ("r#Type", "type"),
        ] {
            assert_eq!(name(None, from), (to.to_owned(), vec![]));
        }
    }

    #[test]
    fn declared_names() {
        assert_eq!(name(Some("front_door"), "Http"), ("front_door".to_owned(), vec![]));
        let (used, seen) = name(Some("FrontDoor"), "Http");
        assert_eq!(used, "http");
        assert!(seen[0].ends_with("must be in ascii snake case: \"front_door\""), "{seen:?}");
        assert!(name(Some("minions"), "Http").1[0].contains("runtime itself"));
        assert!(name(None, "Minions").1[0].contains("declare another name"));
        assert!(name(None, "Über").1[0].contains("declare one"));
    }
}
