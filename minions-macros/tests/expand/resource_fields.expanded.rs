/// Shared.
#[derive(Debug)]
pub struct Http {
    settings: Config<HttpSettings>,
    limiter: Dep<Limiter>,
    cache: Cache,
    pause: Duration,
    #[cfg(feature = "proxy")]
    proxy: Dep<Proxy>,
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
            const NEEDS: &[::core::option::Option<::minions::__private::Need>] = &[
                <::minions::__private::Probe<Config<HttpSettings>>>::NEED,
                <::minions::__private::Probe<Dep<Limiter>>>::NEED,
                #[cfg(feature = "proxy")]
                <::minions::__private::Probe<Dep<Proxy>>>::NEED,
            ];
            &::minions::__private::needs::<{ ::minions::__private::count(NEEDS) }>(NEEDS)
        };
        #[allow(unused_variables)]
        fn assemble(
            cx: &::minions::__private::Assembly,
        ) -> ::minions::__private::Result<Self> {
            ::core::result::Result::Ok(Self {
                settings: ::minions::__private::fill::<
                    Config<HttpSettings>,
                >(cx, <::minions::__private::Probe<Config<HttpSettings>>>::INJECT)?,
                limiter: ::minions::__private::fill::<
                    Dep<Limiter>,
                >(cx, <::minions::__private::Probe<Dep<Limiter>>>::INJECT)?,
                cache: <::minions::__private::Answer<
                    { <::minions::__private::Probe<Cache>>::INJECT.is_some() },
                > as ::minions::__private::DefaultField<Cache>>::value(),
                pause: Duration::from_secs(3),
                #[cfg(feature = "proxy")]
                proxy: ::minions::__private::fill::<
                    Dep<Proxy>,
                >(cx, <::minions::__private::Probe<Dep<Proxy>>>::INJECT)?,
            })
        }
    }
    const _: fn() = || ::minions::__private::assert_field::<
        Config<HttpSettings>,
        {
            <::minions::__private::Probe<Http>>::CREATES
                || !<::minions::__private::Probe<Http>>::HAS_IMPL
                || <::minions::__private::Probe<Config<HttpSettings>>>::IS_DEP
        },
    >();
    const _: fn() = || <::minions::__private::Probe<Config<HttpSettings>>>::check_dep();
    const _: fn() = || ::minions::__private::assert_field::<
        Dep<Limiter>,
        {
            <::minions::__private::Probe<Http>>::CREATES
                || !<::minions::__private::Probe<Http>>::HAS_IMPL
                || <::minions::__private::Probe<Dep<Limiter>>>::IS_DEP
        },
    >();
    const _: fn() = || <::minions::__private::Probe<Dep<Limiter>>>::check_dep();
    const _: fn() = || ::minions::__private::assert_not_injected::<
        ::minions::__private::Answer<
            {
                <::minions::__private::Probe<Cache>>::INJECT.is_some()
                    && !<::minions::__private::Probe<Http>>::CREATES
            },
        >,
    >();
    const _: fn() = || ::minions::__private::assert_not_created::<
        ::minions::__private::Answer<{ <::minions::__private::Probe<Http>>::CREATES }>,
    >();
    const _: fn() = || ::minions::__private::assert_not_injected::<
        ::minions::__private::Answer<
            {
                <::minions::__private::Probe<Duration>>::INJECT.is_some()
                    && !<::minions::__private::Probe<Http>>::CREATES
            },
        >,
    >();
    const _: fn() = || ::minions::__private::assert_not_created::<
        ::minions::__private::Answer<{ <::minions::__private::Probe<Http>>::CREATES }>,
    >();
    #[cfg(feature = "proxy")]
    const _: fn() = || ::minions::__private::assert_field::<
        Dep<Proxy>,
        {
            <::minions::__private::Probe<Http>>::CREATES
                || !<::minions::__private::Probe<Http>>::HAS_IMPL
                || <::minions::__private::Probe<Dep<Proxy>>>::IS_DEP
        },
    >();
    #[cfg(feature = "proxy")]
    const _: fn() = || <::minions::__private::Probe<Dep<Proxy>>>::check_dep();
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
            needs: &[
                <::minions::__private::graph::Branch<Config<HttpSettings>, D>>::TREE,
                <::minions::__private::graph::Branch<Dep<Limiter>, D>>::TREE,
                #[cfg(feature = "proxy")]
                <::minions::__private::graph::Branch<Dep<Proxy>, D>>::TREE,
            ],
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
impl Http {}
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
