//! The impl half as we read it: signatures parsed, bodies kept as the tokens they are.
//!
//! A body that is half written still expands, which is what keeps an editor working.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, FnArg, Generics, Ident, ImplItem, Path, Receiver, ReceiverKind, ReturnType, Signature, Token, Type,
    Visibility,
};

use crate::attr;

/// Attributes of methods that are ours and never reach the compiler.
const HELPERS: [&str; 3] = ["minion_step", "untracked", "limit"];

/// An `impl` block.
pub(crate) struct Block {
    attributes: Vec<Attribute>,
    unsafety: Option<Token![unsafe]>,
    impl_token: Token![impl],
    pub(crate) generics: Generics,
    pub(crate) trait_: Option<(Path, Token![for])>,
    pub(crate) self_ty: Type,
    members: Vec<Member>,
}

enum Member {
    Method(Box<Method>),
    Other(TokenStream),
}

/// A method of the block.
pub(crate) struct Method {
    pub(crate) attributes: Vec<Attribute>,
    /// `#[minion_step]`, `#[untracked]`, `#[limit]`: stripped when the method is echoed.
    pub(crate) helpers: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    defaultness: Option<Token![default]>,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Block {
    pub(crate) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.members.iter().filter_map(|member| match member {
            Member::Method(method) => Some(&**method),
            Member::Other(_) => None,
        })
    }

    pub(crate) fn methods_mut(&mut self) -> impl Iterator<Item = &mut Method> {
        self.members.iter_mut().filter_map(|member| match member {
            Member::Method(method) => Some(&mut **method),
            Member::Other(_) => None,
        })
    }

    /// The type's own name, when it is written as a plain path.
    pub(crate) fn ident(&self) -> Option<&Ident> {
        match ungrouped(&self.self_ty) {
            Type::Path(path) if path.qself.is_none() => path.path.segments.last().map(|segment| &segment.ident),
            _ => None,
        }
    }
}

impl Method {
    /// The name without `r#`.
    pub(crate) fn name(&self) -> String {
        self.signature.ident.unraw().to_string()
    }

    pub(crate) fn helper(&self, word: &str) -> Option<&Attribute> {
        self.helpers.iter().find(|helper| attr::is(helper, word))
    }

    pub(crate) fn is_private(&self) -> bool {
        matches!(self.visibility, Visibility::Inherited)
    }

    /// The parameters after the receiver.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &syn::PatType> {
        self.signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        })
    }

    pub(crate) fn receiver(&self) -> Taken<'_> {
        self.signature.receiver().map_or(Taken::Nothing, taken)
    }

    /// Where an error about the result goes.
    pub(crate) fn output_span(&self) -> Span {
        match &self.signature.output {
            ReturnType::Default => self.signature.ident.span(),
            ReturnType::Type(_, ty) => ty.span(),
        }
    }

    pub(crate) fn conditions(&self) -> Vec<Attribute> {
        attr::conditions(&self.attributes)
    }
}

/// How a method takes `self`.
#[derive(Clone, Copy)]
pub(crate) enum Taken<'a> {
    Nothing,
    Shared,
    Exclusive,
    Other(&'a Receiver),
}

fn taken(receiver: &Receiver) -> Taken<'_> {
    // A named lifetime is as good as none; where none is wanted, the method is refused as generic.
    match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => Taken::Shared,
        ReceiverKind::Reference(_, _, Some(_)) => Taken::Exclusive,
        _ => Taken::Other(receiver),
    }
}

/// Looks through the invisible group that a `macro_rules` parameter leaves around a type.
pub(crate) fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

impl Parse for Block {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let unsafety = input.parse()?;
        let impl_token = input.parse()?;
        let mut generics: Generics = input.parse()?;
        let first: Type = input.parse()?;
        let (trait_, self_ty) = if input.peek(Token![for]) {
            let path = match ungrouped(&first) {
                Type::Path(path) => path.path.clone(),
                other => return Err(syn::Error::new_spanned(other, "expected a trait")),
            };
            (Some((path, input.parse()?)), input.parse()?)
        } else {
            (None, first)
        };
        generics.where_clause = input.parse()?;
        let content;
        syn::braced!(content in input);
        attributes.extend(content.call(Attribute::parse_inner)?);
        let mut members = Vec::new();
        while !content.is_empty() {
            members.push(content.parse()?);
        }
        Ok(Self { attributes, unsafety, impl_token, generics, trait_, self_ty, members })
    }
}

impl Parse for Member {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if is_method(&input.fork()) {
            return input.parse().map(|method| Self::Method(Box::new(method)));
        }
        let item: ImplItem = input.parse()?;
        Ok(Self::Other(item.into_token_stream()))
    }
}

