//! A lexical look at `Flow::to(Self::x)`.
//!
//! The compiler resolves the path; only we know whether the method is a step. A jump hidden in a
//! variable passes here and is found by its type at run time.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

use crate::block::{Block, Method};
use crate::diag::Diagnostics;
use crate::similar;

use super::step;

/// Reports the jumps that lead to no step of this minion.
///
/// A name that does not exist would be reported by the compiler as well, which is why the echoed
/// body then names the step itself: one mistake, one error.
pub(crate) fn check(block: &mut Block, diag: &mut Diagnostics) {
    let own = block.ident().map(ToString::to_string);
    let methods: Vec<String> = block.methods().map(Method::name).collect();
    let marked = block.methods().filter_map(|method| Some((method.name(), method.helper("minion_step")?)));
    let (on_failure, steps): (Vec<_>, Vec<_>) = marked.partition(|(_, helper)| step::is_on_failure(helper));
    let names = |steps: Vec<(String, _)>| steps.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let (on_failure, steps) = (names(on_failure), names(steps));
    let mut jumps = Jumps { own, steps, on_failure, methods, diag };
    for method in block.methods_mut() {
        let mut body = Group::new(Delimiter::Brace, jumps.walk(method.body.stream()));
        body.set_span(method.body.span());
        method.body = body;
    }
}

struct Jumps<'a> {
    own: Option<String>,
    steps: Vec<String>,
    on_failure: Vec<String>,
    methods: Vec<String>,
    diag: &'a mut Diagnostics,
}

impl Jumps<'_> {
    fn walk(&mut self, tokens: TokenStream) -> TokenStream {
        let mut seen: Vec<TokenTree> = Vec::new();
        for token in tokens {
            let token = match token {
                TokenTree::Group(group) => {
                    let inner = if group.delimiter() == Delimiter::Parenthesis && is_jump(&seen) {
                        self.target(group.stream())
                    } else {
                        self.walk(group.stream())
                    };
                    let mut walked = Group::new(group.delimiter(), inner);
                    walked.set_span(group.span());
                    TokenTree::Group(walked)
                }
                other => other,
            };
            seen.push(token);
        }
        seen.into_iter().collect()
    }

    /// The argument of a jump, when it is a path of two names.
    fn target(&mut self, tokens: TokenStream) -> TokenStream {
        let mut path: Vec<TokenTree> = tokens.into_iter().collect();
        let comma = usize::from(matches!(path.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == ','));
        let [TokenTree::Ident(owner), TokenTree::Punct(_), TokenTree::Punct(_), TokenTree::Ident(step)] =
            &path[..path.len() - comma]
        else {
            return self.walk(path.into_iter().collect());
        };
        if let Some(instead) = self.judge(owner, step) {
            path[3] = TokenTree::Ident(instead);
        }
        path.into_iter().collect()
    }

    fn judge(&mut self, owner: &Ident, step: &Ident) -> Option<Ident> {
        let name = step.to_string();
        let name = name.trim_start_matches("r#");
        if owner != "Self" && self.own.as_ref().is_none_or(|own| owner != own) {
            self.diag
                .at(owner, format!("a step can jump only to a step of its own minion; write `Flow::to(Self::{name})`"));
            return None;
        }
        if self.steps.iter().any(|known| known == name) {
            return None;
        }
        if self.on_failure.iter().any(|known| known == name) {
            let message = format!(
                "`{name}` deals with failures and is never jumped to; fail with `.terminal()`, or end with `Flow::abort(..)`, and it runs"
            );
            self.diag.at(step, message);
            return None;
        }
        let steps: Vec<&str> = self.steps.iter().map(String::as_str).collect();
        let list = similar::list(&steps);
        let exists = self.methods.iter().any(|method| method == name);
        let fix =
            if exists { "; mark it `#[minion_step]`, or jump to one".to_owned() } else { similar::hint(name, &steps) };
        self.diag.at(step, format!("`{name}` is not a step of this minion{fix} (its steps: {list})"));
        let first = self.steps.first().filter(|_| !exists)?;
        Some(Ident::new(first, step.span()))
    }
}

/// Whether the tokens end in `Flow::to`.
fn is_jump(seen: &[TokenTree]) -> bool {
    matches!(
        seen,
        [.., TokenTree::Ident(flow), TokenTree::Punct(a), TokenTree::Punct(b), TokenTree::Ident(to)]
            if flow == "Flow" && a.as_char() == ':' && b.as_char() == ':' && to == "to"
    )
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens as _, quote};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the calls read better without a borrow")]
    fn messages(body: TokenStream) -> (String, Vec<String>) {
        let mut block: Block = syn::parse2(quote!(impl W {
            #[minion_step] async fn a(&self) { #body }
            fn helper(&self) {}
            #[minion_step] fn record(&self) {}
            #[minion_step(on_failure)] fn clean(&self) {}
        }))
        .expect("the block parses");
        let mut diag = Diagnostics::new();
        check(&mut block, &mut diag);
        (block.to_token_stream().to_string(), diag.messages())
    }

    #[test]
    fn right_jumps_pass() {
        let body = quote!(if x { return Ok(Flow::to(Self::record)); } minions::Flow::to(W::a); Flow::to(f); Flow::to(Self::a,););
        let (echo, seen) = messages(body.clone());
        assert!(seen.is_empty(), "{seen:?}");
        assert!(echo.contains(&body.to_string()));
    }

    #[test]
    fn wrong_jumps_are_named() {
        let (echo, seen) = messages(
            quote!(Flow::to(Self::recrod); foo(Flow::to(Self::helper)); Flow::to(Ticker::tick); Flow::to(Self::clean);),
        );
        assert_eq!(
            seen,
            [
                "`recrod` is not a step of this minion; did you mean `record`? (its steps: `a`, `record`)",
                "`helper` is not a step of this minion; mark it `#[minion_step]`, or jump to one (its steps: `a`, `record`)",
                "a step can jump only to a step of its own minion; write `Flow::to(Self::tick)`",
                "`clean` deals with failures and is never jumped to; fail with `.terminal()`, or end with `Flow::abort(..)`, and it runs",
            ]
        );
        assert!(!echo.contains("recrod"));
    }
}
