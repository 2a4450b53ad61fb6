impl Watcher {
    async fn create(http: Dep<Http>) -> Result<Self> {
        Ok(Self { http })
    }
    async fn startup(&mut self) -> Result<()> {
        Ok(())
    }
    async fn run(&self, _: Stop) -> Result<()> {
        Ok(())
    }
    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }
    async fn health(&self) -> Health {
        Health::Healthy
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
        const CREATES: bool = true;
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
        const NEEDS: &'static [::minions::__private::Need] = {
            const _: fn() = || ::minions::__private::assert_inject::<Dep<Http>>();
            const NEEDS: &[::core::option::Option<::minions::__private::Need>] = &[
                <::minions::__private::Probe<Dep<Http>>>::NEED,
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
            ::minions::__private::CreateResult::created(Self::create(need0).await)
        }
        async fn startup(&mut self) -> ::minions::__private::Result<()> {
            ::minions::__private::HookResult::hook(Self::startup(self).await)
        }
        async fn run(
            &self,
            stop: ::minions::__private::Stop,
        ) -> ::minions::__private::Result<()> {
            ::minions::__private::HookResult::hook(Self::run(self, stop).await)
        }
        async fn shutdown(&self) -> ::minions::__private::Result<()> {
            ::minions::__private::HookResult::hook(Self::shutdown(self).await)
        }
        async fn health(&self) -> ::minions::__private::Health {
            Self::health(self).await
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
