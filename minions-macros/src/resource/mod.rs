//! `#[resource]` on an impl: hooks, and the resource's place in the graph of needs.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::attr::{Arguments, Refused};
use crate::block::Block;
use crate::diag::Diagnostics;
use crate::hooks::Hooks;
use crate::kind::Kind;
use crate::paths::Root;
use crate::{component, forward, half, limit};

const ELSEWHERE: [Refused; 6] = [
    half::NAME,
    half::ID,
    half::RESTART,
    Refused { key: "background", place: "only a pipeline can be in the background" },
    Refused { key: "idle", place: "only a pipeline is ever idle" },
    Refused { key: "emits", place: "a resource emits no events" },
];

/// Everything the impl half of a resource adds.
pub(crate) fn expand(root: &Root, arguments: Arguments, block: &Block, diag: &mut Diagnostics) -> TokenStream {
    arguments.finish(&["crate"], &ELSEWHERE, diag);
    let hooks = Hooks::check(Kind::Resource, block, diag);
    let private = root.private();
    let ty = &block.self_ty;
    let markers = half::markers(Kind::Resource, ty, half::creates(block, &hooks), &private);
    let graph = graph(block, &hooks, &private);
    let forwarded = forward::shared(&hooks, root);
    let limits = limit::manifest(block, &private);
    let (span, there) = (ty.span(), root.private_at(ty.span()));
    let head = quote_spanned!(span=> impl #there::Resource for #ty);
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use #private::{NoProbe as _, graph::NoBranch as _};
            #markers
            #graph
            #[automatically_derived]
            #head {
                #limits
                #forwarded
            }
        };
    }
}

/// With `create` its parameters are the needs, else the fields are.
fn graph(block: &Block, hooks: &Hooks<'_>, private: &TokenStream) -> TokenStream {
    let ty = &block.self_ty;
    let tree = match hooks.get("create") {
        Some(create) => {
            let types = create.parameters().map(|parameter| &parameter.ty);
            let branches = quote!(#(<#private::graph::Branch<#types, D>>::TREE),*);
            component::tree(&half::ident(block), "__MinionsNeeds", &branches, private)
        }
        None => quote! {
            #[allow(missing_debug_implementations, unreachable_pub)]
            pub struct __MinionsNeeds<D>(::core::marker::PhantomData<D>);
            impl<D: #private::graph::Depth> #private::graph::Listed for __MinionsNeeds<D> {
                const TREE: &'static #private::graph::Tree = <#private::graph::FieldsOf<#ty, D>>::TREE;
            }
        },
    };
    quote! {
        #tree
        #[automatically_derived]
        impl #private::graph::Vertex for #ty {
            type At<D: #private::graph::Depth> = __MinionsNeeds<D>;
        }
    }
}
