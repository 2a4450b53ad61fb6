struct Clock;
const _: () = {
    #[allow(unused_imports)]
    use vendor::minions::__private::{NoProbe as _, graph::NoBranch as _};
    #[automatically_derived]
    impl vendor::minions::__private::Component for Clock {
        const NAME: &'static str = "clock";
        const LOCATION: vendor::minions::__private::Location = vendor::minions::__private::Location::new(
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
        );
        const FIELDS: &'static [vendor::minions::__private::Need] = {
            const NEEDS: &[::core::option::Option<vendor::minions::__private::Need>] = &[];
            &vendor::minions::__private::needs::<
                { vendor::minions::__private::count(NEEDS) },
            >(NEEDS)
        };
        #[allow(unused_variables)]
        fn assemble(
            cx: &vendor::minions::__private::Assembly,
        ) -> vendor::minions::__private::Result<Self> {
            ::core::result::Result::Ok(Self {})
        }
    }
    const _: fn() = || vendor::minions::__private::assert_pipeline_impl::<Clock>();
};
impl Clock {
    async fn next(&mut self) -> Result<Next<Tick>> {
        Ok(Next::Idle)
    }
}
const _: () = {
    #[allow(unused_imports)]
    use vendor::minions::__private::NoProbe as _;
    #[automatically_derived]
    impl vendor::minions::__private::PipelineImpl for Clock {}
    #[automatically_derived]
    impl vendor::minions::__private::ImplHalf for Clock {
        const CREATES: bool = false;
    }
    #[automatically_derived]
    impl vendor::minions::__private::Pipeline for Clock {
        type Event = <vendor::minions::__private::Answer<
            { <vendor::minions::__private::Probe<Result<Next<Tick>>>>::IS_NEXT },
        > as vendor::minions::__private::NextOf<Result<Next<Tick>>>>::Event;
        async fn next(
            &mut self,
        ) -> vendor::minions::__private::Result<
            vendor::minions::__private::Next<Self::Event>,
        > {
            <vendor::minions::__private::Answer<
                { <vendor::minions::__private::Probe<Result<Next<Tick>>>>::IS_NEXT },
            > as vendor::minions::__private::NextOf<
                Result<Next<Tick>>,
            >>::into_next(Self::next(self).await)
        }
    }
    #[automatically_derived]
    impl vendor::minions::__private::Produces<
        <vendor::minions::__private::Answer<
            { <vendor::minions::__private::Probe<Result<Next<Tick>>>>::IS_NEXT },
        > as vendor::minions::__private::NextOf<Result<Next<Tick>>>>::Event,
    > for Clock {}
    const _: fn() = || vendor::minions::__private::assert_next::<Result<Next<Tick>>>();
};
