//! `#[limit(..)]`: what a tracked method allows, checked and turned into constants.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ReturnType};

use crate::attr::{Arguments, Value};
use crate::block::{Block, Method, Taken};
use crate::diag::Diagnostics;
use crate::paths::{Root, local};
use crate::{duration, track};

mod bounds;

use bounds::Bounds;

const EXAMPLE: &str = "#[limit(concurrency = 8, rate = \"20/s\")]";
const KNOWN: [&str; 9] = ["concurrency", "rate", "burst", "per", "total", "queue", "max_wait", "circuit", "keys"];

/// A well-formed limit.
pub(crate) struct Limit {
    bounds: Bounds,
    per: Option<Expr>,
    total: Option<Bounds>,
    max_wait: Option<std::time::Duration>,
    keys: Option<u32>,
}

/// Checks the limit of a method of a resource.
pub(crate) fn check(method: &Method, attribute: &Attribute, diag: &mut Diagnostics) {
    if method.helper("limit").is_some_and(|first| !std::ptr::eq(first, attribute)) {
        diag.at(
            attribute,
            "a method has one `#[limit]`; write the limit of each key and, in `total(..)`, that of all keys together into one",
        );
        return;
    }
    if let Some(why) = untracked(method) {
        diag.at(attribute, format!("`#[limit]` goes on a tracked method: {why}"));
    } else if matches!(method.signature.output, ReturnType::Default) {
        diag.span(
            method.output_span(),
            "a limited method returns a `Result`: the limit may refuse the call; write `-> Result<()>`",
        );
    }
    Limit::parse(attribute, diag);
}

/// The limit of a method, if it has one and that is right; what is wrong with it is told by [`check`].
pub(crate) fn of(method: &Method) -> Option<Limit> {
    let attribute = method.helper("limit")?;
    let mut diag = Diagnostics::new();
    let limit = Limit::parse(attribute, &mut diag);
    let is_right = diag.count() == 0 && !matches!(method.signature.output, ReturnType::Default);
    diag.ignore();
    limit.filter(|_| is_right)
}

