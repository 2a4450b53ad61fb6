//! From the tokens of an invocation to the tokens it becomes.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, ItemStruct, Token, Visibility};

use crate::block::Block;
use crate::kind::Kind;
use crate::{app, component, half};

/// `#[resource]`, `#[pipeline]` or `#[minion]` on anything.
pub(crate) fn component(kind: Kind, arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let expanded = match shape(item) {
        Shape::Struct => syn::parse2::<ItemStruct>(item.clone()).map(|item| component::expand(kind, arguments, item)),
        Shape::Impl => syn::parse2::<Block>(item.clone()).map(|block| half::expand(kind, arguments, block)),
        Shape::Other => Ok(component::refuse(kind, item)),
    };
    // An item that does not parse is echoed as it is: the compiler says more about it than we can.
    printed(expanded.unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!(#item #error)
    }))
}

/// What `#[minion_step]` says outside its place; inside it is taken out before the compiler sees it.
pub(crate) const STEP: &str =
    "`#[minion_step]` marks a method inside a `#[minion]` impl; write `#[minion]` above the impl";
pub(crate) const UNTRACKED: &str = "`#[untracked]` marks a method inside a `#[resource]`, `#[pipeline]` or `#[minion]` impl, \
     and has no effect here; remove it";
pub(crate) const LIMIT: &str =
    "`#[limit]` marks a public async method inside a `#[resource]` impl; write `#[resource]` above the impl";

/// An attribute of ours where it means nothing.
pub(crate) fn misplaced(message: &str, item: &TokenStream) -> TokenStream {
    let error = syn::Error::new(Span::call_site(), message).into_compile_error();
    quote!(#item #error)
}

/// `#[derive(Failure)]`.
pub(crate) fn failure(item: &TokenStream) -> TokenStream {
    printed(crate::failure::expand(item))
}

/// `app!`.
pub(crate) fn app(tokens: TokenStream) -> TokenStream {
    printed(app::expand(tokens))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Struct,
    Impl,
    Other,
}

fn shape(item: &TokenStream) -> Shape {
    let parser = |input: ParseStream<'_>| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let shape = if input.peek(Token![struct]) {
            Shape::Struct
        } else if input.peek(Token![impl]) || (input.peek(Token![unsafe]) && input.peek2(Token![impl])) {
            Shape::Impl
        } else {
            Shape::Other
        };
        input.parse::<TokenStream>()?;
        Ok(shape)
    };
    parser.parse2(item.clone()).unwrap_or(Shape::Other)
}

/// Prints the expansion while the compiler runs, when `MINIONS_MACROS_DEBUG` is set.
fn printed(tokens: TokenStream) -> TokenStream {
    if std::env::var_os("MINIONS_MACROS_DEBUG").is_some_and(|value| value != "0") {
        eprintln!("{tokens}");
    }
    tokens
}
