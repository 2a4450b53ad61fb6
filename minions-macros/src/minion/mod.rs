//! `#[minion]` on an impl: the steps of a workflow, and the hooks.

use proc_macro2::TokenStream;

use crate::attr::Arguments;
use crate::block::Block;
use crate::diag::Diagnostics;
use crate::hooks::Hooks;
use crate::kind::Kind;
use crate::paths::Root;

mod arguments;
mod expand;
mod jump;
mod model;
mod step;

use arguments::Declared;

/// Everything the impl half of a minion adds; wrong jumps in the block are replaced.
pub(crate) fn expand(root: &Root, arguments: Arguments, block: &mut Block, diag: &mut Diagnostics) -> TokenStream {
    let declared = Declared::parse(arguments, diag);
    jump::check(block, diag);
    let steps = model::steps(block, diag);
    let hooks = Hooks::check(Kind::Minion, block, diag);
    declared.check_version(&hooks, diag);
    declared.check_lane(&hooks, diag);
    for hook in hooks.all("accept").chain(hooks.all("lane")) {
        step::check_event(hook, diag);
    }
    if block.methods().all(|method| method.helper("minion_step").is_none()) {
        diag.at(
            &block.self_ty,
            "this minion has no step: mark at least one method `#[minion_step]`, for example `async fn handle(&self, event: &E, context: &mut C) -> Result<()>`",
        );
    }
    expand::minion(root, block, &declared, &hooks, &steps)
}
