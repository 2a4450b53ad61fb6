//! The impl half: what the three kinds share between reading the block and writing the trait.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, Type};

use crate::attr::{Arguments, Refused};
use crate::block::{Block, ungrouped};
use crate::diag::Diagnostics;
use crate::hooks::Hooks;
use crate::kind::Kind;
use crate::paths::Root;
use crate::{limit, minion, pipeline, resource, track};

/// Expands an annotated impl; the block itself is always there in the output.
pub(crate) fn expand(kind: Kind, arguments: TokenStream, block: Block) -> TokenStream {
    let mut block = block;
    let mut diag = Diagnostics::new();
    let mut arguments = Arguments::parse(arguments, &mut diag);
    let root = arguments.path("crate", &mut diag).map(Root::new).unwrap_or_default();
    let is_sound = check_type(kind, &block, &mut diag);
    check_helpers(kind, &block, &mut diag);
    let generated = if block.trait_.is_some() {
        TokenStream::new()
    } else {
        match kind {
            Kind::Resource => resource::expand(&root, arguments, &block, &mut diag),
            Kind::Pipeline => pipeline::expand(&root, arguments, &block, &mut diag),
            Kind::Minion => minion::expand(&root, arguments, &mut block, &mut diag),
        }
    };
    if kind == Kind::Resource && is_sound {
        track::wrap(&mut block, &root);
    }
    let generated = is_sound.then_some(generated);
    let errors = diag.finish();
    quote!(#block #generated #errors)
}

/// The arguments of a struct half, which people also try on the impl.
const ON_STRUCT: &str = "it says what the component is and belongs to the struct";
pub(crate) const NAME: Refused = Refused { key: "name", place: ON_STRUCT };
pub(crate) const ID: Refused = Refused { key: "id", place: ON_STRUCT };
pub(crate) const RESTART: Refused = Refused { key: "restart", place: ON_STRUCT };

/// One live instance is shared per type, hence a concrete type; and only its own impl is ours.
fn check_type(kind: Kind, block: &Block, diag: &mut Diagnostics) -> bool {
    let word = kind.word();
    if let Some((path, _)) = &block.trait_ {
        let name = block.ident().map_or_else(|| "..".to_owned(), ToString::to_string);
        diag.at(
            path,
            format!("`#[{word}]` goes on the inherent impl, `impl {name}`, not on the impl of a trait; move it there"),
        );
        return false;
    }
    let before = diag.count();
    if block.generics.params.is_empty() {
        if let Some(clause) = &block.generics.where_clause {
            diag.at(
                clause,
                format!("the impl of a {word} cannot have a `where` clause: its type is concrete; remove it"),
            );
        }
    } else {
        diag.at(
            &block.generics.params,
            format!("the impl of a {word} cannot be generic or borrow: one live instance is shared per type; name the concrete type"),
        );
    }
    match ungrouped(&block.self_ty) {
        Type::Path(path)
            if path.qself.is_none()
                && path.path.segments.iter().all(|segment| segment.arguments.is_none()) => {}
        _ if diag.count() > before => {}
        other => diag.at(
            other,
            format!("a {word} is a struct without parameters; wrap this type, and put `#[{word}]` on the wrapper and its impl"),
        ),
    }
    diag.count() == before
}

/// Our attributes on methods that cannot carry them.
fn check_helpers(kind: Kind, block: &Block, diag: &mut Diagnostics) {
    for method in block.methods() {
        for helper in &method.helpers {
            let word = crate::attr::path_word(helper.path());
            match (word.as_str(), kind) {
                ("minion_step", Kind::Resource | Kind::Pipeline) => {
                    diag.at(
                        helper,
                        format!("`#[minion_step]` marks a method of a `#[minion]` impl, and this is a {}", kind.word()),
                    );
                }
                ("limit", Kind::Resource) => limit::check(method, helper, diag),
                ("limit", _) => {
                    diag.at(
                        helper,
                        "`#[limit]` goes on a public async method of a `#[resource]`: limits live in what is shared",
                    );
                }
                _ => {}
            }
        }
        for word in ["minion_step", "untracked"] {
            let mut same = method.helpers.iter().filter(|helper| crate::attr::is(helper, word));
            if let (Some(_), Some(second)) = (same.next(), same.next()) {
                diag.at(second, format!("`#[{word}]` is given twice; keep one of them"));
            }
        }
        if let (Some(_), Some(helper)) = (method.helper("minion_step"), method.helper("untracked")) {
            diag.at(helper, "a step is never tracked as a resource method; remove `#[untracked]`");
        }
    }
}

/// The hooks that forward to methods of the same name, and what every impl half says of itself.
pub(crate) fn markers(kind: Kind, ty: &Type, creates: bool, private: &TokenStream) -> TokenStream {
    let marker = format_ident!("{}Impl", kind.trait_name());
    quote! {
        #[automatically_derived]
        impl #private::#marker for #ty {}
        #[automatically_derived]
        impl #private::ImplHalf for #ty {
            const CREATES: bool = #creates;
        }
    }
}

/// The type's own name, where a name has to be printed.
pub(crate) fn ident(block: &Block) -> Ident {
    block.ident().cloned().unwrap_or_else(|| format_ident!("Component"))
}

/// Whether `create` is there, well-formed or not: the fields are ordinary then.
pub(crate) fn creates(block: &Block, hooks: &Hooks<'_>) -> bool {
    hooks.get("create").is_some() || block.methods().any(|method| method.name() == "create")
}
