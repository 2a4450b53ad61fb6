//! Tracked methods: public async methods of a resource, timed and counted under the caller's name.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{ReturnType, Type, TypeInfer};

use crate::block::{Block, Method, Taken};
use crate::hooks;
use crate::kind::Kind;
use crate::limit;
use crate::paths::{Root, local};

/// Whether a call of the method is measured.
///
/// A method that never returns is neither a success nor an error, so there is nothing to measure.
pub(crate) fn is_tracked(method: &Method) -> bool {
    let returns = !matches!(&method.signature.output, ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)));
    returns
        && method.signature.asyncness.is_some()
        && matches!(method.receiver(), Taken::Shared)
        && !method.is_private()
        && method.helper("untracked").is_none()
        && hooks::named(Kind::Resource, &method.name()).is_none()
}

/// Wraps the bodies of the tracked methods; signatures stay as they are written.
pub(crate) fn wrap(block: &mut Block, root: &Root) {
    let private = root.private();
    let ty = block.self_ty.clone();
    for method in block.methods_mut().filter(|method| is_tracked(method)) {
        let name = method.name();
        let pin = pin(&method.signature.output, &private);
        let (inner, body) = split_inner_attributes(&method.body.stream());
        // Names of ours must not be seen by the body, hence the blocks and the hygienic locals.
        let here = Span::call_site();
        let (call, answer) = (local("call", here), local("answer", here));
        let owner = quote!(<#private::Probe<#ty>>::NAME);
        let [ask, end] = limit::around(method, root, &owner, &quote!(#answer)).unwrap_or_default();
        let wrapped = quote! {
            #inner
            #ask
            let #call = {
                #[allow(unused_imports)]
                use #private::NoProbe as _;
                static METHOD: #private::TrackedMethod =
                    #private::TrackedMethod::new(#owner, #name);
                #private::Call::begin(&METHOD)
            };
            let #answer = #call.scope(async move { #pin #body }).await;
            #call.end({
                #[allow(unused_imports)]
                use #private::Infallible as _;
                #private::Fallible(&#answer).is_error()
            });
            #end
            #answer
        };
        let mut group = Group::new(Delimiter::Brace, wrapped);
        group.set_span(method.body.span());
        method.body = group;
    }
}

/// Tells the async block its output type, so that `?` knows which error it makes.
fn pin(output: &ReturnType, private: &TokenStream) -> TokenStream {
    let mut ty = match output {
        ReturnType::Default => {
            return quote!(if false {
                return;
            });
        }
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    if matches!(ty, Type::ImplTrait(_)) {
        return TokenStream::new();
    }
    // `Result<impl Iterator, E>` cannot be named, `Result<_, E>` can, and the error is what matters.
    Anonymous.visit_type_mut(&mut ty);
    quote!(if false { return #private::never::<#ty>(); })
}

struct Anonymous;

impl VisitMut for Anonymous {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if matches!(ty, Type::ImplTrait(_)) {
            *ty = Type::Infer(TypeInfer { attrs: Vec::new(), underscore_token: syn::Token![_](Span::call_site()) });
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}

/// `#![..]` at the start of a body must stay at the start of the function.
fn split_inner_attributes(body: &TokenStream) -> (TokenStream, TokenStream) {
    let mut rest = body.clone().into_iter().peekable();
    let mut inner = TokenStream::new();
    loop {
        let mut ahead = rest.clone();
        match (ahead.next(), ahead.next(), ahead.next()) {
            (Some(TokenTree::Punct(hash)), Some(TokenTree::Punct(bang)), Some(TokenTree::Group(group)))
                if hash.as_char() == '#' && bang.as_char() == '!' && group.delimiter() == Delimiter::Bracket =>
            {
                hash.to_tokens(&mut inner);
                bang.to_tokens(&mut inner);
                group.to_tokens(&mut inner);
                rest = ahead;
            }
            _ => return (inner, rest.collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(methods: &str) -> String {
        let mut block: Block = syn::parse_str(&format!("impl Http {{ {methods} }}")).expect("the block parses");
        wrap(&mut block, &Root::default());
        block.to_token_stream().to_string()
    }

    #[test]
    fn tracks_public_async_shared_methods_only() {
        for tracked in ["pub(crate) async fn get(&self) {}", "pub async fn get<'a>(&'a self, x: impl Into<u8>) {}"] {
            assert!(wrapped(tracked).contains("METHOD"), "{tracked}");
        }
        for left in [
            "async fn get(&self) {}",
            "pub fn get(&self) {}",
            "pub async fn get(&mut self) {}",
            "pub async fn get() {}",
            "pub async fn never(&self) -> ! {}",
            "pub async fn health(&self) -> Health {}",
            "#[untracked] pub async fn get(&self) {}",
        ] {
            assert!(!wrapped(left).contains("METHOD"), "{left}");
        }
    }

    #[test]
    fn pins_the_output() {
        let pin = |output: &str| wrapped(&format!("pub async fn a(&self) -> {output} {{ b?; Ok(1) }}"));
        assert!(pin("Result<u8, E>").contains("never :: < Result < u8 , E > >"));
        assert!(pin("Result<impl Sized, E>").contains("never :: < Result < _ , E > >"));
        assert!(!pin("impl Sized").contains("never"));
    }

    #[test]
    fn inner_attributes_stay_in_front() {
        let text = wrapped("pub async fn a(&self) { #![allow(dead_code)] 1 }");
        let (attribute, method) = (text.find("allow").unwrap(), text.find("METHOD").unwrap());
        assert!(attribute < method);
    }
}
