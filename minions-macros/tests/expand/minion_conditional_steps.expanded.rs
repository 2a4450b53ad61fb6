impl Watcher {
    async fn always(&self, page: &PageFound, _: &mut ()) {}
    #[cfg(unix)]
    #[cfg(feature = "odd")]
    async fn sometimes(&self, page: &PageFound, _: &mut ()) {}
    async fn last(&self, page: &PageFound, _: &mut ()) {}
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
            ::minions::__private::StepInfo::new("always")
                .at(
                    ::minions::__private::Location::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::column!(),
                    ),
                ),
            #[cfg(unix)]
            #[cfg(feature = "odd")]
            ::minions::__private::StepInfo::new("sometimes")
                .at(
                    ::minions::__private::Location::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::column!(),
                    ),
                ),
            ::minions::__private::StepInfo::new("last")
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
                    { <::minions::__private::Probe<()>>::IS_CONTEXT },
                > as ::minions::__private::ContextOf<()>>::get(context),
            );
            let _ = workflow;
            const __MINIONS_STEP_0: usize = 0;
            #[cfg(unix)]
            #[cfg(feature = "odd")]
            const __MINIONS_STEP_1: usize = 0 + (::core::cfg!(all()) as usize);
            const __MINIONS_STEP_2: usize = 0 + (::core::cfg!(all()) as usize)
                + (::core::cfg!(all(unix, feature = "odd")) as usize);
            match index {
                __MINIONS_STEP_0 => {
                    ::minions::__private::IntoFlow::into_flow(
                        ::minions::__private::Returned(
                                Self::always(self, event, context).await,
                            )
                            .kept(),
                    )
                }
                #[cfg(unix)]
                #[cfg(feature = "odd")]
                __MINIONS_STEP_1 => {
                    ::minions::__private::IntoFlow::into_flow(
                        ::minions::__private::Returned(
                                Self::sometimes(self, event, context).await,
                            )
                            .kept(),
                    )
                }
                __MINIONS_STEP_2 => {
                    ::minions::__private::IntoFlow::into_flow(
                        ::minions::__private::Returned(
                                Self::last(self, event, context).await,
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
                ::minions::__private::StepId::of_fn(&<Watcher>::always),
                #[cfg(unix)]
                #[cfg(feature = "odd")]
                ::minions::__private::StepId::of_fn(&<Watcher>::sometimes),
                ::minions::__private::StepId::of_fn(&<Watcher>::last),
            ];
            steps.iter().position(|known| *known == step)
        }
    }
};
