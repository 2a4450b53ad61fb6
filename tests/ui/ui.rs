//! What the macros say. `README.md` beside this file tells how to bless.

#[test]
fn mistakes_are_explained_and_oddities_compile() {
    // One set of cases, so that their dependencies are built once.
    let cases = trybuild::TestCases::new();
    cases.compile_fail("resource/*.rs");
    cases.compile_fail("pipeline/*.rs");
    cases.compile_fail("minion/*.rs");
    cases.compile_fail("app/*.rs");
    cases.compile_fail("failure/*.rs");
    cases.pass("pass/*.rs");
}