/// The constant that tells the manifest of the limits of a resource; nothing if there are none.
pub(crate) fn manifest(block: &Block, private: &TokenStream) -> TokenStream {
    let infos = block.methods().filter(|method| track::is_tracked(method)).filter_map(|method| {
        let (conditions, name, limit) = (method.conditions(), method.name(), of(method)?.constant(private));
        Some(quote!(#(#conditions)* #private::LimitInfo::new(#name, #limit)))
    });
    let infos: Vec<_> = infos.collect();
    if infos.is_empty() {
        return TokenStream::new();
    }
    quote!(const LIMITS: &'static [#private::LimitInfo] = &[#(#infos),*];)
}

/// What stands before the body of a limited method, and what follows its answer.
pub(crate) fn around(
    method: &Method,
    root: &Root,
    owner: &TokenStream,
    answer: &TokenStream,
) -> Option<[TokenStream; 2]> {
    let limit = of(method)?;
    let (private, name) = (root.private(), method.name());
    let receiver = &method.signature.receiver()?.self_token;
    let here = proc_macro2::Span::call_site();
    let (permit, rejected) = (local("permit", here), local("rejected", here));
    let constant = limit.constant(&private);
    let key = match &limit.per {
        Some(per) => {
            let there = root.private_at(per.span());
            quote_spanned!(per.span()=> || #there::key(&(#per)))
        }
        None => quote!(::std::string::String::new),
    };
    let output = method.output_span();
    let there = root.private_at(output);
    let refused = quote_spanned!(output=> #there::LimitedOutput::rejected(#rejected));
    let before = quote! {
        let #permit = {
            #[allow(unused_imports)]
            use #private::NoProbe as _;
            static LIMIT: #private::LimitedMethod = #private::LimitedMethod::new(#owner, #name, #constant);
            LIMIT.ask(#receiver, #key)
        };
        let #permit = match #permit.taken().await {
            ::core::result::Result::Ok(#permit) => #permit,
            ::core::result::Result::Err(#rejected) => return #refused,
        };
    };
    let after = quote! {
        #permit.end({
            #[allow(unused_imports)]
            use #private::{Chained as _, Mute as _, NoResult as _};
            (&#private::Judged(&#answer)).outcome()
        });
    };
    Some([before, after])
}

impl Limit {
    fn parse(attribute: &Attribute, diag: &mut Diagnostics) -> Option<Self> {
        let before = diag.count();
        let mut arguments = Arguments::of(attribute, diag);
        let bounds = Bounds::take(&mut arguments, diag);
        let per = arguments.take("per");
        let (is_keyed, per_key) = (per.is_some(), per.as_ref().map(|per| per.key.clone()));
        let per = per.and_then(|per| match per.value {
            Value::Equals(expr) => Some(expr),
            Value::Flag | Value::List(_) => {
                diag.at(&per.key, "argument `per` takes an expression over the method's arguments: `per = host(url)`");
                None
            }
        });
        let total = arguments.take("total").and_then(|total| {
            if !is_keyed {
                diag.at(
                    &total.key,
                    "`total` is above the limits of keys, and this limit has none; write what it says outside of it, or add \
                     `per = ..`",
                );
            }
            let key = total.key.clone();
            let mut nested = total.nested("total(concurrency = 64)", diag)?;
            let bounds = Bounds::take(&mut nested, diag);
            nested.finish(&bounds::KNOWN, &[], diag);
            if bounds.is_empty() && diag.count() == before {
                diag.at(&key, "this `total` limits nothing; write for example `total(concurrency = 64)`");
            }
            Some(bounds)
        });
        let max_wait = arguments.take("max_wait").and_then(|argument| argument.duration(diag));
        let keys = arguments.take("keys").and_then(|argument| {
            if !is_keyed {
                diag.at(
                    &argument.key,
                    "`keys` bounds how many keys are known, and this limit has none; add `per = ..`",
                );
            }
            argument.count(diag)
        });
        arguments.finish(&KNOWN, &[], diag);
        if diag.count() == before && bounds.is_empty() {
            match (&per_key, &total) {
                // All keys share one bound: that is a limit for all calls.
                (Some(per), Some(_)) => {
                    diag.at(
                        per,
                        "nothing holds for each key; add `concurrency` or `rate`, or leave `per` and `total` out",
                    );
                }
                _ => diag
                    .at(attribute, format!("this limit limits nothing; give it a concurrency or a rate: `{EXAMPLE}`")),
            }
        }
        (diag.count() == before).then_some(Self { bounds, per, total, max_wait, keys })
    }

    fn constant(&self, private: &TokenStream) -> TokenStream {
        let bounds = self.bounds.constant(private);
        let kind = if self.per.is_some() { quote!(per_key) } else { quote!(new) };
        let total = self.total.as_ref().map(|total| {
            let total = total.constant(private);
            quote!(.total(#total))
        });
        let max_wait = self.max_wait.map(duration::tokens).map(|time| quote!(.max_wait(#time)));
        let keys = self.keys.map(|keys| quote!(.keys(#keys)));
        quote!(#private::Limit::#kind(#bounds) #total #max_wait #keys)
    }
}

/// Why a method is not tracked, and what to do.
fn untracked(method: &Method) -> Option<&'static str> {
    if track::is_tracked(method) {
        return None;
    }
    Some(if method.helper("untracked").is_some() {
        "remove `#[untracked]`"
    } else if method.signature.asyncness.is_none() {
        "make it `async`, because a call may have to wait"
    } else if method.is_private() {
        "make it `pub` or `pub(crate)`, or limit the public method that calls it"
    } else if !matches!(method.receiver(), Taken::Shared) {
        "let it take `&self`"
    } else {
        "hooks, and methods that never return, are not tracked"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(attribute: &Attribute) -> Vec<String> {
        let mut diag = Diagnostics::new();
        Limit::parse(attribute, &mut diag);
        diag.messages()
    }

    #[test]
    fn a_right_limit_is_taken_whole() {
        let attribute = syn::parse_quote!(#[limit(
            concurrency = 8,
            rate = "20/s",
            burst = 5,
            per = host(url),
            queue = 9,
            max_wait = "30s",
            keys = 100,
            circuit(failures = 5, ratio = 0.5, calls = 20, window = "1m", open = "30s", probes = 2),
            total(concurrency = 64, rate = "100/s"),
        )]);
        assert!(messages(&attribute).is_empty());
        let mut diag = Diagnostics::new();
        let limit = Limit::parse(&attribute, &mut diag).expect("it is right");
        diag.ignore();
        let text = limit.constant(&quote!(p)).to_string();
        for words in [
            "per_key",
            "concurrency (8u32)",
            "burst (5u32)",
            ". total (",
            "max_wait",
            "keys (100u32)",
            "ratio (0.5f64)",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn a_wrong_limit_says_what_is_wrong() {
        let seen = messages(&syn::parse_quote!(#[limit(concurency = 8, rate = "20/day", burst = 0, per)]));
        let text = seen.join("\n");
        for words in [
            "`burst` takes a whole number above zero",
            "not a rate",
            "takes an expression",
            "did you mean `concurrency`?",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
        assert!(messages(&syn::parse_quote!(#[limit]))[0].contains("limits nothing"));
        assert!(messages(&syn::parse_quote!(#[limit(per = x)]))[0].contains("limits nothing"));
        assert!(
            messages(&syn::parse_quote!(#[limit(per = x, total(rate = "1/s"))]))[0]
                .contains("nothing holds for each key")
        );
        assert!(messages(&syn::parse_quote!(#[limit(concurrency = 1, total(rate = "1/s"))]))[0].contains("has none"));
        assert!(messages(&syn::parse_quote!(#[limit(concurrency = 1, keys = 3)]))[0].contains("has none"));
        assert!(messages(&syn::parse_quote!(#[limit(concurrency = 1, burst = 3)]))[0].contains("belongs to a rate"));
        assert!(messages(&syn::parse_quote!(#[limit(circuit(open = "3s"))]))[0].contains("never opens"));
        assert!(messages(&syn::parse_quote!(#[limit(circuit(ratio = 1.5))]))[0].contains("a part of the calls"));
        assert!(
            messages(&syn::parse_quote!(#[limit(circuit(falures = 1))])).join(" ").contains("did you mean `failures`?")
        );
        assert!(messages(&syn::parse_quote!(#[limit(concurrency = 1, concurrency = 2)]))[0].contains("given twice"));
    }
}
