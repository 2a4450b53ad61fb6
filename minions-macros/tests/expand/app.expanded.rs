struct App;
#[allow(dead_code, unreachable_pub)]
impl App {
    /// The orchestrations of this program, for tests and for embedding it.
    pub fn builder() -> ::minions::GruBuilder {
        let builder = ::minions::GruBuilder::new();
        let builder = {
            #[allow(unused_imports)]
            use ::minions::__private::{NoLine as _, NoProbe as _};
            type __MinionsPipeline = Sitemap;
            type __MinionsMinion = Watcher;
            const _: fn() = || ::minions::__private::assert_source::<
                __MinionsPipeline,
            >();
            const _: fn() = || ::minions::__private::edge::<
                __MinionsPipeline,
                __MinionsMinion,
                { <::minions::__private::Probe<__MinionsPipeline>>::IS_SOURCE },
            >();
            <::minions::__private::Line<
                __MinionsPipeline,
                __MinionsMinion,
            >>::add(builder, ::minions::gru::OrchestrationOptions::default())
        };
        let builder = {
            #[allow(unused_imports)]
            use ::minions::__private::{NoLine as _, NoProbe as _};
            type __MinionsPipeline = pages::Sitemap;
            type __MinionsMinion = Auditor;
            const _: fn() = || ::minions::__private::assert_source::<
                __MinionsPipeline,
            >();
            const _: fn() = || ::minions::__private::edge::<
                __MinionsPipeline,
                __MinionsMinion,
                { <::minions::__private::Probe<__MinionsPipeline>>::IS_SOURCE },
            >();
            <::minions::__private::Line<
                __MinionsPipeline,
                __MinionsMinion,
            >>::add(
                builder,
                ::minions::gru::OrchestrationOptions::default()
                    .config("config/audit-*.toml")
                    .id("audit")
                    .max_in_flight(64)
                    .start(false),
            )
        };
        builder
    }
    /// Runs the generated command line on the arguments of the process.
    pub fn main() -> ::std::process::ExitCode {
        ::minions::__private::main::<::minions::__private::NoArgs>(Self::builder())
    }
}
fn main() -> ::std::process::ExitCode {
    App::main()
}
