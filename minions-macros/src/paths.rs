//! Where the facade is found: `::minions`, unless `crate = path` says otherwise.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

/// The path of the facade crate.
#[derive(Clone, Debug)]
pub(crate) struct Root(TokenStream);

impl Root {
    /// A path the user gave.
    pub(crate) fn new(path: impl ToTokens) -> Self {
        Self(path.into_token_stream())
    }

    /// The module that macro output names.
    pub(crate) fn private(&self) -> TokenStream {
        self.private_at(Span::call_site())
    }

    /// The same with a span, so that an error of the compiler lands on the user's token.
    pub(crate) fn private_at(&self, span: Span) -> TokenStream {
        let root = &self.0;
        located(quote!(#root::__private), span)
    }
}

/// The tokens at another place: an error then underlines that place alone.
fn located(tokens: TokenStream, span: Span) -> TokenStream {
    let locate = |token| match token {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), located(group.stream(), span));
            moved.set_span(span);
            TokenTree::Group(moved)
        }
        mut other => {
            other.set_span(span);
            other
        }
    };
    tokens.into_iter().map(locate).collect()
}

/// A variable of ours, `self` included: wherever its tokens stand, they mean the same variable, and user code, also out of
/// another macro, never sees it.
pub(crate) fn local(name: &str, span: Span) -> Ident {
    Ident::new(name, Span::mixed_site().located_at(span))
}

impl Default for Root {
    fn default() -> Self {
        Self(quote!(::minions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_and_override() {
        assert_eq!(Root::default().private().to_string(), ":: minions :: __private");
        let path: syn::Path = syn::parse_quote!(crate::vendor::minions);
        assert_eq!(Root::new(path).private().to_string(), "crate :: vendor :: minions :: __private");
    }
}
