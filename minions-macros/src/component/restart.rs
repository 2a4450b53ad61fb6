//! `restart(..)` on a struct: what becomes of the component when it fails.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::{Expr, ExprLit, Lit, LitStr};

use crate::attr::{Argument, Arguments, Value};
use crate::diag::Diagnostics;
use crate::{duration, similar};

const EXAMPLE: &str = "restart = \"never\"` or `restart(policy = \"on-failure\", limit = 5)";
const KNOWN: [&str; 6] = ["policy", "backoff", "multiplier", "jitter", "limit", "reset"];
const POLICIES: [&str; 3] = ["never", "on-failure", "always"];

/// A declared policy; what is not said is as the runtime has it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Restart {
    policy: Policy,
    backoff: Option<(Duration, Duration)>,
    multiplier: Option<f64>,
    jitter: Option<f64>,
    limit: Option<u32>,
    reset: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Policy {
    Never,
    #[default]
    OnFailure,
    Always,
}

impl Restart {
    /// Reads `restart = "never"` or `restart(..)`, by the same rules as the runtime judges a policy.
    pub(crate) fn parse(argument: Argument, diag: &mut Diagnostics) -> Option<Self> {
        match &argument.value {
            Value::Equals(_) => {
                let policy = Policy::parse(&argument.string(diag)?, diag)?;
                Some(Self { policy, ..Self::default() })
            }
            Value::List(tokens) => Some(Self::list(Arguments::parse(tokens.clone(), diag), diag)),
            Value::Flag => {
                diag.at(&argument.key, format!("argument `restart` takes a policy or a list: `{EXAMPLE}`"));
                None
            }
        }
    }

    fn list(mut arguments: Arguments, diag: &mut Diagnostics) -> Self {
        let policy = arguments.string("policy", diag).and_then(|literal| Policy::parse(&literal, diag));
        let backoff = arguments.take("backoff").and_then(|argument| argument.text(duration::range, diag));
        let multiplier = arguments.take("multiplier").and_then(|argument| {
            number(argument, |number| number >= 1.0, "a number from 1, so that pauses do not shrink", "2.0", diag)
        });
        let jitter = arguments.take("jitter").and_then(|argument| {
            number(argument, |number| (0.0..=1.0).contains(&number), "a part of the pause, from 0 to 1", "0.1", diag)
        });
        let limit = arguments.take("limit").and_then(|argument| limit(argument, diag));
        let reset = arguments.take("reset").and_then(|argument| argument.duration(diag));
        arguments.finish(&KNOWN, &[], diag);
        Self { policy: policy.unwrap_or_default(), backoff, multiplier, jitter, limit, reset }
    }

