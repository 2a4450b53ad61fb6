//! The pages of the book, so that their code compiles with the tests and their tables stay true.

#[cfg(doctest)]
#[doc = include_str!("../docs/src/overview.md")]
mod overview {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/getting-started.md")]
mod getting_started {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/pipelines.md")]
mod pipelines {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/minions.md")]
mod minions {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/resources.md")]
mod resources {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/limits.md")]
mod limits {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/gru.md")]
mod gru {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/lifecycle.md")]
mod lifecycle {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/state.md")]
mod state {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/proof.md")]
mod proof {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/performance.md")]
mod performance {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/upgrading.md")]
mod upgrading {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/configuration.md")]
mod configuration {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/telemetry.md")]
mod telemetry {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/command-line.md")]
mod command_line {}

#[cfg(doctest)]
#[doc = include_str!("../docs/src/what-minions-is-not.md")]
mod what_minions_is_not {}

#[cfg(all(test, feature = "app"))]
mod tests {
    #[test]
    fn t1_the_book_lists_every_metric_as_it_is() {
        let page = include_str!("../docs/src/telemetry.md");
        let table = minions_app::metrics::markdown();
        assert!(page.contains(&table), "docs/src/telemetry.md lacks this table:\n{table}");
        let listed = page.lines().filter(|line| line.starts_with("| `minions_")).count();
        assert_eq!(listed, table.lines().count() - 2, "docs/src/telemetry.md lists a metric that does not exist");
    }

    #[test]
    fn the_readme_shows_the_hello_example() {
        let (_, program) = include_str!("../examples/hello/main.rs").split_once("\n\n").expect("it has a first line");
        assert!(include_str!("../README.md").contains(program), "README.md shows another program than examples/hello");
    }

    #[test]
    fn the_summary_lists_every_page() {
        let summary = include_str!("../docs/src/SUMMARY.md");
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src");
        for entry in std::fs::read_dir(directory).expect("the book is there") {
            let name = entry.expect("it can be listed").file_name().into_string().expect("pages have plain names");
            assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "SUMMARY.md lacks {name}");
        }
    }
}
