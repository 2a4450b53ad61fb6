//! Expansions compared with the files in `tests/expand`.
//!
//! A proc-macro crate exports nothing else, hence these tests live inside it. `BLESS=1 cargo test -p minions-macros`
//! rewrites the expected files; review them like prose.

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, File, Item};

use crate::kind::Kind;
use crate::{attr, entry};

#[test]
fn expansions_are_as_reviewed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
    let bless = std::env::var_os("BLESS").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    let mut count = 0;
    for input in inputs(&folder) {
        count += 1;
        let expected = input.with_extension("expanded.rs");
        let actual = expand(&read(&input));
        if bless {
            fs::write(&expected, &actual).expect("the snapshot can be written");
        } else if fs::read_to_string(&expected).unwrap_or_default() != actual {
            wrong.push(format!("{}:\n{actual}", expected.display()));
        }
    }
    assert!(count > 0, "no snapshot was found in {}", folder.display());
    assert!(wrong.is_empty(), "run again with BLESS=1 if these expansions are right:\n{}", wrong.join("\n"));
}

#[test]
fn no_snapshot_is_left_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if let Some(name) = path.to_string_lossy().strip_suffix(".expanded.rs") {
            assert!(Path::new(&format!("{name}.rs")).exists(), "{} has no input", path.display());
        }
    }
}

fn inputs(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut inputs: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| !path.to_string_lossy().ends_with(".expanded.rs"))
        .collect();
    inputs.sort();
    inputs
}

fn read(path: &Path) -> File {
    let text = fs::read_to_string(path).expect("the input can be read");
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{} does not parse: {error}", path.display()))
}

/// Expands every item that carries one of our attributes, and every `app!`.
fn expand(file: &File) -> String {
    let items: TokenStream = file.items.iter().map(item).collect();
    let file =
        syn::parse2(items.clone()).unwrap_or_else(|error| panic!("the expansion does not parse: {error}\n{items}"));
    prettyplease::unparse(&file)
}

fn item(item: &Item) -> TokenStream {
    let mut item = item.clone();
    let attributes = match &mut item {
        Item::Struct(item) => &mut item.attrs,
        Item::Enum(item) => &mut item.attrs,
        Item::Impl(item) => &mut item.attrs,
        Item::Macro(item) if item.mac.path.segments.last().is_some_and(|segment| segment.ident == "app") => {
            let tokens = &item.mac.tokens;
            return entry::app(quote!([::minions] #tokens));
        }
        _ => return item.to_token_stream(),
    };
    let Some(at) = attributes.iter().position(|attribute| kind(attribute).is_some()) else {
        let derives = attributes.iter().any(|attribute| {
            attr::is(attribute, "derive") && attr::predicate(attribute).to_string().contains("Failure")
        });
        let derived = derives.then(|| entry::failure(&item.to_token_stream()));
        let item = item.to_token_stream();
        return quote!(#item #derived);
    };
    let attribute = attributes.remove(at);
    let kind = kind(&attribute).expect("it was found by its kind");
    let arguments = match &attribute.meta {
        syn::Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    entry::component(kind, arguments, &item.to_token_stream())
}

fn kind(attribute: &Attribute) -> Option<Kind> {
    [Kind::Resource, Kind::Pipeline, Kind::Minion].into_iter().find(|kind| attr::is(attribute, kind.word()))
}
