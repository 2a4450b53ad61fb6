//! `app!` as tokens.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned as _;

use super::model::{App, Edge, Facade, InFlight};

/// The type, its functions and `main`.
pub(crate) fn app(facade: &Facade, app: &App) -> TokenStream {
    let Facade { root, has_main } = facade;
    let header = &app.header;
    let (attributes, visibility, ident) = (&header.attributes, &header.visibility, &header.ident);
    let lines = app.edges.iter().map(|edge| line(root, edge));
    let arguments = match &header.args {
        Some(ty) => quote!(#ty),
        None => quote!(#root::__private::NoArgs),
    };
    let run = has_main.then(|| {
        quote! {
            /// Runs the generated command line on the arguments of the process.
            pub fn main() -> ::std::process::ExitCode {
                #root::__private::main::<#arguments>(Self::builder())
            }
        }
    });
    // Without the part that it runs, an empty `main` keeps the compiler from reporting that there is none.
    let body = if *has_main { quote!(#ident::main()) } else { quote!(::std::process::ExitCode::FAILURE) };
    let main = (!header.no_main).then(|| {
        quote! {
            fn main() -> ::std::process::ExitCode {
                #body
            }
        }
    });
    quote! {
        #(#attributes)*
        #visibility struct #ident;

        #[allow(dead_code, unreachable_pub)]
        impl #ident {
            /// The orchestrations of this program, for tests and for embedding it.
            pub fn builder() -> #root::GruBuilder {
                let builder = #root::GruBuilder::new();
                #(#lines)*
                builder
            }

            #run
        }

        #main
    }
}

/// Checks one line where its two sides meet, and adds it to the builder.
///
/// The aliases name each side once, so that an unknown name is one error. A line that does not fit is not added: the
/// check has reported it.
fn line(root: &Path, edge: &Edge) -> TokenStream {
    let Edge { pipeline, minion, config, id, max_in_flight, start, .. } = edge;
    let left = Ident::new("__MinionsPipeline", pipeline.span());
    let right = Ident::new("__MinionsMinion", minion.span());
    let source = quote_spanned!(pipeline.span()=> const _: fn() = || #root::__private::assert_source::<#left>(););
    let check = quote_spanned! {minion.span()=>
        const _: fn() = || #root::__private::edge::<#left, #right, { <#root::__private::Probe<#left>>::IS_SOURCE }>();
    };
    let config = config.as_ref().map(|config| quote!(.config(#config)));
    let id = id.as_ref().map(|id| quote!(.id(#id)));
    let max_in_flight = max_in_flight.as_ref().map(|workflows| match workflows {
        InFlight::AtMost(workflows) => quote!(.max_in_flight(#workflows)),
        InFlight::Unlimited => quote!(.max_in_flight(::core::primitive::usize::MAX)),
    });
    let start = start.as_ref().map(|start| quote!(.start(#start)));
    quote! {
        let builder = {
            #[allow(unused_imports)]
            use #root::__private::{NoLine as _, NoProbe as _};
            type #left = #pipeline;
            type #right = #minion;
            #source
            #check
            <#root::__private::Line<#left, #right>>::add(
                builder,
                #root::gru::OrchestrationOptions::default() #config #id #max_in_flight #start,
            )
        };
    }
}
