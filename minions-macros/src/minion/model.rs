//! The steps of a minion, and what they agree on.

use syn::Type;

use crate::block::Block;
use crate::diag::Diagnostics;
use crate::text::spelled;

use super::step::Step;

/// Reads the steps in order; the one that deals with failures is the last of them, wherever it is written.
pub(crate) fn steps(block: &Block, diag: &mut Diagnostics) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for method in block.methods() {
        let Some(helper) = method.helper("minion_step") else {
            continue;
        };
        let Some(step) = Step::parse(method, helper, diag) else {
            continue;
        };
        check_names(&step, &steps, diag);
        check_on_failure(&step, &steps, diag);
        steps.push(step);
    }
    if let [first, rest @ ..] = &*steps
        && first.declared.on_failure
        && rest.iter().all(|step| step.declared.on_failure)
    {
        diag.at(
            &first.ident,
            format!("`{}` deals with the failures of the other steps, and there is none; add a step", first.ident),
        );
    }
    // A stable sort: the others stay in the order in which they run.
    steps.sort_by_key(|step| step.declared.on_failure);
    steps
}

/// The store knows a step by its name and its aliases.
fn check_names(step: &Step, earlier: &[Step], diag: &mut Diagnostics) {
    // Two methods of one name are two conditional versions of one step, or an error of the compiler.
    let others = || earlier.iter().filter(|other| other.ident != step.ident);
    if let Some(other) = others().find(|other| other.name == step.name) {
        diag.span(
            step.name_span,
            format!(
                "the step `{}` is stored as `{}` already, and so is `{}`; every step has its own name",
                other.ident, other.name, step.ident
            ),
        );
    } else if let Some(other) = others().find(|other| other.is_called(&step.name)) {
        diag.span(
            step.name_span,
            format!(
                "`{}` is an alias of the step `{}`, and workflows stored by that name would go there; give `{}` another name",
                step.name, other.ident, step.ident
            ),
        );
    }
    for (index, alias) in step.declared.aliases.iter().enumerate() {
        let name = alias.value();
        if name == step.name || step.declared.aliases[..index].iter().any(|other| other.value() == name) {
            diag.at(alias, format!("the step `{}` is called `{name}` already; remove the alias", step.ident));
        } else if let Some(other) = others().find(|other| other.is_called(&name)) {
            diag.at(
                alias,
                format!("the step `{}` is called `{name}` as well; a stored name leads to one step", other.ident),
            );
        }
    }
}

fn check_on_failure(step: &Step, earlier: &[Step], diag: &mut Diagnostics) {
    let other = earlier.iter().find(|other| other.declared.on_failure && other.ident != step.ident);
    if let Some(other) = other.filter(|_| step.declared.on_failure) {
        diag.at(
            &step.ident,
            format!(
                "`{}` deals with the failures of this minion already; one step can be `on_failure`, and it learns from `wf.failure()` what has failed",
                other.ident
            ),
        );
    }
}

impl Step {
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.declared.aliases.iter().any(|alias| alias.value() == name)
    }
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

    #[test]
    fn aliases_are_names_as_well() {
        let (_, seen) = read(quote! {
            #[minion_step(alias("z", "y"))] async fn a(&self, e: &E, c: &mut C) {}
            #[minion_step] async fn z(&self, e: &E, c: &mut C) {}
            #[minion_step(alias("y", "a", "b", "x", "x"))] async fn b(&self, e: &E, c: &mut C) {}
        });
        assert_eq!(seen.len(), 5, "{seen:?}");
        assert!(seen[0].starts_with("`z` is an alias of the step `a`"), "{seen:?}");
        assert_eq!(seen[1], "the step `a` is called `y` as well; a stored name leads to one step");
        assert_eq!(seen[2], "the step `a` is called `a` as well; a stored name leads to one step");
        assert_eq!(seen[3], "the step `b` is called `b` already; remove the alias");
        assert_eq!(seen[4], "the step `b` is called `x` already; remove the alias");
    }

    #[test]
    fn the_step_for_failures_is_the_last_one() {
        let (steps, seen) = read(quote! {
            #[minion_step] async fn a(&self, e: &E, c: &mut C) {}
            #[minion_step(on_failure)] async fn clean(&self, e: &E, c: &mut C) {}
            #[minion_step] async fn b(&self, e: &E, c: &mut C) {}
        });
        assert!(seen.is_empty(), "{seen:?}");
        assert_eq!(steps.iter().map(|step| &*step.name).collect::<Vec<_>>(), ["a", "b", "clean"]);
        let (_, seen) = read(quote! {
            #[minion_step(on_failure)] async fn a(&self, e: &E, c: &mut C) {}
            #[minion_step(on_failure)] async fn b(&self, e: &E, c: &mut C) {}
        });
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert!(seen[0].starts_with("`a` deals with the failures of this minion already"));
        assert!(seen[1].contains("add a step"));
    }
}
