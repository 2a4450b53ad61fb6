//! Collects mistakes, so that three of them are three errors in one compile.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The errors found so far; must be turned into tokens by [`Diagnostics::finish`].
///
/// Dropping it unread would turn a rejected item into an accepted one, which is why that panics.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    errors: Vec<syn::Error>,
    finished: bool,
}

impl Diagnostics {
    pub(crate) fn new() -> Self {
        Self { errors: Vec::new(), finished: false }
    }

    /// Reports a mistake that spans `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.errors.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake at one span.
    pub(crate) fn span(&mut self, span: Span, message: impl Display) {
        self.errors.push(syn::Error::new(span, message));
    }

    /// Takes over an error of the parser.
    pub(crate) fn error(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    /// How many mistakes there are; two calls tell whether anything in between went wrong.
    pub(crate) fn count(&self) -> usize {
        self.errors.len()
    }

    /// The errors as `compile_error!` items, in the order they were found.
    pub(crate) fn finish(mut self) -> TokenStream {
        self.finished = true;
        self.errors.drain(..).map(syn::Error::into_compile_error).collect()
    }

    /// Forgets the errors, which another reading of the same tokens reports.
    pub(crate) fn ignore(mut self) {
        self.finished = true;
    }

    /// The messages, for tests.
    #[cfg(test)]
    pub(crate) fn messages(mut self) -> Vec<String> {
        self.finished = true;
        self.errors.drain(..).map(|error| error.to_string()).collect()
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        // A second panic while unwinding would abort the compiler and hide the first one.
        if !std::thread::panicking() {
            assert!(self.finished, "diagnostics were dropped without being read");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_becomes_an_error() {
        let mut diag = Diagnostics::new();
        diag.span(Span::call_site(), "first");
        diag.at(quote::quote!(a b), "second");
        let tokens = diag.finish().to_string();
        assert_eq!(tokens.matches("compile_error").count(), 2);
        assert!(tokens.contains("first") && tokens.contains("second"));
    }

    #[test]
    #[should_panic(expected = "without being read")]
    fn forgetting_the_errors_panics() {
        drop(Diagnostics::new());
    }
}
