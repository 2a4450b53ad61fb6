//! `#[pipeline]` on an impl: `next`, hooks, and how the source behaves.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ReturnType;
use syn::spanned::Spanned as _;

use crate::attr::{Arguments, Refused};
use crate::block::Block;
use crate::diag::Diagnostics;
use crate::hooks::Hooks;
use crate::kind::Kind;
use crate::paths::{Root, local};
use crate::{duration, forward, half};

const REFUSED: [Refused; 4] = [
    half::NAME,
    half::ID,
    half::RESTART,
    Refused { key: "emits", place: "a pipeline produces the events that `next` returns" },
];

/// Everything the impl half of a pipeline adds.
pub(crate) fn expand(root: &Root, arguments: Arguments, block: &Block, diag: &mut Diagnostics) -> TokenStream {
    let mut arguments = arguments;
    let background = arguments.flag("background", diag);
    let idle = arguments.take("idle").and_then(|argument| argument.duration(diag));
    arguments.finish(&["background", "idle", "crate"], &REFUSED, diag);
    let hooks = Hooks::check(Kind::Pipeline, block, diag);
    let private = root.private();
    let ty = &block.self_ty;
    let markers = half::markers(Kind::Pipeline, ty, half::creates(block, &hooks), &private);
    let next = next(root, block, &hooks, diag);
    let background = background.then(|| {
        quote!(
            const BACKGROUND: bool = true;
        )
    });
    let idle = idle.map(|idle| {
        let idle = duration::tokens(idle);
        quote!(const IDLE: ::core::time::Duration = #idle;)
    });
    let forwarded = forward::pipeline(&hooks, root);
    let implementation = match next {
        Some(Next { event, event_item, assertion, method }) => {
            let (span, there) = (ty.span(), root.private_at(ty.span()));
            quote_spanned! {span=>
                #[automatically_derived]
                impl #there::Pipeline for #ty {
                    #event_item
                    #background
                    #idle
                    #forwarded
                    #method
                }
                #[automatically_derived]
                impl #there::Produces<#event> for #ty {}
                #assertion
            }
        }
        // What is missing has been reported; the lines of `app!` should not report it again.
        None => quote! {
            #[automatically_derived]
            impl<E> #private::Produces<E> for #ty {}
            #[automatically_derived]
            impl #private::Source for #ty {}
        },
    };
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use #private::NoProbe as _;
            #markers
            #implementation
        };
    }
}

struct Next {
    /// The event, or a stand-in when the assertion reports the output of `next`.
    event: TokenStream,
    /// The associated type, which takes the blame when the event is less visible than the pipeline.
    event_item: TokenStream,
    assertion: TokenStream,
    method: TokenStream,
}

fn next(root: &Root, block: &Block, hooks: &Hooks<'_>, diag: &mut Diagnostics) -> Option<Next> {
    let Some(method) = hooks.get("next") else {
        if !hooks.is_missed("next") {
            diag.at(&block.self_ty, "this pipeline has no events: write `async fn next(&mut self) -> Result<Next<E>>`");
        }
        return None;
    };
    let ReturnType::Type(_, output) = &method.signature.output else {
        return None;
    };
    let span = output.span();
    let (here, there) = (method.signature.ident.span(), root.private_at(span));
    let private = root.private_at(here);
    let answer = quote_spanned! {span=>
        <#there::Answer<{ <#there::Probe<#output>>::IS_NEXT }> as #there::NextOf<#output>>
    };
    let event = quote_spanned!(span=> #answer::Event);
    let event_item = quote_spanned!(span=> type Event = #event;);
    let assertion = quote_spanned!(span=> const _: fn() = || #there::assert_next::<#output>(););
    let this = local("self", span);
    let call = quote_spanned!(span=> #answer::into_next(Self::next(#this).await));
    let method = quote_spanned! {here=>
        async fn next(&mut #this) -> #private::Result<#private::Next<Self::Event>> {
            #call
        }
    };
    Some(Next { event, event_item, assertion, method })
}
