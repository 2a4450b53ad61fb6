//! The attribute macros of Minions. The facade documents them.

mod app;
mod attr;
mod block;
mod component;
mod diag;
mod duration;
mod entry;
mod failure;
mod forward;
mod half;
mod hooks;
mod kind;
mod limit;
mod minion;
mod name;
mod paths;
mod pipeline;
mod resource;
mod similar;
#[cfg(test)]
mod snapshots;
mod text;
mod track;

use kind::Kind;
use proc_macro::TokenStream;

#[expect(missing_docs, reason = "documented where the facade re-exports it")]
#[proc_macro_attribute]
pub fn resource(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::component(Kind::Resource, arguments.into(), &item.into()).into()
}

#[expect(missing_docs, reason = "documented where the facade re-exports it")]
#[proc_macro_attribute]
pub fn pipeline(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::component(Kind::Pipeline, arguments.into(), &item.into()).into()
}

#[expect(missing_docs, reason = "documented where the facade re-exports it")]
#[proc_macro_attribute]
pub fn minion(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::component(Kind::Minion, arguments.into(), &item.into()).into()
}

#[expect(missing_docs, reason = "documented where the facade re-exports it")]
#[proc_macro_attribute]
pub fn minion_step(_: TokenStream, item: TokenStream) -> TokenStream {
    entry::misplaced(entry::STEP, &item.into()).into()
}

#[expect(missing_docs, reason = "documented where the facade re-exports it")]
#[proc_macro_attribute]
pub fn untracked(_: TokenStream, item: TokenStream) -> TokenStream {
    entry::misplaced(entry::UNTRACKED, &item.into()).into()
}

#[expect(missing_docs, reason = "documented where the facade re-exports it")]
#[proc_macro_attribute]
pub fn limit(_: TokenStream, item: TokenStream) -> TokenStream {
    entry::misplaced(entry::LIMIT, &item.into()).into()
}

#[expect(missing_docs, reason = "documented where the facade re-exports it")]
#[proc_macro_derive(Failure, attributes(failure))]
pub fn failure(item: TokenStream) -> TokenStream {
    entry::failure(&item.into()).into()
}

#[doc(hidden)]
#[proc_macro]
pub fn app_impl(tokens: TokenStream) -> TokenStream {
    entry::app(tokens.into()).into()
}
