//! `#[minion]` on an impl: the steps of a workflow, and the hooks.

use proc_macro2::TokenStream;

use crate::attr::{Arguments, Refused, Why};
use crate::block::Block;
use crate::diag::Diagnostics;
use crate::half;
use crate::hooks::Hooks;
use crate::kind::Kind;
use crate::paths::Root;

mod expand;
mod jump;
mod model;
mod step;

const REFUSED: [Refused; 6] = [
    half::NAME,
    half::ID,
    half::RESTART,
    Refused { key: "emits", why: Why::NotYet("leave it out, and let a pipeline produce the event") },
    Refused { key: "background", why: Why::Elsewhere("only a pipeline can be in the background") },
    Refused { key: "idle", why: Why::Elsewhere("only a pipeline is ever idle") },
];

/// Everything the impl half of a minion adds; wrong jumps in the block are replaced.
pub(crate) fn expand(root: &Root, arguments: Arguments, block: &mut Block, diag: &mut Diagnostics) -> TokenStream {
    arguments.finish(&["crate"], &REFUSED, diag);
    jump::check(block, diag);
    let steps = model::steps(block, diag);
    let hooks = Hooks::check(Kind::Minion, block, diag);
    if block.methods().all(|method| method.helper("minion_step").is_none()) {
        diag.at(
            &block.self_ty,
            "this minion has no step: mark at least one method `#[minion_step]`, for example `async fn handle(&self, event: &E, context: &mut C) -> Result<()>`",
        );
    }
    expand::minion(root, block, &hooks, &steps)
}
