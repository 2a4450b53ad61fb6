//! The struct half as tokens.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::visit_mut::{self, VisitMut};
use syn::{Ident, Type};

use crate::kind::Kind;
use crate::paths::Root;

use super::model::{Component, Field};

/// Everything a struct half adds; nothing when it can never be a component.
pub(crate) fn component(component: &Component) -> TokenStream {
    if !component.is_sound {
        return TokenStream::new();
    }
    let private = component.root.private();
    let ident = &component.ident;
    let implementation = implementation(component, &private);
    let checks: TokenStream = component.fields.iter().map(|field| check(component, field)).collect();
    let half = half(component.kind, ident, &component.root);
    let graph = (component.kind == Kind::Resource).then(|| graph(component, &private));
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use #private::{NoProbe as _, graph::NoBranch as _};
            #implementation
            #checks
            #half
            #graph
        };
    }
}

fn implementation(component: &Component, private: &TokenStream) -> TokenStream {
    let Component { ident, name, id, restart, fields, .. } = component;
    let id = id.as_ref().map(|id| quote!(const ID: &'static str = #id;));
    let restart = restart.as_ref().map(|restart| {
        let policy = restart.tokens(private);
        quote! {
            const RESTART: ::core::option::Option<#private::RestartPolicy> = ::core::option::Option::Some(#policy);
        }
    });
    let location = quote_spanned! {ident.span()=>
        #private::Location::new(::core::file!(), ::core::line!(), ::core::column!())
    };
    let needs = fields.iter().filter(|field| field.default.is_none()).map(|field| {
        let (ty, conditions) = (field.named_type(ident), &field.conditions);
        quote!(#(#conditions)* <#private::Probe<#ty>>::NEED)
    });
    let values = fields.iter().map(|field| {
        let Field { member, conditions, .. } = field;
        let ty = field.named_type(ident);
        let value = match &field.default {
            Some(default) => default.tokens(&ty, &component.root),
            None => quote!(#private::fill::<#ty>(cx, <#private::Probe<#ty>>::INJECT)?),
        };
        quote!(#(#conditions)* #member: #value)
    });
    quote! {
        #[automatically_derived]
        impl #private::Component for #ident {
            const NAME: &'static str = #name;
            #id
            #restart
            const LOCATION: #private::Location = #location;
            const FIELDS: &'static [#private::Need] = {
                const NEEDS: &[::core::option::Option<#private::Need>] = &[#(#needs),*];
                &#private::needs::<{ #private::count(NEEDS) }>(NEEDS)
            };

            #[allow(unused_variables)]
            fn assemble(cx: &#private::Assembly) -> #private::Result<Self> {
                ::core::result::Result::Ok(Self { #(#values),* })
            }
        }
    }
}

/// One check for each rule that only the compiler can decide, spanned on the field's type.
fn check(component: &Component, field: &Field) -> TokenStream {
    let (ident, conditions) = (&component.ident, &field.conditions);
    let span = field.ty.span();
    let ty = field.named_type(ident);
    let private = component.root.private_at(span);
    if field.default.is_some() {
        return quote_spanned! {span=>
            #(#conditions)*
            const _: fn() = || #private::assert_not_injected::<
                #private::Answer<{ <#private::Probe<#ty>>::INJECT.is_some() && !<#private::Probe<#ident>>::CREATES }>,
            >();
            #(#conditions)*
            const _: fn() = || #private::assert_not_created::<
                #private::Answer<{ <#private::Probe<#ident>>::CREATES }>,
            >();
        };
    }
    quote_spanned! {span=>
        #(#conditions)*
        const _: fn() = || #private::assert_field::<#ty, {
            <#private::Probe<#ident>>::CREATES
                || !<#private::Probe<#ident>>::HAS_IMPL
                || <#private::Probe<#ty>>::IS_DEP
        }>();
        #(#conditions)*
        const _: fn() = || <#private::Probe<#ty>>::check_dep();
    }
}

/// The assertion that the other half is annotated too.
fn half(kind: Kind, ident: &Ident, root: &Root) -> TokenStream {
    let span = ident.span();
    let private = root.private_at(span);
    let assertion = format_ident!("assert_{}_impl", kind.word(), span = span);
    quote_spanned!(span=> const _: fn() = || #private::#assertion::<#ident>();)
}

/// The fields' part of the tree in which the compiler looks for cycles, and the search itself.
fn graph(component: &Component, private: &TokenStream) -> TokenStream {
    let ident = &component.ident;
    let branches = component.fields.iter().filter(|field| field.default.is_none()).map(|field| {
        let (ty, conditions) = (field.named_type(ident), &field.conditions);
        quote!(#(#conditions)* <#private::graph::Branch<#ty, D>>::TREE)
    });
    let span = ident.span();
    let private_here = component.root.private_at(span);
    let search = quote_spanned! {span=>
        const _: () = if let ::core::option::Option::Some(message) =
            #private_here::graph::cycle(<#private_here::graph::Root<#ident>>::TREE)
        {
            ::core::panic!("{}", message.as_str())
        };
    };
    let tree = tree(ident, "__MinionsFields", &quote!(#(#branches),*), private);
    quote! {
        #tree
        impl #private::graph::Fields for #ident {
            type At<D: #private::graph::Depth> = __MinionsFields<D>;
        }
        #search
    }
}

/// A type `name<D>` whose tree has these branches.
pub(crate) fn tree(ident: &Ident, name: &str, branches: &TokenStream, private: &TokenStream) -> TokenStream {
    let name = format_ident!("{name}");
    quote! {
        #[allow(missing_debug_implementations, unreachable_pub)]
        pub struct #name<D>(::core::marker::PhantomData<D>);
        impl<D: #private::graph::Depth> #private::graph::Listed for #name<D> {
            const TREE: &'static #private::graph::Tree = &#private::graph::Tree {
                path: ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#ident)),
                name: ::core::stringify!(#ident),
                needs: &[#branches],
            };
        }
    }
}

/// What stands in for a type that cannot be a component, so that its impl and its users add no errors.
pub(crate) fn stub(ident: &Ident) -> TokenStream {
    let private = Root::default().private();
    let name = ident.to_string();
    quote! {
        #[automatically_derived]
        impl #private::Component for #ident {
            const NAME: &'static str = #name;
            fn assemble(cx: &#private::Assembly) -> #private::Result<Self> {
                #private::broken(cx)
            }
        }
    }
}

impl Field {
    /// The type with `Self` spelt out, so that it can stand outside the struct.
    fn named_type(&self, ident: &Ident) -> Type {
        let mut ty = self.ty.clone();
        NameSelf(ident).visit_type_mut(&mut ty);
        ty
    }
}

struct NameSelf<'a>(&'a Ident);

impl VisitMut for NameSelf<'_> {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        if let Some(first) = path.segments.first_mut()
            && first.ident == "Self"
        {
            first.ident = Ident::new(&self.0.to_string(), first.ident.span());
        }
        visit_mut::visit_path_mut(self, path);
    }
}
