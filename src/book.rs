//! The pages of the book, so that their code compiles with the tests.

macro_rules! pages {
    ($($page:ident = $file:literal;)*) => {
        $(#[doc = include_str!(concat!("../docs/src/", $file))]
        mod $page {})*
    };
}

pages! {
    overview = "overview.md";
    getting_started = "getting-started.md";
    pipelines = "pipelines.md";
    minions = "minions.md";
    resources = "resources.md";
    gru = "gru.md";
    state = "state.md";
    configuration = "configuration.md";
    telemetry = "telemetry.md";
    command_line = "command-line.md";
    what_minions_is_not = "what-minions-is-not.md";
}
