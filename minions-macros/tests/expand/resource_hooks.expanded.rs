impl Http {
    async fn startup(&mut self) -> Result<()> {
        Ok(())
    }
    async fn run(&self, stop: Stop) -> Result<(), io::Error> {
        stop.requested().await;
        Ok(())
    }
    #[cfg(unix)]
    async fn shutdown(&self) {}
    pub async fn health(&self) -> Health {
        Health::Healthy
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
        async fn startup(&mut self) -> ::minions::__private::Result<()> {
            ::minions::__private::HookResult::hook(Self::startup(self).await)
        }
        async fn run(
            &self,
            stop: ::minions::__private::Stop,
        ) -> ::minions::__private::Result<()> {
            ::minions::__private::HookResult::hook(Self::run(self, stop).await)
        }
        #[cfg(unix)]
        async fn shutdown(&self) -> ::minions::__private::Result<()> {
            ::minions::__private::HookResult::hook(Self::shutdown(self).await)
        }
        async fn health(&self) -> ::minions::__private::Health {
            Self::health(self).await
        }
    }
};
