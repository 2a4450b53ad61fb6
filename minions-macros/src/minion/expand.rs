//! The impl half of a minion as tokens.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;

use crate::block::{Block, Method, ungrouped};
use crate::hooks::Hooks;
use crate::kind::Kind;
use crate::paths::{Root, local};
use crate::text::spelled;
use crate::{attr, duration, forward, half};

use super::arguments;
use super::model::majority;
use super::step::{Declared, Retry, Step};

pub(crate) fn minion(
    root: &Root,
    block: &Block,
    declared: &arguments::Declared,
    hooks: &Hooks<'_>,
    steps: &[Step],
) -> TokenStream {
    let private = root.private();
    let ty = &block.self_ty;
    let markers = half::markers(Kind::Minion, ty, half::creates(block, hooks), &private);
    let types = majority(steps, |step| &step.event).zip(majority(steps, |step| &step.context));
    let source = (!declared.emits.is_empty()).then(|| {
        quote! {
            #[automatically_derived]
            impl<E> #private::Produces<E> for #ty {}
            #[automatically_derived]
            impl #private::Source for #ty {}
        }
    });
    let implementation = match types {
        Some((event, context)) => implementation(root, ty, declared, hooks, steps, event, context),
        // What is missing has been reported; the lines of `app!` should not report it again.
        None => quote! {
            #[automatically_derived]
            impl<P> #private::Fits<P, true> for #ty {}
            #source
        },
    };
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use #private::{NoProbe as _, Unjudged as _};
            #markers
            #implementation
        };
    }
}

