//! The struct half, the same for all three kinds.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::ParseStream;
use syn::{Attribute, Ident, ItemStruct, Token, Visibility};

use crate::diag::Diagnostics;
use crate::kind::Kind;

mod expand;
mod model;
mod restart;

pub(crate) use expand::tree;

/// Expands an annotated struct; the struct itself is always there in the output.
pub(crate) fn expand(kind: Kind, arguments: TokenStream, item: ItemStruct) -> TokenStream {
    let mut item = item;
    let mut diag = Diagnostics::new();
    let component = model::Component::parse(kind, arguments, &mut item, &mut diag);
    let generated = expand::component(&component);
    let errors = diag.finish();
    quote!(#item #generated #errors)
}

/// Expands an annotated item that is neither a struct nor an impl: it is echoed with an error.
pub(crate) fn refuse(kind: Kind, item: &TokenStream) -> TokenStream {
    let word = kind.word();
    let (what, ident) = describe(item);
    let mut diag = Diagnostics::new();
    let message = match &ident {
        Some(ident) => format!(
            "`#[{word}]` goes on a struct and on its impl, not on {what}; wrap it: `#[{word}] struct {ident}Holder(#[default] {ident})`"
        ),
        None => format!("`#[{word}]` goes on a struct and on its inherent impl, not on {what}"),
    };
    diag.at(item, message);
    let errors = diag.finish();
    let stub = ident.map(|ident| expand::stub(&ident));
    quote!(#item #stub #errors)
}

/// What the item is, and the name of the type if it is one without generics.
fn describe(item: &TokenStream) -> (&'static str, Option<Ident>) {
    let parser = |input: ParseStream<'_>| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let what = if input.peek(Token![enum]) {
            "an enum"
        } else if input.peek(syn::Token![union]) {
            "a union"
        } else if input.peek(Token![fn]) || input.peek(Token![async]) {
            "a function"
        } else if input.peek(Token![trait]) {
            "a trait"
        } else {
            "this item"
        };
        let is_type = matches!(what, "an enum" | "a union");
        input.parse::<proc_macro2::TokenTree>()?;
        let ident = if is_type { input.parse::<Ident>().ok() } else { None };
        let ident = ident.filter(|_| !input.peek(Token![<]));
        input.parse::<TokenStream>()?;
        Ok((what, ident))
    };
    syn::parse::Parser::parse2(parser, item.clone()).unwrap_or(("this item", None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_described() {
        assert_eq!(
            describe(&quote!(
                #[doc = "x"]
                pub enum A {
                    B,
                }
            ))
            .0,
            "an enum"
        );
        assert_eq!(
            describe(&quote!(
                pub enum A {
                    B,
                }
            ))
            .1
            .unwrap(),
            "A"
        );
        assert!(
            describe(&quote!(
                pub enum A<T> {
                    B(T),
                }
            ))
            .1
            .is_none()
        );
        assert_eq!(
            describe(&quote!(
                pub fn a() {}
            ))
            .0,
            "a function"
        );
        assert_eq!(
            describe(&quote!(
                mod a {}
            ))
            .0,
            "this item"
        );
    }

    #[test]
    fn a_refused_item_is_echoed() {
        let text = refuse(
            Kind::Resource,
            &quote!(
                enum A {
                    B,
                }
            ),
        )
        .to_string();
        assert!(text.starts_with("enum A { B , }") && text.contains("compile_error"), "{text}");
    }
}