fn is_method(ahead: ParseStream<'_>) -> bool {
    let looks = || -> syn::Result<bool> {
        ahead.call(Attribute::parse_outer)?;
        ahead.parse::<Visibility>()?;
        loop {
            if ahead.peek(Token![fn]) {
                return Ok(true);
            }
            if ahead.peek(Token![const]) && (ahead.peek2(Token![_]) || ahead.peek2(Ident)) {
                return Ok(false);
            }
            let is_modifier = ahead.peek(Token![const])
                || ahead.peek(Token![async])
                || ahead.peek(Token![unsafe])
                || ahead.peek(Token![extern])
                || ahead.peek(Token![default])
                || ahead.peek(syn::LitStr);
            if !is_modifier {
                return Ok(false);
            }
            ahead.parse::<proc_macro2::TokenTree>()?;
        }
    };
    looks().unwrap_or(false)
}

impl Parse for Method {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (helpers, attributes) = input
            .call(Attribute::parse_outer)?
            .into_iter()
            .partition(|attribute| HELPERS.iter().any(|helper| attr::is(attribute, helper)));
        let visibility = input.parse()?;
        let defaultness = input.parse()?;
        let signature = input.parse()?;
        let body: Group = input.parse()?;
        if body.delimiter() != Delimiter::Brace {
            return Err(syn::Error::new(body.span(), "expected the body of the method"));
        }
        Ok(Self { attributes, helpers, visibility, defaultness, signature, body })
    }
}

impl ToTokens for Block {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attributes, unsafety, impl_token, generics, trait_, self_ty, members } = self;
        let (parameters, where_clause) = (&generics, &generics.where_clause);
        let trait_ = trait_.as_ref().map(|(path, for_token)| quote!(#path #for_token));
        let (outer, inner): (Vec<_>, Vec<_>) =
            attributes.iter().partition(|attribute| matches!(attribute.style, syn::AttrStyle::Outer));
        tokens.extend(quote! {
            #(#outer)* #unsafety #impl_token #parameters #trait_ #self_ty #where_clause { #(#inner)* #(#members)* }
        });
    }
}

impl ToTokens for Member {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Method(method) => method.to_tokens(tokens),
            Self::Other(other) => other.to_tokens(tokens),
        }
    }
}

impl ToTokens for Method {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attributes, helpers: _, visibility, defaultness, signature, body } = self;
        tokens.extend(quote!(#(#attributes)* #visibility #defaultness #signature #body));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(tokens: TokenStream) -> Block {
        syn::parse2(tokens).expect("the block parses")
    }

    #[test]
    fn echoes_everything_but_the_helpers() {
        let block = block(quote! {
            #[doc = "x"]
            impl Http {
                const A: u8 = 1;
                type B = u8;
                #[doc = "y"] #[minions::untracked] pub(crate) async fn get<'a, T: Copy>(&'a self, (a, b): (T, T)) -> u8 where T: Copy { 1 }
                pub const fn two() -> u8 { 2 }
                some_macro!();
            }
        });
        let names: Vec<_> = block.methods().map(Method::name).collect();
        assert_eq!(names, ["get", "two"]);
        assert!(block.methods().next().unwrap().helper("untracked").is_some());
        assert_eq!(
            block.to_token_stream().to_string(),
            quote! {
                #[doc = "x"]
                impl Http {
                    const A: u8 = 1;
                    type B = u8;
                    #[doc = "y"] pub(crate) async fn get<'a, T: Copy>(&'a self, (a, b): (T, T)) -> u8 where T: Copy { 1 }
                    pub const fn two() -> u8 { 2 }
                    some_macro!();
                }
            }
            .to_string()
        );
    }

    #[test]
    fn a_half_written_body_is_kept() {
        let block = block(quote!(impl Http { async fn get(&self) { self.client. } }));
        assert_eq!(block.methods().count(), 1);
        assert!(block.to_token_stream().to_string().contains("self . client ."));
    }

    #[test]
    fn receivers() {
        let block = block(quote!(impl A {
            fn a() {} fn b(&self) {} fn c(&mut self) {} fn d(self) {} fn e(self: Box<Self>) {}
        }));
        let taken: Vec<_> = block.methods().map(Method::receiver).collect();
        assert!(matches!(
            taken[..],
            [Taken::Nothing, Taken::Shared, Taken::Exclusive, Taken::Other(_), Taken::Other(_)]
        ));
    }

    #[test]
    fn trait_impls_are_seen() {
        let block = block(quote!(
            impl<T> Clone for A<T>
            where
                T: Clone,
            {
                fn clone(&self) -> Self {
                    loop {}
                }
            }
        ));
        assert!(block.trait_.is_some() && !block.generics.params.is_empty());
        assert_eq!(block.ident().unwrap(), "A");
    }
}
