impl Http {
    pub async fn get(&self, url: &str) -> Result<Page, HttpError> {
        let permit = {
            #[allow(unused_imports)]
            use ::minions::__private::NoProbe as _;
            static LIMIT: ::minions::__private::LimitedMethod = ::minions::__private::LimitedMethod::new(
                <::minions::__private::Probe<Http>>::NAME,
                "get",
                ::minions::__private::Limit::per_key(
                        ::minions::__private::Bounds::new()
                            .concurrency(8u32)
                            .rate(
                                ::minions::__private::Rate::new(
                                    20u32,
                                    ::core::time::Duration::from_millis(1000u64),
                                ),
                            )
                            .burst(5u32),
                    )
                    .total(::minions::__private::Bounds::new().concurrency(64u32))
                    .max_wait(::core::time::Duration::from_millis(30000u64)),
            );
            LIMIT.ask(self, || ::minions::__private::key(&(host(url))))
        };
        let permit = match permit.taken().await {
            ::core::result::Result::Ok(permit) => permit,
            ::core::result::Result::Err(rejected) => {
                return ::minions::__private::LimitedOutput::rejected(rejected);
            }
        };
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
                    return ::minions::__private::never::<Result<Page, HttpError>>();
                }
                Ok(self.client.get(url).await?)
            })
            .await;
        call.end({
            #[allow(unused_imports)]
            use ::minions::__private::Infallible as _;
            ::minions::__private::Fallible(&answer).is_error()
        });
        permit
            .end({
                #[allow(unused_imports)]
                use ::minions::__private::{Chained as _, Mute as _, NoResult as _};
                (&::minions::__private::Judged(&answer)).outcome()
            });
        answer
    }
    #[cfg(feature = "post")]
    pub async fn post(&self, body: Body) -> Result<()> {
        let permit = {
            #[allow(unused_imports)]
            use ::minions::__private::NoProbe as _;
            static LIMIT: ::minions::__private::LimitedMethod = ::minions::__private::LimitedMethod::new(
                <::minions::__private::Probe<Http>>::NAME,
                "post",
                ::minions::__private::Limit::new(
                    ::minions::__private::Bounds::new()
                        .concurrency(4u32)
                        .circuit(
                            ::minions::__private::Circuit::new()
                                .failures(5u32)
                                .open(::core::time::Duration::from_millis(60000u64)),
                        ),
                ),
            );
            LIMIT.ask(self, ::std::string::String::new)
        };
        let permit = match permit.taken().await {
            ::core::result::Result::Ok(permit) => permit,
            ::core::result::Result::Err(rejected) => {
                return ::minions::__private::LimitedOutput::rejected(rejected);
            }
        };
        let call = {
            #[allow(unused_imports)]
            use ::minions::__private::NoProbe as _;
            static METHOD: ::minions::__private::TrackedMethod = ::minions::__private::TrackedMethod::new(
                <::minions::__private::Probe<Http>>::NAME,
                "post",
            );
            ::minions::__private::Call::begin(&METHOD)
        };
        let answer = call
            .scope(async move {
                if false {
                    return ::minions::__private::never::<Result<()>>();
                }
                self.client.post(body).await
            })
            .await;
        call.end({
            #[allow(unused_imports)]
            use ::minions::__private::Infallible as _;
            ::minions::__private::Fallible(&answer).is_error()
        });
        permit
            .end({
                #[allow(unused_imports)]
                use ::minions::__private::{Chained as _, Mute as _, NoResult as _};
                (&::minions::__private::Judged(&answer)).outcome()
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
    impl ::minions::__private::Resource for Http {
        const LIMITS: &'static [::minions::__private::LimitInfo] = &[
            ::minions::__private::LimitInfo::new(
                "get",
                ::minions::__private::Limit::per_key(
                        ::minions::__private::Bounds::new()
                            .concurrency(8u32)
                            .rate(
                                ::minions::__private::Rate::new(
                                    20u32,
                                    ::core::time::Duration::from_millis(1000u64),
                                ),
                            )
                            .burst(5u32),
                    )
                    .total(::minions::__private::Bounds::new().concurrency(64u32))
                    .max_wait(::core::time::Duration::from_millis(30000u64)),
            ),
            #[cfg(feature = "post")]
            ::minions::__private::LimitInfo::new(
                "post",
                ::minions::__private::Limit::new(
                    ::minions::__private::Bounds::new()
                        .concurrency(4u32)
                        .circuit(
                            ::minions::__private::Circuit::new()
                                .failures(5u32)
                                .open(::core::time::Duration::from_millis(60000u64)),
                        ),
                ),
            ),
        ];
    }
};
