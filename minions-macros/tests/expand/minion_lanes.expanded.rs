impl Watcher {
    fn lane(page: &PageFound) -> impl Display {
        page.host()
    }
    async fn only(&self, page: &PageFound, _: &mut ()) {}
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
    const _: fn() = || ::minions::__private::assert_context::<()>();
    #[automatically_derived]
    impl ::minions::__private::Minion for Watcher {
        type Event = <::minions::__private::Answer<
            { <::minions::__private::Probe<PageFound>>::IS_EVENT },
        > as ::minions::__private::EventOf<PageFound>>::Event;
        type Context = <::minions::__private::Answer<
            { <::minions::__private::Probe<()>>::IS_CONTEXT },
        > as ::minions::__private::ContextOf<()>>::Context;
        const STEPS: &'static [::minions::__private::StepInfo] = &[
            ::minions::__private::StepInfo::new("only")
                .at(
                    ::minions::__private::Location::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::column!(),
                    ),
                ),
        ];
        const LANES: ::core::option::Option<::minions::__private::Lanes> = ::core::option::Option::Some(
            ::minions::__private::Lanes::ONE_BY_ONE
                .concurrency(2u32)
                .rate(5u32, ::core::time::Duration::from_millis(1000u64))
                .queue(1000u64)
                .backlog(5000u64)
                .pass(),
        );
        fn lane(event: &Self::Event) -> ::std::string::String {
            ::minions::__private::LaneKey::key(
                &Self::lane(
                    <::minions::__private::Answer<
                        { <::minions::__private::Probe<PageFound>>::IS_EVENT },
                    > as ::minions::__private::EventOf<PageFound>>::get(event),
                ),
            )
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
                    { <::minions::__private::Probe<PageFound>>::IS_EVENT },
                > as ::minions::__private::EventOf<PageFound>>::get(event),
                <::minions::__private::Answer<
                    { <::minions::__private::Probe<()>>::IS_CONTEXT },
                > as ::minions::__private::ContextOf<()>>::get(context),
            );
            let _ = workflow;
            match index {
                0usize => {
                    ::minions::__private::IntoFlow::into_flow(
                        ::minions::__private::Returned(
                                Self::only(self, event, context).await,
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
                ::minions::__private::StepId::of_fn(&<Watcher>::only),
            ];
            steps.iter().position(|known| *known == step)
        }
    }
};
