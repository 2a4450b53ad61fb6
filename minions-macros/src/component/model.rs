//! The struct half as facts: name, fields and what fills them.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, Fields, GenericParam, Ident, Index, ItemStruct, Meta, Type};

use crate::attr::{self, Arguments, Refused};
use crate::diag::Diagnostics;
use crate::kind::Kind;
use crate::name;
use crate::paths::Root;

use super::restart::Restart;

/// An annotated struct.
pub(crate) struct Component {
    pub(crate) kind: Kind,
    pub(crate) root: Root,
    pub(crate) ident: Ident,
    /// The declared name: configuration section and label.
    pub(crate) name: String,
    /// The declared identity, if it is not the name.
    pub(crate) id: Option<String>,
    /// The declared policy.
    pub(crate) restart: Option<Restart>,
    pub(crate) fields: Vec<Field>,
    /// False when the struct cannot be a component at all, generic for example.
    pub(crate) is_sound: bool,
}

/// One field.
pub(crate) struct Field {
    pub(crate) member: syn::Member,
    pub(crate) ty: Type,
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) default: Option<FieldDefault>,
}

/// `#[default]` or `#[default(expr)]`.
pub(crate) struct FieldDefault {
    pub(crate) value: Option<Expr>,
}

const BEHAVIOUR: &str = "it is behaviour and belongs to the impl: `#[pipeline(..)] impl ..`";
const STEPS: &str = "it belongs to the impl, with the steps: `#[minion(..)] impl ..`";
const EMITS: Refused = Refused { key: "emits", place: STEPS };
const VERSION: Refused = Refused { key: "version", place: STEPS };
const HISTORY: Refused = Refused { key: "history", place: STEPS };
const FAILURES: Refused = Refused { key: "failures", place: STEPS };
const NOT_A_MINION: Refused = Refused { key: "emits", place: "only a minion emits events: with its checkpoints" };
const BACKGROUND: Refused = Refused { key: "background", place: BEHAVIOUR };
const IDLE: Refused = Refused { key: "idle", place: BEHAVIOUR };

impl Component {
    /// Reads an annotated struct; its helper attributes are taken out of `item`.
    pub(crate) fn parse(kind: Kind, arguments: TokenStream, item: &mut ItemStruct, diag: &mut Diagnostics) -> Self {
        let is_sound = check_generics(kind, item, diag);
        let mut arguments = Arguments::parse(arguments, diag);
        let root = arguments.path("crate", diag).map(Root::new).unwrap_or_default();
        let declared = arguments.string("name", diag);
        let name = name::component(declared.as_ref(), &item.ident, diag);
        let id = arguments.string("id", diag).and_then(|literal| name::id(&literal, diag));
        let restart = arguments.take("restart").and_then(|argument| Restart::parse(argument, diag));
        let refused: &[Refused] = match kind {
            Kind::Resource => &[NOT_A_MINION],
            Kind::Pipeline => &[NOT_A_MINION, BACKGROUND, IDLE],
            Kind::Minion => &[EMITS, VERSION, HISTORY, FAILURES],
        };
        arguments.finish(&["name", "id", "restart", "crate"], refused, diag);
        let fields = fields(kind, &mut item.fields, diag);
        Self { kind, root, ident: item.ident.clone(), name, id, restart, fields, is_sound }
    }
}

fn check_generics(kind: Kind, item: &ItemStruct, diag: &mut Diagnostics) -> bool {
    let word = kind.word();
    for parameter in &item.generics.params {
        match parameter {
            GenericParam::Lifetime(lifetime) => diag.at(
                lifetime,
                format!("a {word} cannot borrow: it lives as long as the application; own the data, or share it through `Dep<T>`"),
            ),
            GenericParam::Type(_) | GenericParam::Const(_) => diag.at(
                parameter,
                format!(
                    "a {word} cannot be generic: one live instance is shared per type; name the concrete type, or wrap it: `struct Concrete({}<..>)`",
                    item.ident
                ),
            ),
        }
    }
    if item.generics.params.is_empty()
        && let Some(clause) = &item.generics.where_clause
    {
        diag.at(clause, format!("a {word} cannot have a `where` clause: its type is concrete; remove the clause"));
    }
    item.generics.params.is_empty() && item.generics.where_clause.is_none()
}

fn fields(kind: Kind, fields: &mut Fields, diag: &mut Diagnostics) -> Vec<Field> {
    let mut found = Vec::new();
    for (index, field) in fields.iter_mut().enumerate() {
        let mut default = None;
        let (helpers, others) = field.attrs.drain(..).partition(|attribute| attr::is(attribute, "default"));
        field.attrs = others;
        let helpers: Vec<Attribute> = helpers;
        for helper in &helpers {
            if default.is_some() {
                diag.at(helper, "`#[default]` is given twice; keep one of them");
            } else {
                default = Some(field_default(helper, diag));
            }
        }
        let conditions = attr::conditions(&field.attrs);
        let member = match &field.ident {
            Some(ident) => syn::Member::Named(ident.clone()),
            None => {
                syn::Member::Unnamed(Index { index: u32::try_from(index).unwrap_or(u32::MAX), span: field.ty.span() })
            }
        };
        if field.ident.is_none()
            && let Some(condition) = conditions.first()
        {
            diag.at(
                condition,
                format!("a tuple field of a {} cannot be conditional; give the fields names", kind.word()),
            );
        }
        found.push(Field { member, ty: field.ty.clone(), conditions, default });
    }
    found
}

