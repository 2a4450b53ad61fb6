//! The derived implementation as tokens.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Member};

use crate::duration;
use crate::paths::Root;

use super::model::{Model, Shape, Verdict};

pub(crate) fn failure(input: &DeriveInput, model: &Model) -> TokenStream {
    let ident = &input.ident;
    let private = model.root.private();
    let there = model.root.private_at(ident.span());
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let arms = model.shapes.iter().map(|shape| arm(&model.root, shape));
    let body = match &input.data {
        // A reference to an enum without variants is no proof that there is none.
        Data::Enum(data) if data.variants.is_empty() => quote!(match *self {}),
        Data::Union(_) => quote!(#private::Verdict::Retry),
        Data::Enum(_) | Data::Struct(_) => quote!(match self { #(#arms)* }),
    };
    let head = quote_spanned!(ident.span()=> impl #generics #there::Failure for #ident #arguments #bounds);
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use #private::Silent as _;
            #[automatically_derived]
            #head {
                #[allow(unused_variables, clippy::used_underscore_binding)]
                fn verdict(&self) -> #private::Verdict {
                    #body
                }
            }
        };
    }
}

fn arm(root: &Root, shape: &Shape) -> TokenStream {
    let private = root.private();
    let path = match &shape.variant {
        Some(variant) => quote!(Self::#variant),
        None => quote!(Self),
    };
    let (names, verdict) = match &shape.verdict {
        Verdict::Retry => (None, quote!(#private::Verdict::Retry)),
        Verdict::Terminal => (None, quote!(#private::Verdict::Terminal)),
        Verdict::Abort => (None, quote!(#private::Verdict::Abort)),
        Verdict::Fixed(time) => {
            let time = duration::tokens(*time);
            (None, quote!(#private::Verdict::NotBefore(#time)))
        }
        Verdict::Computed(expression) => {
            let private = root.private_at(expression.span());
            let time = quote_spanned!(expression.span()=> #private::Pause::pause(#expression));
            (Some(&shape.fields[..]), quote!(#private::Verdict::NotBefore(#time)))
        }
        Verdict::Field(name) => {
            let at = shape.fields.iter().position(|(_, field)| field == name);
            let private = root.private_at(name.span());
            let fields = at.map(|at| std::slice::from_ref(&shape.fields[at]));
            (fields, quote_spanned!(name.span()=> #private::Asked(#name).verdict()))
        }
    };
    let bindings = names.unwrap_or_default().iter().map(|(member, name)| match member {
        Member::Named(_) => quote!(#name,),
        Member::Unnamed(_) => quote!(#member: #name,),
    });
    quote!(#path { #(#bindings)* .. } => #verdict,)
}
