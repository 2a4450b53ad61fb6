//! `app!`: the generated orchestrator.

use proc_macro2::TokenStream;
use quote::quote;

use crate::diag::Diagnostics;

mod expand;
mod model;

/// Expands `[$crate] …`, which the facade's `app!` hands over.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    let (facade, tokens) = match model::Facade::split(tokens) {
        Ok(split) => split,
        Err(error) => return error.into_compile_error(),
    };
    let mut diag = Diagnostics::new();
    let app = model::App::parse(tokens, &mut diag);
    if !facade.has_main && !app.header.no_main && app.is_complete {
        diag.at(
            &app.header.ident,
            "the generated `main` needs the feature `app` of the facade; turn it on, or write `#[no_main] pub struct Name;` and a `main` of your own",
        );
    }
    let generated = expand::app(&facade, &app);
    let errors = diag.finish();
    quote!(#generated #errors)
}
