pub(crate) struct Db {
    pool: Pool,
}
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::{NoProbe as _, graph::NoBranch as _};
    #[automatically_derived]
    impl ::minions::__private::Component for Db {
        const NAME: &'static str = "database";
        const ID: &'static str = "db";
        const RESTART: ::core::option::Option<::minions::__private::RestartPolicy> = ::core::option::Option::Some(
            ::minions::__private::RestartPolicy::always()
                .backoff(
                    ::core::time::Duration::from_millis(1000u64),
                    ::core::time::Duration::from_millis(60000u64),
                )
                .multiplier(3f64)
                .jitter(0.2f64)
                .limit(9)
                .reset(::core::time::Duration::from_millis(86400000u64)),
        );
        const LOCATION: ::minions::__private::Location = ::minions::__private::Location::new(
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
        );
        const FIELDS: &'static [::minions::__private::Need] = {
            const NEEDS: &[::core::option::Option<::minions::__private::Need>] = &[
                <::minions::__private::Probe<Pool>>::NEED,
            ];
            &::minions::__private::needs::<{ ::minions::__private::count(NEEDS) }>(NEEDS)
        };
        #[allow(unused_variables)]
        fn assemble(
            cx: &::minions::__private::Assembly,
        ) -> ::minions::__private::Result<Self> {
            ::core::result::Result::Ok(Self {
                pool: ::minions::__private::fill::<
                    Pool,
                >(cx, <::minions::__private::Probe<Pool>>::INJECT)?,
            })
        }
    }
    const _: fn() = || ::minions::__private::assert_field::<
        Pool,
        {
            <::minions::__private::Probe<Db>>::CREATES
                || !<::minions::__private::Probe<Db>>::HAS_IMPL
                || <::minions::__private::Probe<Pool>>::IS_DEP
        },
    >();
    const _: fn() = || <::minions::__private::Probe<Pool>>::check_dep();
    const _: fn() = || ::minions::__private::assert_resource_impl::<Db>();
    #[allow(missing_debug_implementations, unreachable_pub)]
    pub struct __MinionsFields<D>(::core::marker::PhantomData<D>);
    impl<D: ::minions::__private::graph::Depth> ::minions::__private::graph::Listed
    for __MinionsFields<D> {
        const TREE: &'static ::minions::__private::graph::Tree = &::minions::__private::graph::Tree {
            path: ::core::concat!(::core::module_path!(), "::", ::core::stringify!(Db)),
            name: ::core::stringify!(Db),
            needs: &[<::minions::__private::graph::Branch<Pool, D>>::TREE],
        };
    }
    impl ::minions::__private::graph::Fields for Db {
        type At<D: ::minions::__private::graph::Depth> = __MinionsFields<D>;
    }
    const _: () = if let ::core::option::Option::Some(message) = ::minions::__private::graph::cycle(
        <::minions::__private::graph::Root<Db>>::TREE,
    ) {
        ::core::panic!("{}", message.as_str())
    };
};
impl Db {
    async fn create(http: Dep<Http>, (a, b): (Config<A>, Config<B>)) -> Result<Self> {
        Ok(Self {
            pool: connect(&http, a, b).await?,
        })
    }
}
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::{NoProbe as _, graph::NoBranch as _};
    #[automatically_derived]
    impl ::minions::__private::ResourceImpl for Db {}
    #[automatically_derived]
    impl ::minions::__private::ImplHalf for Db {
        const CREATES: bool = true;
    }
    #[allow(missing_debug_implementations, unreachable_pub)]
    pub struct __MinionsNeeds<D>(::core::marker::PhantomData<D>);
    impl<D: ::minions::__private::graph::Depth> ::minions::__private::graph::Listed
    for __MinionsNeeds<D> {
        const TREE: &'static ::minions::__private::graph::Tree = &::minions::__private::graph::Tree {
            path: ::core::concat!(::core::module_path!(), "::", ::core::stringify!(Db)),
            name: ::core::stringify!(Db),
            needs: &[
                <::minions::__private::graph::Branch<Dep<Http>, D>>::TREE,
                <::minions::__private::graph::Branch<(Config<A>, Config<B>), D>>::TREE,
            ],
        };
    }
    #[automatically_derived]
    impl ::minions::__private::graph::Vertex for Db {
        type At<D: ::minions::__private::graph::Depth> = __MinionsNeeds<D>;
    }
    #[automatically_derived]
    impl ::minions::__private::Resource for Db {
        const NEEDS: &'static [::minions::__private::Need] = {
            const _: fn() = || ::minions::__private::assert_inject::<Dep<Http>>();
            const _: fn() = || ::minions::__private::assert_inject::<
                (Config<A>, Config<B>),
            >();
            const NEEDS: &[::core::option::Option<::minions::__private::Need>] = &[
                <::minions::__private::Probe<Dep<Http>>>::NEED,
                <::minions::__private::Probe<(Config<A>, Config<B>)>>::NEED,
            ];
            &::minions::__private::needs::<{ ::minions::__private::count(NEEDS) }>(NEEDS)
        };
        #[allow(unused_variables)]
        async fn create(
            cx: ::minions::__private::Assembly,
        ) -> ::minions::__private::Result<Self> {
            let need0 = ::minions::__private::fill::<
                Dep<Http>,
            >(&cx, <::minions::__private::Probe<Dep<Http>>>::INJECT)?;
            let need1 = ::minions::__private::fill::<
                (Config<A>, Config<B>),
            >(&cx, <::minions::__private::Probe<(Config<A>, Config<B>)>>::INJECT)?;
            ::minions::__private::CreateResult::created(Self::create(need0, need1).await)
        }
    }
};