fn field_default(helper: &Attribute, diag: &mut Diagnostics) -> FieldDefault {
    let value = match &helper.meta {
        Meta::Path(_) => None,
        Meta::List(list) => match syn::parse2(list.tokens.clone()) {
            Ok(expr) => Some(expr),
            Err(_) => {
                diag.at(helper, "`#[default(..)]` takes one expression: `#[default(Duration::from_secs(3))]`");
                None
            }
        },
        Meta::NameValue(pair) => {
            let value = pair.value.to_token_stream();
            diag.at(helper, format!("the value stands in parentheses: `#[default({value})]`"));
            Some(pair.value.clone())
        }
    };
    FieldDefault { value }
}

impl FieldDefault {
    /// The value of the field.
    pub(crate) fn tokens(&self, ty: &Type, root: &Root) -> TokenStream {
        match &self.value {
            Some(expr) => quote!(#expr),
            None => {
                let private = root.private_at(ty.span());
                quote_spanned! {ty.span()=>
                    <#private::Answer<{ <#private::Probe<#ty>>::INJECT.is_some() }> as #private::DefaultField<#ty>>::value()
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: Kind, arguments: TokenStream, item: TokenStream) -> (Component, ItemStruct, Vec<String>) {
        let mut item = syn::parse2(item).expect("the struct parses");
        let mut diag = Diagnostics::new();
        let component = Component::parse(kind, arguments, &mut item, &mut diag);
        (component, item, diag.messages())
    }

    #[test]
    fn reads_the_struct() {
        let (component, item, seen) = parse(
            Kind::Pipeline,
            quote!(name = "feed"),
            quote!(
                pub struct Scan {
                    a: Dep<A>,
                    #[cfg(unix)]
                    #[default(3)]
                    b: u8,
                }
            ),
        );
        assert!(seen.is_empty(), "{seen:?}");
        assert_eq!(component.name, "feed");
        assert!(component.fields[0].default.is_none());
        assert!(component.fields[1].default.as_ref().unwrap().value.is_some());
        assert_eq!(component.fields[1].conditions.len(), 1);
        assert!(!item.to_token_stream().to_string().contains("default"));
    }

    #[test]
    fn tuple_and_unit_structs() {
        let (component, _, seen) = parse(
            Kind::Minion,
            quote!(),
            quote!(
                struct M(Dep<A>, #[default] u8);
            ),
        );
        assert!(seen.is_empty());
        assert!(matches!(component.fields[1].member, syn::Member::Unnamed(Index { index: 1, .. })));
        assert!(
            parse(
                Kind::Minion,
                quote!(),
                quote!(
                    struct M;
                )
            )
            .0
            .fields
            .is_empty()
        );
    }

    #[test]
    fn identity_and_policy_can_be_declared() {
        let declared = |arguments| {
            parse(
                Kind::Resource,
                arguments,
                quote!(
                    struct Http;
                ),
            )
        };
        let (component, _, seen) = declared(quote!(id = "web", restart = "never"));
        assert!(seen.is_empty(), "{seen:?}");
        assert_eq!((component.name.as_str(), component.id.as_deref()), ("http", Some("web")));
        assert!(component.restart.is_some());
        let (component, _, seen) = declared(quote!(id = "Web/2"));
        assert!(component.id.is_none() && component.restart.is_none());
        assert!(seen.len() == 1 && seen[0].contains("ascii snake case"), "{seen:?}");
    }

    #[test]
    fn generics_are_refused() {
        let (component, _, seen) = parse(
            Kind::Resource,
            quote!(),
            quote!(
                struct Cache<'a, T, const N: usize> {
                    t: &'a [T; N],
                }
            ),
        );
        assert!(!component.is_sound);
        assert_eq!(seen.len(), 3);
        assert!(seen[0].starts_with("a resource cannot borrow"));
        assert!(seen[1].contains("`struct Concrete(Cache<..>)`"));
        let (_, _, seen) = parse(
            Kind::Resource,
            quote!(),
            quote!(
                struct A
                where
                    u8: Copy;
            ),
        );
        assert!(seen[0].contains("`where` clause"));
    }

    #[test]
    fn arguments_of_other_places() {
        let (_, _, seen) = parse(
            Kind::Pipeline,
            quote!(background, idle = "1s", emits(A), nam = "y"),
            quote!(
                struct A;
            ),
        );
        assert!(seen[0].contains("argument `background` does not belong here"));
        assert!(seen[1].contains("belongs to the impl"));
        assert!(seen[2].contains("only a minion emits events"));
        assert!(seen[3].contains("did you mean `name`?"));
    }

    #[test]
    fn wrong_defaults() {
        let (_, _, seen) = parse(
            Kind::Resource,
            quote!(),
            quote!(
                struct A {
                    #[default = 3]
                    a: u8,
                    #[default]
                    #[default]
                    b: u8,
                    #[default(a b)]
                    c: u8,
                }
            ),
        );
        assert_eq!(seen.len(), 3);
        assert!(seen[0].contains("`#[default(3)]`"));
        assert!(seen[1].contains("twice"));
        assert!(seen[2].contains("takes one expression"));
    }
}
