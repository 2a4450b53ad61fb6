//! Hooks as trait methods that forward to the user's own.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;

use crate::block::Method;
use crate::hooks::Hooks;
use crate::paths::{Root, local};

/// The hooks of a resource or a minion, `create` included.
pub(crate) fn shared(hooks: &Hooks<'_>, root: &Root) -> TokenStream {
    let create = hooks.all("create").map(|method| create(method, root));
    let startup = hooks.all("startup").map(|method| exclusive(method, root));
    let run = hooks.all("run").map(|method| run(method, root));
    let shutdown = hooks.all("shutdown").map(|method| shared_hook(method, root));
    let health = hooks.all("health").map(|method| health(method, root));
    quote!(#(#create)* #(#startup)* #(#run)* #(#shutdown)* #(#health)*)
}

/// The hooks of a pipeline except `next`.
pub(crate) fn pipeline(hooks: &Hooks<'_>, root: &Root) -> TokenStream {
    let create = hooks.all("create").map(|method| create(method, root));
    let startup = hooks.all("startup").map(|method| exclusive(method, root));
    let shutdown = hooks.all("shutdown").map(|method| exclusive(method, root));
    quote!(#(#create)* #(#startup)* #(#shutdown)*)
}

fn create(method: &Method, root: &Root) -> TokenStream {
    let private = root.private();
    let types: Vec<&Type> = method.parameters().map(|parameter| &*parameter.ty).collect();
    let names: Vec<_> = (0..types.len()).map(|index| local(&format!("need{index}"), Span::call_site())).collect();
    let asserts = types.iter().map(|ty| {
        let private = root.private_at(ty.span());
        quote_spanned!(ty.span()=> const _: fn() = || #private::assert_inject::<#ty>();)
    });
    let span = method.output_span();
    let private_there = root.private_at(span);
    let made = quote_spanned!(span=> #private_there::CreateResult::created(Self::create(#(#names),*).await));
    let here = method.signature.ident.span();
    let (private_here, cx) = (root.private_at(here), local("cx", here));
    let head = quote_spanned! {here=>
        async fn create(#cx: #private_here::Assembly) -> #private_here::Result<Self>
    };
    quote! {
        const NEEDS: &'static [#private::Need] = {
            #(#asserts)*
            const NEEDS: &[::core::option::Option<#private::Need>] = &[#(<#private::Probe<#types>>::NEED),*];
            &#private::needs::<{ #private::count(NEEDS) }>(NEEDS)
        };

        #[allow(unused_variables)]
        #head {
            #(let #names = #private::fill::<#types>(&#cx, <#private::Probe<#types>>::INJECT)?;)*
            #made
        }
    }
}

fn exclusive(method: &Method, root: &Root) -> TokenStream {
    let call = call(method, root);
    let (name, conditions) = (&method.signature.ident, method.conditions());
    let (private, this) = (root.private_at(name.span()), local("self", name.span()));
    quote_spanned! {name.span()=>
        #(#conditions)*
        async fn #name(&mut #this) -> #private::Result<()> {
            #call
        }
    }
}

fn shared_hook(method: &Method, root: &Root) -> TokenStream {
    let call = call(method, root);
    let (name, conditions) = (&method.signature.ident, method.conditions());
    let (private, this) = (root.private_at(name.span()), local("self", name.span()));
    quote_spanned! {name.span()=>
        #(#conditions)*
        async fn #name(&#this) -> #private::Result<()> {
            #call
        }
    }
}

/// Everything of the call stands at the result's type: an error about the result underlines nothing else.
fn call(method: &Method, root: &Root) -> TokenStream {
    let span = method.output_span();
    let private = root.private_at(span);
    let mut name = method.signature.ident.clone();
    name.set_span(span);
    let this = local("self", span);
    quote_spanned!(span=> #private::HookResult::hook(Self::#name(#this).await))
}

fn run(method: &Method, root: &Root) -> TokenStream {
    let (conditions, span) = (method.conditions(), method.output_span());
    let here = method.signature.ident.span();
    let (private, private_there) = (root.private_at(here), root.private_at(span));
    // The parameter's own type takes the blame when it is not `Stop`.
    let stop = local("stop", method.parameters().next().map_or(span, |parameter| parameter.ty.span()));
    let this = local("self", span);
    let call = quote_spanned!(span=> #private_there::HookResult::hook(Self::run(#this, #stop).await));
    quote_spanned! {here=>
        #(#conditions)*
        async fn run(&#this, #stop: #private::Stop) -> #private::Result<()> {
            #call
        }
    }
}

fn health(method: &Method, root: &Root) -> TokenStream {
    let (conditions, span) = (method.conditions(), method.output_span());
    let here = method.signature.ident.span();
    let private = root.private_at(here);
    let this = local("self", span);
    let call = quote_spanned!(span=> Self::health(#this).await);
    quote_spanned! {here=>
        #(#conditions)*
        async fn health(&#this) -> #private::Health {
            #call
        }
    }
}
