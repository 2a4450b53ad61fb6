pub struct Watcher(Dep<Http>, u8);
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::{NoProbe as _, graph::NoBranch as _};
    #[automatically_derived]
    impl ::minions::__private::Component for Watcher {
        const NAME: &'static str = "watcher";
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
                0: ::minions::__private::fill::<
                    Dep<Http>,
                >(cx, <::minions::__private::Probe<Dep<Http>>>::INJECT)?,
                1: <::minions::__private::Answer<
                    { <::minions::__private::Probe<u8>>::INJECT.is_some() },
                > as ::minions::__private::DefaultField<u8>>::value(),
            })
        }
    }
    const _: fn() = || ::minions::__private::assert_field::<
        Dep<Http>,
        {
            <::minions::__private::Probe<Watcher>>::CREATES
                || !<::minions::__private::Probe<Watcher>>::HAS_IMPL
                || <::minions::__private::Probe<Dep<Http>>>::IS_DEP
        },
    >();
    const _: fn() = || <::minions::__private::Probe<Dep<Http>>>::check_dep();
    const _: fn() = || ::minions::__private::assert_not_injected::<
        ::minions::__private::Answer<
            {
                <::minions::__private::Probe<u8>>::INJECT.is_some()
                    && !<::minions::__private::Probe<Watcher>>::CREATES
            },
        >,
    >();
    const _: fn() = || ::minions::__private::assert_not_created::<
        ::minions::__private::Answer<{ <::minions::__private::Probe<Watcher>>::CREATES }>,
    >();
    const _: fn() = || ::minions::__private::assert_minion_impl::<Watcher>();
};
impl Watcher {
    async fn fetch(&self, page: &PageFound, visit: &mut Visit) -> Result<()> {
        Ok(())
    }
    /// An alias of the event.
    async fn r#match(&self, Page { url, .. }: &Page, _: &mut Visit) -> Flow {
        Flow::to(Self::record)
    }
    fn helper(&self) {}
    async fn record(&self, page: &PageFound, visit: &mut Visit, wf: &Workflow) {}
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
    const _: fn() = || ::minions::__private::assert_event::<PageFound>();
    const _: fn() = || ::minions::__private::assert_context::<Visit>();
    #[automatically_derived]
    impl ::minions::__private::Minion for Watcher {
        type Event = <::minions::__private::Answer<
            { <::minions::__private::Probe<PageFound>>::IS_EVENT },
        > as ::minions::__private::EventOf<PageFound>>::Event;
        type Context = <::minions::__private::Answer<
            { <::minions::__private::Probe<Visit>>::IS_CONTEXT },
        > as ::minions::__private::ContextOf<Visit>>::Context;
        const STEPS: &'static [::minions::__private::StepInfo] = &[
            ::minions::__private::StepInfo::new("get")
                .at(
                    ::minions::__private::Location::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::column!(),
                    ),
                ),
            ::minions::__private::StepInfo::new("match")
                .at(
                    ::minions::__private::Location::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::column!(),
                    ),
                ),
            ::minions::__private::StepInfo::new("record")
                .at(
                    ::minions::__private::Location::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::column!(),
                    ),
                ),
        ];
        async fn step<'a>(
            &'a self,
            index: usize,
            event: &'a Self::Event,
            context: &'a mut Self::Context,
            workflow: &'a ::minions::__private::Workflow,
        ) -> ::minions::__private::Result<::minions::__private::Flow> {
            let (event, context) = (
                <::minions::__private::Answer<
                    { <::minions::__private::Probe<PageFound>>::IS_EVENT },
                > as ::minions::__private::EventOf<PageFound>>::get(event),
                <::minions::__private::Answer<
                    { <::minions::__private::Probe<Visit>>::IS_CONTEXT },
                > as ::minions::__private::ContextOf<Visit>>::get(context),
            );
            let _ = workflow;
            match index {
                0usize => {
                    ::minions::__private::IntoFlow::into_flow(
                        ::minions::__private::Returned(
                                Self::fetch(self, event, context).await,
                            )
                            .kept(),
                    )
                }
                1usize => {
                    ::minions::__private::IntoFlow::into_flow(
                        ::minions::__private::Returned(
                                Self::r#match(
                                        self,
                                        <Page as ::minions::__private::SameEvent<
                                            PageFound,
                                        >>::same(event),
                                        context,
                                    )
                                    .await,
                            )
                            .kept(),
                    )
                }
                2usize => {
                    ::minions::__private::IntoFlow::into_flow(
                        ::minions::__private::Returned(
                                Self::record(
                                        self,
                                        event,
                                        context,
                                        <&Workflow as ::minions::__private::StepArg<
                                            '_,
                                        >>::take(workflow),
                                    )
                                    .await,
                            )
                            .kept(),
                    )
                }
                _ => {
                    ::core::unreachable!(
                        "the engine gives no index beyond the last step"
                    )
                }
            }
        }
        fn position(
            step: ::minions::__private::StepId,
        ) -> ::core::option::Option<usize> {
            let steps: &[::minions::__private::StepId] = &[
                ::minions::__private::StepId::of_fn(&<Watcher>::fetch),
                ::minions::__private::StepId::of_fn(&<Watcher>::r#match),
                ::minions::__private::StepId::of_fn(&<Watcher>::record),
            ];
            steps.iter().position(|known| *known == step)
        }
    }
};
