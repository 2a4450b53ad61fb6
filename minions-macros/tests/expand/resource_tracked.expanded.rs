impl Http {
    const LIMIT: usize = 3;
    /// Fetches.
    pub async fn get(&self, url: &str) -> Result<Page, HttpError> {
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
        answer
    }
    pub(crate) async fn each<'a, T: AsRef<str>>(
        &'a self,
        (url, _): (T, u8),
        f: impl Fn(&str),
    ) -> &'a str {
        let call = {
            #[allow(unused_imports)]
            use ::minions::__private::NoProbe as _;
            static METHOD: ::minions::__private::TrackedMethod = ::minions::__private::TrackedMethod::new(
                <::minions::__private::Probe<Http>>::NAME,
                "each",
            );
            ::minions::__private::Call::begin(&METHOD)
        };
        let answer = call
            .scope(async move {
                if false {
                    return ::minions::__private::never::<&'a str>();
                }
                f(url.as_ref());
                &self.name
            })
            .await;
        call.end({
            #[allow(unused_imports)]
            use ::minions::__private::Infallible as _;
            ::minions::__private::Fallible(&answer).is_error()
        });
        answer
    }
    pub async fn pages(&self) -> Result<impl Iterator<Item = Page>, HttpError> {
        let call = {
            #[allow(unused_imports)]
            use ::minions::__private::NoProbe as _;
            static METHOD: ::minions::__private::TrackedMethod = ::minions::__private::TrackedMethod::new(
                <::minions::__private::Probe<Http>>::NAME,
                "pages",
            );
            ::minions::__private::Call::begin(&METHOD)
        };
        let answer = call
            .scope(async move {
                if false {
                    return ::minions::__private::never::<Result<_, HttpError>>();
                }
                Ok(self.all().await?.into_iter())
            })
            .await;
        call.end({
            #[allow(unused_imports)]
            use ::minions::__private::Infallible as _;
            ::minions::__private::Fallible(&answer).is_error()
        });
        answer
    }
    pub async fn stream(&self) -> impl Iterator<Item = Page> {
        let call = {
            #[allow(unused_imports)]
            use ::minions::__private::NoProbe as _;
            static METHOD: ::minions::__private::TrackedMethod = ::minions::__private::TrackedMethod::new(
                <::minions::__private::Probe<Http>>::NAME,
                "stream",
            );
            ::minions::__private::Call::begin(&METHOD)
        };
        let answer = call.scope(async move { self.all_now() }).await;
        call.end({
            #[allow(unused_imports)]
            use ::minions::__private::Infallible as _;
            ::minions::__private::Fallible(&answer).is_error()
        });
        answer
    }
    pub async fn clear(&self) {
        #![allow(unused_must_use)]
        let call = {
            #[allow(unused_imports)]
            use ::minions::__private::NoProbe as _;
            static METHOD: ::minions::__private::TrackedMethod = ::minions::__private::TrackedMethod::new(
                <::minions::__private::Probe<Http>>::NAME,
                "clear",
            );
            ::minions::__private::Call::begin(&METHOD)
        };
        let answer = call
            .scope(async move {
                if false {
                    return;
                }
                self.drop_all().await;
            })
            .await;
        call.end({
            #[allow(unused_imports)]
            use ::minions::__private::Infallible as _;
            ::minions::__private::Fallible(&answer).is_error()
        });
        answer
    }
    pub async fn ping(&self) -> bool {
        true
    }
    async fn private(&self) {}
    pub fn sync(&self) {}
    pub async fn exclusive(&mut self) {}
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
    impl ::minions::__private::Resource for Http {}
};
