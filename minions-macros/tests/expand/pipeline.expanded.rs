struct Sitemap {
    http: Dep<Http>,
    seen: usize,
}
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::{NoProbe as _, graph::NoBranch as _};
    #[automatically_derived]
    impl ::minions::__private::Component for Sitemap {
        const NAME: &'static str = "sitemap";
        const RESTART: ::core::option::Option<::minions::__private::RestartPolicy> = ::core::option::Option::Some(
            ::minions::__private::RestartPolicy::never(),
        );
        const LOCATION: ::minions::__private::Location = ::minions::__private::Location::new(
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
        );
        const FIELDS: &'static [::minions::__private::Need] = {
            const NEEDS: &[::core::option::Option<::minions::__private::Need>] = &[
                <::minions::__private::Probe<Dep<Http>>>::NEED,
            ];
            &::minions::__private::needs::<{ ::minions::__private::count(NEEDS) }>(NEEDS)
        };
        #[allow(unused_variables)]
        fn assemble(
            cx: &::minions::__private::Assembly,
        ) -> ::minions::__private::Result<Self> {
            ::core::result::Result::Ok(Self {
                http: ::minions::__private::fill::<
                    Dep<Http>,
                >(cx, <::minions::__private::Probe<Dep<Http>>>::INJECT)?,
                seen: <::minions::__private::Answer<
                    { <::minions::__private::Probe<usize>>::INJECT.is_some() },
                > as ::minions::__private::DefaultField<usize>>::value(),
            })
        }
    }
    const _: fn() = || ::minions::__private::assert_field::<
        Dep<Http>,
        {
            <::minions::__private::Probe<Sitemap>>::CREATES
                || !<::minions::__private::Probe<Sitemap>>::HAS_IMPL
                || <::minions::__private::Probe<Dep<Http>>>::IS_DEP
        },
    >();
    const _: fn() = || <::minions::__private::Probe<Dep<Http>>>::check_dep();
    const _: fn() = || ::minions::__private::assert_not_injected::<
        ::minions::__private::Answer<
            {
                <::minions::__private::Probe<usize>>::INJECT.is_some()
                    && !<::minions::__private::Probe<Sitemap>>::CREATES
            },
        >,
    >();
    const _: fn() = || ::minions::__private::assert_not_created::<
        ::minions::__private::Answer<{ <::minions::__private::Probe<Sitemap>>::CREATES }>,
    >();
    const _: fn() = || ::minions::__private::assert_pipeline_impl::<Sitemap>();
};
impl Sitemap {
    async fn startup(&mut self) -> Result<()> {
        Ok(())
    }
    async fn next(&mut self) -> Result<Next<PageFound>> {
        Ok(Next::End)
    }
    async fn shutdown(&mut self) {}
}
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::NoProbe as _;
    #[automatically_derived]
    impl ::minions::__private::PipelineImpl for Sitemap {}
    #[automatically_derived]
    impl ::minions::__private::ImplHalf for Sitemap {
        const CREATES: bool = false;
    }
    #[automatically_derived]
    impl ::minions::__private::Pipeline for Sitemap {
        type Event = <::minions::__private::Answer<
            { <::minions::__private::Probe<Result<Next<PageFound>>>>::IS_NEXT },
        > as ::minions::__private::NextOf<Result<Next<PageFound>>>>::Event;
        const BACKGROUND: bool = true;
        const IDLE: ::core::time::Duration = ::core::time::Duration::from_millis(250u64);
        async fn startup(&mut self) -> ::minions::__private::Result<()> {
            ::minions::__private::HookResult::hook(Self::startup(self).await)
        }
        async fn shutdown(&mut self) -> ::minions::__private::Result<()> {
            ::minions::__private::HookResult::hook(Self::shutdown(self).await)
        }
        async fn next(
            &mut self,
        ) -> ::minions::__private::Result<::minions::__private::Next<Self::Event>> {
            <::minions::__private::Answer<
                { <::minions::__private::Probe<Result<Next<PageFound>>>>::IS_NEXT },
            > as ::minions::__private::NextOf<
                Result<Next<PageFound>>,
            >>::into_next(Self::next(self).await)
        }
    }
    #[automatically_derived]
    impl ::minions::__private::Produces<
        <::minions::__private::Answer<
            { <::minions::__private::Probe<Result<Next<PageFound>>>>::IS_NEXT },
        > as ::minions::__private::NextOf<Result<Next<PageFound>>>>::Event,
    > for Sitemap {}
    const _: fn() = || ::minions::__private::assert_next::<Result<Next<PageFound>>>();
};
