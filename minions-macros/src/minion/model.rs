//! The steps of a minion, and what they agree on.

use syn::Type;

use crate::block::Block;
use crate::diag::Diagnostics;
use crate::text::spelled;

use super::step::Step;

/// Reads the steps in order.
pub(crate) fn steps(block: &Block, diag: &mut Diagnostics) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for method in block.methods() {
        let Some(helper) = method.helper("minion_step") else {
            continue;
        };
        let Some(step) = Step::parse(method, helper, diag) else {
            continue;
        };
        // Two methods of one name are two conditional versions of one step, or an error of the compiler.
        if let Some(other) = steps.iter().find(|other| other.name == step.name && other.ident != step.ident) {
            diag.span(
                step.name_span,
                format!(
                    "the step `{}` is stored as `{}` already, and so is `{}`; every step has its own name",
                    other.ident, other.name, step.ident
                ),
            );
        }
        steps.push(step);
    }
    steps
}

/// The spelling most steps use, the first of equals: the odd one out is reported, not the majority.
pub(crate) fn majority<'a>(steps: &'a [Step], of: impl Fn(&'a Step) -> &'a Type) -> Option<&'a Type> {
    let spellings: Vec<String> = steps.iter().map(|step| spelled(of(step))).collect();
    let count = |spelling: &String| spellings.iter().filter(|other| *other == spelling).count();
    let best = spellings.iter().map(count).max()?;
    let at = spellings.iter().position(|spelling| count(spelling) == best)?;
    steps.get(at).map(of)
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the calls read better without a borrow")]
    fn read(methods: TokenStream) -> (Vec<Step>, Vec<String>) {
        let block: Block = syn::parse2(quote!(impl W { #methods })).expect("the block parses");
        let mut diag = Diagnostics::new();
        let steps = steps(&block, &mut diag);
        (steps, diag.messages())
    }

    #[test]
    fn the_majority_spells_the_event() {
        let (steps, seen) = read(quote! {
            #[minion_step] async fn a(&self, e: &Odd, c: &mut C) {}
            #[minion_step] async fn b(&self, e: &E, c: &mut C) {}
            fn between(&self) {}
            #[minion_step] async fn c(&self, e: &E, c: &mut D) {}
        });
        assert!(seen.is_empty());
        assert_eq!(steps.len(), 3);
        assert_eq!(spelled(majority(&steps, |step| &step.event).unwrap()), "E");
        assert_eq!(spelled(majority(&steps, |step| &step.context).unwrap()), "C");
        assert!(majority(&[], |step| &step.event).is_none());
    }

    #[test]
    fn stored_names_are_unique() {
        let (_, seen) = read(quote! {
            #[minion_step] async fn a(&self, e: &E, c: &mut C) {}
            #[minion_step(name = "a")] async fn b(&self, e: &E, c: &mut C) {}
        });
        assert_eq!(seen, ["the step `a` is stored as `a` already, and so is `b`; every step has its own name"]);
    }
}
