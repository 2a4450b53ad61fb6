impl Watcher {
    fn accept(&self, page: &other::Page) -> bool {
        page.is_new
    }
    fn migrate(stored: &mut Stored) -> Result<()> {
        Ok(())
    }
    async fn cleanup(&self, page: &Page, visit: &mut Visit) {}
    async fn fetch(&self, page: &Page, visit: &mut Visit) -> Result<(), HttpError> {}
    async fn record(&self, page: &Page, visit: &mut Visit) {}
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
    const _: fn() = || ::minions::__private::assert_event::<Page>();
    const _: fn() = || ::minions::__private::assert_context::<Visit>();
    #[automatically_derived]
    impl ::minions::__private::Minion for Watcher {
        type Event = <::minions::__private::Answer<
            { <::minions::__private::Probe<Page>>::IS_EVENT },
        > as ::minions::__private::EventOf<Page>>::Event;
        type Context = <::minions::__private::Answer<
            { <::minions::__private::Probe<Visit>>::IS_CONTEXT },
        > as ::minions::__private::ContextOf<Visit>>::Context;
        const STEPS: &'static [::minions::__private::StepInfo] = &[
            ::minions::__private::StepInfo::new("fetch")
                .at(
                    ::minions::__private::Location::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::column!(),
                    ),
                )
                .aliases(&["get"])
                .retry(
                    ::minions::__private::Retry::attempts(5u32)
                        .backoff(
                            ::core::time::Duration::from_millis(200u64),
                            ::core::time::Duration::from_millis(30000u64),
                        ),
                )
                .timeout(::core::time::Duration::from_millis(10000u64)),
            ::minions::__private::StepInfo::new("record")
                .at(
                    ::minions::__private::Location::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::column!(),
                    ),
                )
                .aliases(&["write", "store"])
                .retry(
                    ::minions::__private::Retry::DEFAULT
                        .backoff(
                            ::core::time::Duration::from_millis(1000u64),
                            ::core::time::Duration::from_millis(1000u64),
                        ),
                ),
            ::minions::__private::StepInfo::new("cleanup")
                .at(
                    ::minions::__private::Location::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::column!(),
                    ),
                )
                .on_failure(),
        ];
        const VERSION: u32 = 2u32;
        const HISTORY: ::minions::__private::History = ::minions::__private::History::last(
                1000u64,
            )
            .for_at_most(::core::time::Duration::from_millis(604800000u64));
        const EMITS: &'static [::minions::__private::EmitInfo] = &[
            ::minions::__private::EmitInfo::of::<
                <::minions::__private::Answer<
                    { <::minions::__private::Probe<Alert>>::IS_EVENT },
                > as ::minions::__private::EmittedOf<Alert, 0usize>>::Event,
            >(),
            ::minions::__private::EmitInfo::of::<
                <::minions::__private::Answer<
                    { <::minions::__private::Probe<other::Event>>::IS_EVENT },
                > as ::minions::__private::EmittedOf<other::Event, 1usize>>::Event,
            >(),
        ];
        const FAILURES: &'static [::minions::__private::FailureInfo] = &[
            ::minions::__private::FailureInfo::of::<HttpError>(),
        ];
        fn accept(&self, event: &Self::Event) -> bool {
            ::minions::__private::Acceptance::accepted(
                Self::accept(
                    self,
                    <other::Page as ::minions::__private::AcceptedEvent<
                        Page,
                    >>::same(
                        <::minions::__private::Answer<
                            { <::minions::__private::Probe<Page>>::IS_EVENT },
                        > as ::minions::__private::EventOf<Page>>::get(event),
                    ),
                ),
            )
        }
        fn migrate(
            stored: &mut ::minions::__private::Stored,
        ) -> ::minions::__private::Result<()> {
            ::minions::__private::HookResult::hook(Self::migrate(stored))
        }
        async fn step<'a>(
            &'a self,
            index: usize,
            event: &'a Self::Event,
            context: &'a mut Self::Context,
            workflow: &'a ::minions::__private::Workflow,
        ) -> ::minions::__private::Result<::minions::__private::Flow> {
            let (event, context) = (
                <::minions::__private::Answer<
                    { <::minions::__private::Probe<Page>>::IS_EVENT },
                > as ::minions::__private::EventOf<Page>>::get(event),
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
                                Self::record(self, event, context).await,
                            )
                            .kept(),
                    )
                }
                2usize => {
                    ::minions::__private::IntoFlow::into_flow(
                        ::minions::__private::Returned(
                                Self::cleanup(self, event, context).await,
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
                ::minions::__private::StepId::of_fn(&<Watcher>::record),
            ];
            steps.iter().position(|known| *known == step)
        }
    }
    const _: fn() = || ::minions::__private::assert_event::<Alert>();
    #[automatically_derived]
    impl ::minions::__private::Produces<
        <::minions::__private::Answer<
            { <::minions::__private::Probe<Alert>>::IS_EVENT },
        > as ::minions::__private::EmittedOf<Alert, 0usize>>::Event,
    > for Watcher {}
    #[automatically_derived]
    impl ::minions::__private::Emits<
        <::minions::__private::Answer<
            { <::minions::__private::Probe<Alert>>::IS_EVENT },
        > as ::minions::__private::EmittedOf<Alert, 0usize>>::Event,
    > for Watcher {}
    const _: fn() = || ::minions::__private::assert_event::<other::Event>();
    #[automatically_derived]
    impl ::minions::__private::Produces<
        <::minions::__private::Answer<
            { <::minions::__private::Probe<other::Event>>::IS_EVENT },
        > as ::minions::__private::EmittedOf<other::Event, 1usize>>::Event,
    > for Watcher {}
    #[automatically_derived]
    impl ::minions::__private::Emits<
        <::minions::__private::Answer<
            { <::minions::__private::Probe<other::Event>>::IS_EVENT },
        > as ::minions::__private::EmittedOf<other::Event, 1usize>>::Event,
    > for Watcher {}
    #[automatically_derived]
    impl ::minions::__private::EventSource for Watcher {
        fn origin() -> ::minions::__private::Origin {
            ::minions::__private::Origin::emitted_by::<Self>()
        }
    }
};
