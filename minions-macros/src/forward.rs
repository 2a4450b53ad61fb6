//! Hooks as trait methods that forward to the user's own.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Type, spanned::Spanned as _};

use crate::{block::Method, hooks::Hooks, paths::Root};

/// The hooks of a resource or a minion, `create` included.
pub(crate) fn shared(hooks: &Hooks<'_>, root: &Root) -> TokenStream {
    let create = hooks.get("create").map(|method| create(method, root));
    let startup = hooks.get("startup").map(|method| exclusive(method, root));
    let run = hooks.get("run").map(|method| run(method, root));
    let shutdown = hooks.get("shutdown").map(|method| shared_hook(method, root));
    let health = hooks.get("health").map(|method| health(method, root));
    quote!(#create #startup #run #shutdown #health)
}

/// The hooks of a pipeline except `next`.
pub(crate) fn pipeline(hooks: &Hooks<'_>, root: &Root) -> TokenStream {
    let create = hooks.get("create").map(|method| create(method, root));
    let startup = hooks.get("startup").map(|method| exclusive(method, root));
    let shutdown = hooks.get("shutdown").map(|method| exclusive(method, root));
    quote!(#create #startup #shutdown)
}

fn create(method: &Method, root: &Root) -> TokenStream {
    let private = root.private();
    let types: Vec<&Type> = method.parameters().map(|parameter| &*parameter.ty).collect();
    let names: Vec<_> = (0..types.len()).map(|index| format_ident!("need{index}")).collect();
    let asserts = types.iter().map(|ty| {
        let private = root.private_at(ty.span());
        quote_spanned!(ty.span()=> const _: fn() = || #private::assert_inject::<#ty>();)
    });
    let span = method.output_span();
    let private_there = root.private_at(span);
    let made = quote_spanned!(span=> #private_there::CreateResult::created(Self::create(#(#names),*).await));
    quote! {
        const NEEDS: &'static [#private::Need] = {
            #(#asserts)*
            const NEEDS: &[::core::option::Option<#private::Need>] = &[#(<#private::Probe<#types>>::NEED),*];
            &#private::needs::<{ #private::count(NEEDS) }>(NEEDS)
        };

        #[allow(unused_variables)]
        async fn create(cx: #private::Assembly) -> #private::Result<Self> {
            #(let #names = #private::fill::<#types>(&cx, <#private::Probe<#types>>::INJECT)?;)*
            #made
        }
    }
}

fn exclusive(method: &Method, root: &Root) -> TokenStream {
    let call = call(method, root);
    let (private, name, conditions) = (root.private(), &method.signature.ident, method.conditions());
    quote! {
        #(#conditions)*
        async fn #name(&mut self) -> #private::Result<()> {
            #call
        }
    }
}

fn shared_hook(method: &Method, root: &Root) -> TokenStream {
    let call = call(method, root);
    let (private, name, conditions) = (root.private(), &method.signature.ident, method.conditions());
    quote! {
        #(#conditions)*
        async fn #name(&self) -> #private::Result<()> {
            #call
        }
    }
}

/// Everything of the call stands at the result's type: an error about the result underlines nothing else.
fn call(method: &Method, root: &Root) -> TokenStream {
    let span = method.output_span();
    let private = root.private_at(span);
    let mut name = method.signature.ident.clone();
    name.set_span(name.span().located_at(span));
    quote_spanned!(span=> #private::HookResult::hook(Self::#name(self).await))
}

fn run(method: &Method, root: &Root) -> TokenStream {
    let (conditions, span) = (method.conditions(), method.output_span());
    let (private, private_there) = (root.private(), root.private_at(span));
    // The parameter's own type takes the blame when it is not `Stop`.
    let stop = method.parameters().next().map_or(span, |parameter| parameter.ty.span());
    let stop = quote_spanned!(stop=> stop);
    let call = quote_spanned!(span=> #private_there::HookResult::hook(Self::run(self, #stop).await));
    quote! {
        #(#conditions)*
        async fn run(&self, #stop: #private::Stop) -> #private::Result<()> {
            #call
        }
    }
}

fn health(method: &Method, root: &Root) -> TokenStream {
    let (conditions, span) = (method.conditions(), method.output_span());
    let private = root.private();
    let call = quote_spanned!(span=> Self::health(self).await);
    quote! {
        #(#conditions)*
        async fn health(&self) -> #private::Health {
            #call
        }
    }
}
