//! `app!`: the generated orchestrator.

mod expand;
mod model;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diag::Diagnostics;

/// Expands `[$crate] …`, which the facade's `app!` hands over.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    let (root, tokens) = match model::split_root(tokens) {
        Ok(split) => split,
        Err(error) => return error.into_compile_error(),
    };
    let mut diag = Diagnostics::new();
    let app = model::App::parse(tokens, &mut diag);
    let generated = expand::app(&root, &app, diag.is_empty());
    let errors = diag.finish();
    quote!(#generated #errors)
}