    /// The policy as a constant expression.
    pub(crate) fn tokens(&self, private: &TokenStream) -> TokenStream {
        let policy = match self.policy {
            Policy::Never => quote!(never),
            Policy::OnFailure => quote!(on_failure),
            Policy::Always => quote!(always),
        };
        let backoff = self.backoff.map(|(first, longest)| {
            let (first, longest) = (duration::tokens(first), duration::tokens(longest));
            quote!(.backoff(#first, #longest))
        });
        let multiplier = self.multiplier.map(|multiplier| quote!(.multiplier(#multiplier)));
        let jitter = self.jitter.map(|jitter| quote!(.jitter(#jitter)));
        let limit = self.limit.map(|limit| {
            let limit = Literal::u32_unsuffixed(limit);
            quote!(.limit(#limit))
        });
        let reset = self.reset.map(|reset| {
            let reset = duration::tokens(reset);
            quote!(.reset(#reset))
        });
        quote!(#private::RestartPolicy::#policy() #backoff #multiplier #jitter #limit #reset)
    }
}

impl Policy {
    fn parse(literal: &LitStr, diag: &mut Diagnostics) -> Option<Self> {
        match literal.value().as_str() {
            "never" => Some(Self::Never),
            "on-failure" => Some(Self::OnFailure),
            "always" => Some(Self::Always),
            other => {
                let (hint, list) = (similar::hint(other, &POLICIES), similar::list(&POLICIES));
                diag.at(literal, format!("unknown policy `{other}`{hint} (expected one of: {list})"));
                None
            }
        }
    }
}

/// A number that `fits`.
fn number(
    argument: Argument,
    fits: impl FnOnce(f64) -> bool,
    what: &str,
    example: &str,
    diag: &mut Diagnostics,
) -> Option<f64> {
    let number = match &argument.value {
        Value::Equals(Expr::Lit(ExprLit { lit: Lit::Float(number), .. })) => number.base10_parse::<f64>().ok(),
        Value::Equals(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => number.base10_parse::<f64>().ok(),
        _ => None,
    };
    let number = number.filter(|number| number.is_finite()).filter(|number| fits(*number));
    if number.is_none() {
        let key = argument.key.unraw().to_string();
        diag.at(argument.place(), format!("argument `{key}` takes {what}: `{key} = {example}`"));
    }
    number
}

/// How often; also never.
fn limit(argument: Argument, diag: &mut Diagnostics) -> Option<u32> {
    let limit = match &argument.value {
        Value::Equals(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => number.base10_parse().ok(),
        _ => None,
    };
    if limit.is_none() {
        diag.at(argument.place(), "argument `limit` takes a whole number: `limit = 5`");
    }
    limit
}

impl Argument {
    /// What to underline: the value, or the key of one that has none.
    pub(crate) fn place(self) -> TokenStream {
        match self.value {
            Value::Equals(value) => value.into_token_stream(),
            Value::Flag | Value::List(_) => self.key.into_token_stream(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(tokens: TokenStream) -> (Option<Restart>, Vec<String>) {
        let mut diag = Diagnostics::new();
        let argument = Arguments::parse(tokens, &mut diag).take("restart").expect("it is there");
        let restart = Restart::parse(argument, &mut diag);
        (restart, diag.messages())
    }

    #[test]
    fn reads_everything() {
        let (restart, seen) = parse(quote!(restart(
            policy = "always",
            backoff = "1s..1d",
            multiplier = 3,
            jitter = 0.5,
            limit = 0,
            reset = "1h"
        )));
        assert!(seen.is_empty(), "{seen:?}");
        let expected = Restart {
            policy: Policy::Always,
            backoff: Some((Duration::from_secs(1), Duration::from_secs(86_400))),
            multiplier: Some(3.0),
            jitter: Some(0.5),
            limit: Some(0),
            reset: Some(Duration::from_secs(3_600)),
        };
        assert_eq!(restart, Some(expected));
    }

    #[test]
    fn every_key_is_optional_and_the_policy_may_stand_alone() {
        assert_eq!(parse(quote!(restart())), (Some(Restart::default()), vec![]));
        for (text, policy) in [("never", Policy::Never), ("on-failure", Policy::OnFailure), ("always", Policy::Always)]
        {
            let (restart, seen) = parse(quote!(restart = #text));
            assert_eq!((restart, seen), (Some(Restart { policy, ..Restart::default() }), vec![]));
        }
        let tokens = parse(quote!(restart = "never")).0.unwrap().tokens(&quote!(p));
        assert_eq!(tokens.to_string(), quote!(p::RestartPolicy::never()).to_string());
    }

    #[test]
    fn mistakes() {
        for (tokens, says) in [
            (quote!(restart), "takes a policy or a list: `restart = \"never\"` or `restart(policy"),
            (quote!(restart = 3), "takes a string"),
            (quote!(restart = "onfailure"), "did you mean `on-failure`?"),
            (quote!(restart(policy = "sometimes")), "(expected one of: `never`, `on-failure`, `always`)"),
            (quote!(restart(polici = "never")), "did you mean `policy`?"),
            (quote!(restart(backoff = "30s..1s")), "backwards"),
            (quote!(restart(backoff = "0s..1s")), "zero"),
            (quote!(restart(multiplier = 0.5)), "`multiplier` takes a number from 1"),
            (quote!(restart(multiplier = 1e999)), "`multiplier` takes a number from 1"),
            (quote!(restart(jitter = 1.5)), "`jitter` takes a part of the pause, from 0 to 1: `jitter = 0.1`"),
            (quote!(restart(jitter = -0.5)), "`jitter` takes a part of the pause"),
            (quote!(restart(jitter)), "`jitter` takes a part of the pause"),
            (quote!(restart(limit = "5")), "`limit` takes a whole number: `limit = 5`"),
            (quote!(restart(limit = 1, limit = 2)), "given twice"),
            (quote!(restart(reset = "0s")), "zero"),
        ] {
            let (_, seen) = parse(tokens.clone());
            assert!(seen.len() == 1 && seen[0].contains(says), "{tokens}: {seen:?}");
        }
    }
}
