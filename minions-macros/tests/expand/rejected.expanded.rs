struct Http {
    a: u8,
}
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::{NoProbe as _, graph::NoBranch as _};
    #[automatically_derived]
    impl ::minions::__private::Component for Http {
        const NAME: &'static str = "http";
        const LOCATION: ::minions::__private::Location = ::minions::__private::Location::new(
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
        );
        const FIELDS: &'static [::minions::__private::Need] = {
            const NEEDS: &[::core::option::Option<::minions::__private::Need>] = &[];
            &::minions::__private::needs::<{ ::minions::__private::count(NEEDS) }>(NEEDS)
        };
        #[allow(unused_variables)]
        fn assemble(
            cx: &::minions::__private::Assembly,
        ) -> ::minions::__private::Result<Self> {
            ::core::result::Result::Ok(Self { a: 3 })
        }
    }
    const _: fn() = || ::minions::__private::assert_not_injected::<
        ::minions::__private::Answer<
            {
                <::minions::__private::Probe<u8>>::INJECT.is_some()
                    && !<::minions::__private::Probe<Http>>::CREATES
            },
        >,
    >();
    const _: fn() = || ::minions::__private::assert_not_created::<
        ::minions::__private::Answer<{ <::minions::__private::Probe<Http>>::CREATES }>,
    >();
    const _: fn() = || ::minions::__private::assert_resource_impl::<Http>();
    #[allow(missing_debug_implementations, unreachable_pub)]
    pub struct __MinionsFields<D>(::core::marker::PhantomData<D>);
    impl<D: ::minions::__private::graph::Depth> ::minions::__private::graph::Listed
    for __MinionsFields<D> {
        const TREE: &'static ::minions::__private::graph::Tree = &::minions::__private::graph::Tree {
            path: ::core::concat!(
                ::core::module_path!(), "::", ::core::stringify!(Http)
            ),
            name: ::core::stringify!(Http),
            needs: &[],
        };
    }
    impl ::minions::__private::graph::Fields for Http {
        type At<D: ::minions::__private::graph::Depth> = __MinionsFields<D>;
    }
    const _: () = if let ::core::option::Option::Some(message) = ::minions::__private::graph::cycle(
        <::minions::__private::graph::Root<Http>>::TREE,
    ) {
        ::core::panic!("{}", message.as_str())
    };
};
::core::compile_error! {
    "unknown argument `nmae`; did you mean `name`? (expected one of: `name`, `id`, `restart`, `crate`)"
}
::core::compile_error! {
    "the value stands in parentheses: `#[default(3)]`"
}
impl Http {
    async fn start_up(&mut self) {}
    fn health(&self) -> Health {
        Health::Healthy
    }
    pub async fn get(&self) {
        let call = {
            #[allow(unused_imports)]
            use ::minions::__private::NoProbe as _;
            static METHOD: ::minions::__private::TrackedMethod = ::minions::__private::TrackedMethod::new(
                <::minions::__private::Probe<Http>>::NAME,
                "get",
            );
            ::minions::__private::Call::begin(&METHOD)
        };
        let answer = call
            .scope(async move {
                if false {
                    return;
                }
            })
            .await;
        call.end({
            #[allow(unused_imports)]
            use ::minions::__private::Infallible as _;
            ::minions::__private::Fallible(&answer).is_error()
        });
        answer
    }
}
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::{NoProbe as _, graph::NoBranch as _};
    #[automatically_derived]
    impl ::minions::__private::ResourceImpl for Http {}
    #[automatically_derived]
    impl ::minions::__private::ImplHalf for Http {
        const CREATES: bool = false;
    }
    #[allow(missing_debug_implementations, unreachable_pub)]
    pub struct __MinionsNeeds<D>(::core::marker::PhantomData<D>);
    impl<D: ::minions::__private::graph::Depth> ::minions::__private::graph::Listed
    for __MinionsNeeds<D> {
        const TREE: &'static ::minions::__private::graph::Tree = <::minions::__private::graph::FieldsOf<
            Http,
            D,
        >>::TREE;
    }
    #[automatically_derived]
    impl ::minions::__private::graph::Vertex for Http {
        type At<D: ::minions::__private::graph::Depth> = __MinionsNeeds<D>;
    }
    #[automatically_derived]
    impl ::minions::__private::Resource for Http {}
};
::core::compile_error! {
    "`start_up` is not a hook and the runtime never calls it; did you mean `startup`? mark the method `#[untracked]` to keep the name"
}
::core::compile_error! {
    "hook `health` is not `async`; write `async fn health(&self) -> Health`, or rename the method if it is yours"
}
struct Cache<T> {
    t: T,
}
::core::compile_error! {
    "a resource cannot be generic: one live instance is shared per type; name the concrete type, or wrap it: `struct Concrete(Cache<..>)`"
}
enum State {
    On,
}
#[automatically_derived]
impl ::minions::__private::Component for State {
    const NAME: &'static str = "State";
    fn assemble(
        cx: &::minions::__private::Assembly,
    ) -> ::minions::__private::Result<Self> {
        ::minions::__private::broken(cx)
    }
}
::core::compile_error! {
    "`#[resource]` goes on a struct and on its impl, not on an enum; wrap it: `#[resource] struct StateHolder(#[default] State)`"
}
impl Watcher {
    fn a(&self, page: PageFound) {}
}
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::{NoProbe as _, Unjudged as _};
    #[automatically_derived]
    impl ::minions::__private::MinionImpl for Watcher {}
    #[automatically_derived]
    impl ::minions::__private::ImplHalf for Watcher {
        const CREATES: bool = false;
    }
    #[automatically_derived]
    impl<P> ::minions::__private::Fits<P, true> for Watcher {}
};
::core::compile_error! {
    "a step must be an `async fn`; a step is `async fn name(&self, event: &E, context: &mut C)`, optionally followed by `wf: &Workflow`"
}
::core::compile_error! {
    "the event is taken by reference: `&PageFound`"
}
impl Clock {}
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::NoProbe as _;
    #[automatically_derived]
    impl ::minions::__private::PipelineImpl for Clock {}
    #[automatically_derived]
    impl ::minions::__private::ImplHalf for Clock {
        const CREATES: bool = false;
    }
    #[automatically_derived]
    impl<E> ::minions::__private::Produces<E> for Clock {}
    #[automatically_derived]
    impl ::minions::__private::Source for Clock {}
};
::core::compile_error! {
    "this pipeline has no events: write `async fn next(&mut self) -> Result<Next<E>>`"
}
struct Broken;
#[allow(dead_code, unreachable_pub)]
impl Broken {
    /// The orchestrations of this program, for tests and for embedding it.
    pub fn builder() -> ::minions::GruBuilder {
        let builder = ::minions::GruBuilder::new();
        let builder = {
            #[allow(unused_imports)]
            use ::minions::__private::{NoLine as _, NoProbe as _};
            type __MinionsPipeline = A;
            type __MinionsMinion = B;
            const _: fn() = || ::minions::__private::assert_source::<
                __MinionsPipeline,
            >();
            const _: fn() = || ::minions::__private::edge::<
                __MinionsPipeline,
                __MinionsMinion,
                { <::minions::__private::Probe<__MinionsPipeline>>::IS_SOURCE },
            >();
            <::minions::__private::Line<
                __MinionsPipeline,
                __MinionsMinion,
            >>::add(builder, ::minions::gru::OrchestrationOptions::default())
        };
        builder
    }
    /// Runs the generated command line on the arguments of the process.
    pub fn main() -> ::std::process::ExitCode {
        ::minions::__private::main::<::minions::__private::NoArgs>(Self::builder())
    }
}
::core::compile_error! {
    "unknown option `confg`; did you mean `config`? (expected one of: `config`, `id`, `max_in_flight`, `start`)"
}
