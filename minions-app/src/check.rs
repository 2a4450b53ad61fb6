//! `check`: whether the program would start.

use minions_core::component::Kind;

use crate::output::answer;
use crate::prepare::Prepared;
use crate::text;

pub(crate) fn check(prepared: &Prepared) {
    let manifest = &prepared.manifest;
    let of = |kind| manifest.components.iter().filter(|entry| entry.kind == kind).count() as u64;
    let configuration = match &prepared.file {
        Some(file) => format!("configuration from {}", file.display()),
        None => "no configuration file".to_owned(),
    };
    answer(format_args!(
        "ok: {}, {}, {}, {}; {configuration}",
        text::count(manifest.orchestrations.len() as u64, "orchestration"),
        text::count(of(Kind::Pipeline), "pipeline"),
        text::count(of(Kind::Minion), "minion"),
        text::count(of(Kind::Resource), "resource"),
    ));
}