fn implementation(
    root: &Root,
    ty: &Type,
    declared: &arguments::Declared,
    hooks: &Hooks<'_>,
    steps: &[Step],
    event: &Type,
    context: &Type,
) -> TokenStream {
    let private = root.private();
    let types = Types::new(root, event, context);
    let Types { event_of, context_of, assertions, .. } = &types;
    let forwarded = forward::shared(hooks, root);
    let (constants, emits) = (constants(root, declared, hooks), emits(root, ty, &declared.emits));
    let accept = hooks.all("accept").filter_map(|method| accept(root, method, &types));
    let lane = hooks.all("lane").filter_map(|method| lane(root, method, &types));
    let migrate = hooks.all("migrate").map(|method| migrate(root, method));
    let infos = steps.iter().map(|step| {
        let Step { name, ident, conditions, declared, .. } = step;
        let declared = info(&private, declared);
        quote_spanned! {ident.span()=>
            #(#conditions)*
            #private::StepInfo::new(#name)
                .at(#private::Location::new(::core::file!(), ::core::line!(), ::core::column!()))
                #declared
        }
    });
    let (positions, indices) = indices(steps);
    let arms = steps.iter().zip(&indices).map(|(step, index)| {
        let conditions = &step.conditions;
        let call = call(root, step, &types);
        quote!(#(#conditions)* #index => #call,)
    });
    // The step that deals with failures stands last, so that leaving it out changes no index: nothing jumps to it.
    let ids = steps.iter().filter(|step| !step.declared.on_failure).map(|step| {
        let (ident, conditions) = (&step.ident, &step.conditions);
        quote!(#(#conditions)* #private::StepId::of_fn(&<#ty>::#ident))
    });
    let (span, there) = (ty.span(), root.private_at(ty.span()));
    // These take the blame when the event or the context is less visible than the minion.
    let event_item = quote_spanned!(types.event.span()=> type Event = #event_of::Event;);
    let context_item = quote_spanned!(types.context.span()=> type Context = #context_of::Context;);
    let Locals { this, index, event, context, workflow } = &Locals::new();
    // All of it stands at the type's name: what the compiler says about the trait underlines that once.
    let implementation = quote_spanned! {span=>
        #[automatically_derived]
        impl #there::Minion for #ty {
            #event_item
            #context_item
            const STEPS: &'static [#there::StepInfo] = &[#(#infos),*];
            #constants

            #forwarded
            #(#accept)*
            #(#lane)*
            #(#migrate)*

            async fn step<'a>(
                &'a #this,
                #index: usize,
                #event: &'a Self::Event,
                #context: &'a mut Self::Context,
                #workflow: &'a #there::Workflow,
            ) -> #there::Result<#there::Flow> {
                let (#event, #context) = (#event_of::get(#event), #context_of::get(#context));
                let _ = #workflow;
                #positions
                match #index {
                    #(#arms)*
                    _ => ::core::unreachable!("the engine gives no index beyond the last step"),
                }
            }

            fn position(step: #there::StepId) -> ::core::option::Option<usize> {
                let steps: &[#there::StepId] = &[#(#ids),*];
                steps.iter().position(|known| *known == step)
            }
        }
    };
    quote!(#assertions #implementation #emits)
}

/// What the arguments of the impl half say.
fn constants(root: &Root, declared: &arguments::Declared, hooks: &Hooks<'_>) -> TokenStream {
    let private = root.private();
    let arguments::Declared { emits, version, history, failures, .. } = declared;
    let version = version.map(|version| quote!(const VERSION: u32 = #version;));
    let history = history.as_ref().map(|history| {
        let last = u64::from(history.last);
        let age = history.age.map(|age| {
            let age = duration::tokens(age);
            quote!(.for_at_most(#age))
        });
        quote!(const HISTORY: #private::History = #private::History::last(#last) #age;)
    });
    let lanes = lanes(&private, declared.lane.as_ref(), hooks);
    let emits = (!emits.is_empty()).then(|| {
        let infos = emitted(root, emits).map(|event| quote!(#private::EmitInfo::of::<#event>()));
        quote!(const EMITS: &'static [#private::EmitInfo] = &[#(#infos),*];)
    });
    let failures = (!failures.is_empty()).then(|| {
        let infos = failures.iter().map(|ty| {
            let private = root.private_at(ty.span());
            quote_spanned!(ty.span()=> #private::FailureInfo::of::<#ty>())
        });
        quote!(const FAILURES: &'static [#private::FailureInfo] = &[#(#infos),*];)
    });
    quote!(#version #history #lanes #emits #failures)
}

/// How the lanes are, where the hook is there.
fn lanes(private: &TokenStream, declared: Option<&arguments::Lane>, hooks: &Hooks<'_>) -> TokenStream {
    let declared = declared.map(|lane| {
        let arguments::Lane { concurrency, rate, queue, backlog, passes, .. } = lane;
        let concurrency = concurrency.map(|count| quote!(.concurrency(#count)));
        let rate = rate.map(|(count, time)| {
            let time = duration::tokens(time);
            quote!(.rate(#count, #time))
        });
        let queue = queue.map(u64::from).map(|count| quote!(.queue(#count)));
        let backlog = backlog.map(u64::from).map(|count| quote!(.backlog(#count)));
        let passes = passes.then(|| quote!(.pass()));
        quote!(#concurrency #rate #queue #backlog #passes)
    });
    let lanes = hooks.all("lane").map(|hook| {
        let conditions = hook.conditions();
        quote! {
            #(#conditions)*
            const LANES: ::core::option::Option<#private::Lanes> =
                ::core::option::Option::Some(#private::Lanes::ONE_BY_ONE #declared);
        }
    });
    quote!(#(#lanes)*)
}

/// The events that a minion emits; one that cannot be stored is reported by its assertion, and stood in for here.
fn emitted(root: &Root, emits: &[Type]) -> impl Iterator<Item = TokenStream> {
    emits.iter().enumerate().map(|(index, event)| {
        let there = root.private_at(event.span());
        quote_spanned! {event.span()=>
            <#there::Answer<{ <#there::Probe<#event>>::IS_EVENT }> as #there::EmittedOf<#event, #index>>::Event
        }
    })
}

/// What makes the minion a source of its events.
fn emits(root: &Root, ty: &Type, emits: &[Type]) -> Option<TokenStream> {
    let private = root.private();
    let produces = emits.iter().zip(emitted(root, emits)).map(|(event, emitted)| {
        let there = root.private_at(event.span());
        quote_spanned! {event.span()=>
            const _: fn() = || #there::assert_event::<#event>();
            #[automatically_derived]
            impl #there::Produces<#emitted> for #ty {}
            #[automatically_derived]
            impl #there::Emits<#emitted> for #ty {}
        }
    });
    (!emits.is_empty()).then(|| {
        quote! {
            #(#produces)*
            #[automatically_derived]
            impl #private::EventSource for #ty {
                fn origin() -> #private::Origin {
                    #private::Origin::emitted_by::<Self>()
                }
            }
        }
    })
}

/// The event as a hook takes it; nothing when it does not take it by reference, which has been reported.
fn event_for(root: &Root, method: &Method, same: &str, event: &Ident, types: &Types<'_>) -> Option<TokenStream> {
    let own = match ungrouped(&method.parameters().next()?.ty) {
        Type::Reference(reference) if reference.mutability.is_none() => &reference.elem,
        _ => return None,
    };
    let (event_of, main) = (&types.event_of, types.event);
    Some(if spelled(own) == spelled(main) {
        quote!(#event_of::get(#event))
    } else {
        let private = root.private_at(own.span());
        let same = Ident::new(same, own.span());
        quote_spanned!(own.span()=> <#own as #private::#same<#main>>::same(#event_of::get(#event)))
    })
}

fn accept(root: &Root, method: &Method, types: &Types<'_>) -> Option<TokenStream> {
    let (conditions, span) = (method.conditions(), method.output_span());
    let here = method.signature.ident.span();
    let (this, event) = (local("self", span), local("event", here));
    let given = event_for(root, method, "AcceptedEvent", &event, types)?;
    let there = root.private_at(span);
    let call = quote_spanned!(span=> #there::Acceptance::accepted(Self::accept(#this, #given)));
    Some(quote_spanned! {here=>
        #(#conditions)*
        fn accept(&#this, #event: &Self::Event) -> bool {
            #call
        }
    })
}

fn lane(root: &Root, method: &Method, types: &Types<'_>) -> Option<TokenStream> {
    let (conditions, span) = (method.conditions(), method.output_span());
    let here = method.signature.ident.span();
    let event = local("event", here);
    let given = event_for(root, method, "LanedEvent", &event, types)?;
    let there = root.private_at(span);
    let call = quote_spanned!(span=> #there::LaneKey::key(&Self::lane(#given)));
    Some(quote_spanned! {here=>
        #(#conditions)*
        fn lane(#event: &Self::Event) -> ::std::string::String {
            #call
        }
    })
}

fn migrate(root: &Root, method: &Method) -> TokenStream {
    let (conditions, span) = (method.conditions(), method.output_span());
    let here = method.signature.ident.span();
    let (private, there) = (root.private_at(here), root.private_at(span));
    // The parameter's own type takes the blame when it is not `&mut Stored`.
    let stored = local("stored", method.parameters().next().map_or(span, |parameter| parameter.ty.span()));
    let call = quote_spanned!(span=> #there::HookResult::hook(Self::migrate(#stored)));
    quote_spanned! {here=>
        #(#conditions)*
        fn migrate(#stored: &mut #private::Stored) -> #private::Result<()> {
            #call
        }
    }
}

/// What a step declares, as calls on its `StepInfo`.
fn info(private: &TokenStream, declared: &Declared) -> TokenStream {
    let Declared { aliases, retry, timeout, on_failure, .. } = declared;
    let aliases = (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])));
    let retry = retry.as_ref().map(|Retry { attempts, backoff }| {
        let attempts = match attempts {
            Some(attempts) => quote!(#private::Retry::attempts(#attempts)),
            None => quote!(#private::Retry::DEFAULT),
        };
        let backoff = backoff.map(|(first, longest)| {
            let (first, longest) = (duration::tokens(first), duration::tokens(longest));
            quote!(.backoff(#first, #longest))
        });
        quote!(.retry(#attempts #backoff))
    });
    let timeout = timeout.map(|timeout| {
        let timeout = duration::tokens(timeout);
        quote!(.timeout(#timeout))
    });
    let on_failure = on_failure.then(|| quote!(.on_failure()));
    quote!(#aliases #retry #timeout #on_failure)
}

/// The variables of the generated `step`.
struct Locals {
    this: Ident,
    index: Ident,
    event: Ident,
    context: Ident,
    workflow: Ident,
}

impl Locals {
    fn new() -> Self {
        let local = |name| local(name, Span::call_site());
        Self {
            this: local("self"),
            index: local("index"),
            event: local("event"),
            context: local("context"),
            workflow: local("workflow"),
        }
    }
}

/// The event and the context of a minion, judged once and used by every step.
struct Types<'a> {
    event: &'a Type,
    context: &'a Type,
    event_of: TokenStream,
    context_of: TokenStream,
    assertions: TokenStream,
}

impl<'a> Types<'a> {
    fn new(root: &Root, event: &'a Type, context: &'a Type) -> Self {
        let (at_event, at_context) = (event.span(), context.span());
        let private = root.private_at(at_event);
        let event_of = quote_spanned! {at_event=>
            <#private::Answer<{ <#private::Probe<#event>>::IS_EVENT }> as #private::EventOf<#event>>
        };
        let mut assertions = quote_spanned!(at_event=> const _: fn() = || #private::assert_event::<#event>(););
        let private = root.private_at(at_context);
        let context_of = quote_spanned! {at_context=>
            <#private::Answer<{ <#private::Probe<#context>>::IS_CONTEXT }> as #private::ContextOf<#context>>
        };
        assertions.extend(quote_spanned! {at_context=> const _: fn() = || #private::assert_context::<#context>(); });
        Self { event, context, event_of, context_of, assertions }
    }
}

/// The patterns of the steps' indices: numbers, or constants where a condition can take a step away.
fn indices(steps: &[Step]) -> (TokenStream, Vec<TokenStream>) {
    if steps.iter().all(|step| step.conditions.is_empty()) {
        return (TokenStream::new(), (0..steps.len()).map(|index| quote!(#index)).collect());
    }
    let name = |index: usize| -> Ident { format_ident!("__MINIONS_STEP_{index}") };
    let mut constants = quote!();
    let mut patterns = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let constant = name(index);
        // A step's index is the count of the steps before it that are there.
        let before = steps[..index].iter().map(|earlier| {
            let predicates = earlier.conditions.iter().map(attr::predicate);
            quote!((::core::cfg!(all(#(#predicates),*)) as usize))
        });
        let conditions = &step.conditions;
        constants.extend(quote!(#(#conditions)* const #constant: usize = 0 #(+ #before)*;));
        patterns.push(constant.to_token_stream());
    }
    (constants, patterns)
}

fn call(root: &Root, step: &Step, types: &Types<'_>) -> TokenStream {
    let Locals { this, event, context, workflow, .. } = &Locals::new();
    let (own_event, own_context) = (&step.event, &step.context);
    let event = if spelled(own_event) == spelled(types.event) {
        quote!(#event)
    } else {
        let (private, main) = (root.private_at(own_event.span()), types.event);
        quote_spanned!(own_event.span()=> <#own_event as #private::SameEvent<#main>>::same(#event))
    };
    let context = if spelled(own_context) == spelled(types.context) {
        quote!(#context)
    } else {
        let (private, main) = (root.private_at(own_context.span()), types.context);
        quote_spanned!(own_context.span()=> <#own_context as #private::SameContext<#main>>::same(#context))
    };
    let extra = step.extra.iter().map(|ty| {
        let private = root.private_at(ty.span());
        quote_spanned!(ty.span()=> <#ty as #private::StepArg<'_>>::take(#workflow))
    });
    let span = step.output.as_ref().map_or_else(|| step.ident.span(), |output| output.span());
    let private = root.private_at(span);
    // Everything of the call stands at the result's type: an error about the result underlines nothing else.
    let mut method = step.ident.clone();
    method.set_span(span);
    let answer = quote_spanned!(span=> Self::#method(#this, #event, #context #(, #extra)*).await);
    quote_spanned!(span=> #private::IntoFlow::into_flow(#private::Returned(#answer).kept()))
}
