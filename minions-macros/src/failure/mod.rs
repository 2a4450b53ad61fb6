//! `#[derive(Failure)]`: an error type says what should become of the step.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::diag::Diagnostics;

mod expand;
mod model;

/// Expands the derive; a type with mistakes in it has the verdict of a plain error, so that its users add none.
pub(crate) fn expand(item: &TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item.clone()) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut diag = Diagnostics::new();
    let model = model::Model::parse(&input, &mut diag);
    let generated = expand::failure(&input, &model);
    let errors = diag.finish();
    quote!(#generated #errors)
}
