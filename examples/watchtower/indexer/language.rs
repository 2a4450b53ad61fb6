//! The language of a file, from its name or from the first line of a script.

/// The language, where the name or the first line tells it.
pub(super) fn of(path: &str, first_line: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let by_name = NAMES.iter().find(|(known, _)| *known == name).map(|(_, language)| *language);
    by_name.or_else(|| by_extension(name)).or_else(|| by_interpreter(first_line))
}

fn by_extension(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    let known = LANGUAGES.iter().find(|(_, extensions)| extensions.contains(&&*extension));
    known.map(|(language, _)| *language)
}

fn by_interpreter(first_line: &str) -> Option<&'static str> {
    let mut words = first_line.strip_prefix("#!")?.split_ascii_whitespace();
    let program = words.next()?.rsplit('/').next()?;
    let program = if program == "env" { words.find(|word| !word.starts_with('-'))? } else { program };
    let name = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.iter().find(|(known, _)| *known == name).map(|(_, language)| *language)
}

const NAMES: &[(&str, &str)] = &[
    ("CMakeLists.txt", "CMake"),
    ("Dockerfile", "Dockerfile"),
    ("GNUmakefile", "Makefile"),
    ("Gemfile", "Ruby"),
    ("Justfile", "Just"),
    ("Makefile", "Makefile"),
    ("Rakefile", "Ruby"),
    ("justfile", "Just"),
    ("makefile", "Makefile"),
];

const LANGUAGES: &[(&str, &[&str])] = &[
    ("Assembly", &["asm", "s"]),
    ("C", &["c", "h"]),
    ("C#", &["cs"]),
    ("C++", &["cc", "cpp", "cxx", "hh", "hpp", "hxx"]),
    ("CMake", &["cmake"]),
    ("CSS", &["css", "less", "sass", "scss"]),
    ("CSV", &["csv", "tsv"]),
    ("Clojure", &["clj", "cljs"]),
    ("Dart", &["dart"]),
    ("Elixir", &["ex", "exs"]),
    ("Erlang", &["erl", "hrl"]),
    ("F#", &["fs", "fsx"]),
    ("Fortran", &["f", "f90", "f95"]),
    ("Go", &["go"]),
    ("HTML", &["htm", "html"]),
    ("Haskell", &["hs"]),
    ("INI", &["cfg", "conf", "ini"]),
    ("JSON", &["json", "json5", "jsonc", "jsonl"]),
    ("Java", &["java"]),
    ("JavaScript", &["cjs", "js", "jsx", "mjs"]),
    ("Julia", &["jl"]),
    ("Kotlin", &["kt", "kts"]),
    ("LaTeX", &["sty", "tex"]),
    ("Lisp", &["el", "lisp", "scm"]),
    ("Lua", &["lua"]),
    ("Makefile", &["mak", "mk"]),
    ("Markdown", &["markdown", "md"]),
    ("Nix", &["nix"]),
    ("OCaml", &["ml", "mli"]),
    ("Objective-C", &["m", "mm"]),
    ("PHP", &["php"]),
    ("Perl", &["pl", "pm"]),
    ("PowerShell", &["ps1", "psm1"]),
    ("Protocol Buffers", &["proto"]),
    ("Python", &["py", "pyi"]),
    ("R", &["r"]),
    ("Ruby", &["rb"]),
    ("Rust", &["rs"]),
    ("SQL", &["sql"]),
    ("SVG", &["svg"]),
    ("Scala", &["scala"]),
    ("Shell", &["bash", "fish", "sh", "zsh"]),
    ("Svelte", &["svelte"]),
    ("Swift", &["swift"]),
    ("TOML", &["toml"]),
    ("Terraform", &["tf"]),
    ("Text", &["rst", "txt"]),
    ("TypeScript", &["ts", "tsx"]),
    ("Vue", &["vue"]),
    ("XML", &["xml", "xsd", "xsl"]),
    ("YAML", &["yaml", "yml"]),
    ("Zig", &["zig"]),
];

const INTERPRETERS: &[(&str, &str)] = &[
    ("bash", "Shell"),
    ("fish", "Shell"),
    ("lua", "Lua"),
    ("node", "JavaScript"),
    ("perl", "Perl"),
    ("php", "PHP"),
    ("python", "Python"),
    ("ruby", "Ruby"),
    ("sh", "Shell"),
    ("zsh", "Shell"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_extensions_and_interpreters_tell_the_language() {
        for (path, first_line, language) in [
            ("src/main.rs", "", Some("Rust")),
            ("README.MD", "", Some("Markdown")),
            ("a/Makefile", "", Some("Makefile")),
            ("CMakeLists.txt", "", Some("CMake")),
            ("bin/tool", "#!/usr/bin/env -S python3.12 -u", Some("Python")),
            ("bin/tool", "#!/bin/sh -e", Some("Shell")),
            ("bin/tool", "#!", None),
            ("bin/tool", "", None),
            ("photo.jpeg", "", None),
            ("x.y/none", "", None),
        ] {
            assert_eq!(of(path, first_line), language, "{path} {first_line}");
        }
    }
}
