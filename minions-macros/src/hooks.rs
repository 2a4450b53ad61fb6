//! The hooks of a component: known by name, checked strictly.

use syn::ReturnType;

use crate::block::{Block, Method, Taken};
use crate::diag::Diagnostics;
use crate::kind::Kind;
use crate::similar;
use crate::text::spelled;

/// One hook and the only signature it may have.
pub(crate) struct Hook {
    pub(crate) name: &'static str,
    /// What to write, as it is printed.
    signature: &'static str,
    is_async: bool,
    receiver: Receiver,
    parameters: Parameters,
    /// A hook without a result may return nothing at all.
    returns: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiver {
    Nothing,
    Shared,
    Exclusive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameters {
    Any,
    Exactly(usize),
}

const CREATE: Hook = Hook {
    name: "create",
    signature: "async fn create(needs..) -> Result<Self>",
    is_async: true,
    receiver: Receiver::Nothing,
    parameters: Parameters::Any,
    returns: true,
};
const STARTUP: Hook = Hook {
    name: "startup",
    signature: "async fn startup(&mut self) -> Result<()>",
    is_async: true,
    receiver: Receiver::Exclusive,
    parameters: Parameters::Exactly(0),
    returns: false,
};
const RUN: Hook = Hook {
    name: "run",
    signature: "async fn run(&self, stop: Stop) -> Result<()>",
    is_async: true,
    receiver: Receiver::Shared,
    parameters: Parameters::Exactly(1),
    returns: false,
};
const SHUTDOWN: Hook = Hook {
    name: "shutdown",
    signature: "async fn shutdown(&self) -> Result<()>",
    is_async: true,
    receiver: Receiver::Shared,
    parameters: Parameters::Exactly(0),
    returns: false,
};
const HEALTH: Hook = Hook {
    name: "health",
    signature: "async fn health(&self) -> Health",
    is_async: true,
    receiver: Receiver::Shared,
    parameters: Parameters::Exactly(0),
    returns: true,
};
const NEXT: Hook = Hook {
    name: "next",
    signature: "async fn next(&mut self) -> Result<Next<E>>",
    is_async: true,
    receiver: Receiver::Exclusive,
    parameters: Parameters::Exactly(0),
    returns: true,
};
/// It is asked on the way from the source, which is why it cannot wait for anything.
const ACCEPT: Hook = Hook {
    name: "accept",
    signature: "fn accept(&self, event: &E) -> bool",
    is_async: false,
    receiver: Receiver::Shared,
    parameters: Parameters::Exactly(1),
    returns: true,
};
/// It is asked on the way from the source, and for events of minions that do not run.
const LANE: Hook = Hook {
    name: "lane",
    signature: "fn lane(event: &E) -> impl Display",
    is_async: false,
    receiver: Receiver::Nothing,
    parameters: Parameters::Exactly(1),
    returns: true,
};
/// It is asked while workflows are read, before there is a minion.
const MIGRATE: Hook = Hook {
    name: "migrate",
    signature: "fn migrate(stored: &mut Stored) -> Result<()>",
    is_async: false,
    receiver: Receiver::Nothing,
    parameters: Parameters::Exactly(1),
    returns: false,
};
/// A pipeline is owned by its own task, which is why all of its hooks are exclusive.
const PIPELINE_SHUTDOWN: Hook =
    Hook { signature: "async fn shutdown(&mut self) -> Result<()>", receiver: Receiver::Exclusive, ..SHUTDOWN };

static RESOURCE: [Hook; 5] = [CREATE, STARTUP, RUN, SHUTDOWN, HEALTH];
static MINION: [Hook; 8] = [CREATE, STARTUP, RUN, SHUTDOWN, HEALTH, ACCEPT, LANE, MIGRATE];
static PIPELINE: [Hook; 4] = [CREATE, STARTUP, NEXT, PIPELINE_SHUTDOWN];

/// Names that are not hooks of this kind, though a person could think so, and why.
fn reserved(kind: Kind, name: &str) -> Option<String> {
    match (kind, name) {
        (Kind::Pipeline, "run" | "health") => {
            let why =
                if name == "run" { "it is driven by `next`" } else { "its health is derived from what `next` returns" };
            Some(format!("a pipeline has no hook `{name}`: {why}; mark the method `#[untracked]` to keep the name"))
        }
        _ => None,
    }
}

fn of(kind: Kind) -> &'static [Hook] {
    match kind {
        Kind::Resource => &RESOURCE,
        Kind::Minion => &MINION,
        Kind::Pipeline => &PIPELINE,
    }
}

/// The hook a method is, by its name alone.
pub(crate) fn named(kind: Kind, name: &str) -> Option<&'static Hook> {
    of(kind).iter().find(|hook| hook.name == name)
}

/// The well-formed hooks of a block.
#[derive(Default)]
pub(crate) struct Hooks<'a> {
    found: Vec<&'a Method>,
    /// Hooks that somebody meant to write and did not.
    missed: Vec<&'static str>,
}

impl<'a> Hooks<'a> {
    /// Finds and checks the hooks; whatever is almost one is reported too.
    pub(crate) fn check(kind: Kind, block: &'a Block, diag: &mut Diagnostics) -> Self {
        let mut hooks = Self::default();
        for method in block.methods().filter(|method| method.helper("minion_step").is_none()) {
            let name = method.name();
            let keeps_its_name = method.helper("untracked").is_some();
            if let Some(hook) = named(kind, &name) {
                if keeps_its_name {
                    let helper = method.helper("untracked");
                    diag.at(
                        helper,
                        format!("`{name}` is a hook and never tracked; remove `#[untracked]`, or rename the method if it is yours"),
                    );
                }
                if check_signature(hook, method, diag) {
                    hooks.found.push(method);
                } else {
                    hooks.missed.push(hook.name);
                }
            } else if keeps_its_name {
            } else if let Some(message) = reserved(kind, &name) {
                diag.at(&method.signature.ident, message);
            } else if let Some(hook) = near_miss(kind, block, method) {
                hooks.missed.push(hook.name);
                diag.at(
                    &method.signature.ident,
                    format!(
                        "`{name}` is not a hook and the runtime never calls it; did you mean `{}`? mark the method `#[untracked]` to keep the name",
                        hook.name
                    ),
                );
            }
        }
        hooks
    }

    /// The hook in all its conditional versions.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a Method> {
        self.found.iter().copied().filter(move |method| method.name() == name)
    }

    /// Whether the hook is there in a form that has been reported.
    pub(crate) fn is_missed(&self, name: &str) -> bool {
        self.missed.contains(&name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Method> {
        self.found.iter().copied().find(|method| method.name() == name)
    }
}

fn check_signature(hook: &Hook, method: &Method, diag: &mut Diagnostics) -> bool {
    let signature = &method.signature;
    let mut wrong = Vec::new();
    match (hook.is_async, signature.asyncness.is_some()) {
        (true, false) => wrong.push("is not `async`".to_owned()),
        (false, true) => wrong.push("is `async`".to_owned()),
        _ => {}
    }
    match (hook.receiver, method.receiver()) {
        (Receiver::Nothing, Taken::Nothing)
        | (Receiver::Shared, Taken::Shared)
        | (Receiver::Exclusive, Taken::Exclusive) => {}
        (Receiver::Nothing, _) if hook.name == "lane" => {
            wrong.push("takes `self`, which it is not asked with".to_owned());
        }
        (Receiver::Nothing, _) => wrong.push("takes `self`, which does not exist yet".to_owned()),
        (_, Taken::Nothing) => wrong.push("takes no `self`".to_owned()),
        (_, Taken::Shared) => wrong.push("takes `&self`".to_owned()),
        (_, Taken::Exclusive) => wrong.push("takes `&mut self`".to_owned()),
        (_, Taken::Other(receiver)) => wrong.push(format!("takes `{}`", spelled(&receiver))),
    }
    let count = method.parameters().count();
    if let Parameters::Exactly(expected) = hook.parameters
        && count != expected
    {
        let parameters = if count == 1 { "parameter" } else { "parameters" };
        wrong.push(format!("takes {count} {parameters} instead of {expected}"));
    }
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        wrong.push("is generic".to_owned());
    }
    if hook.returns && matches!(signature.output, ReturnType::Default) {
        wrong.push("returns nothing".to_owned());
    }
    // A condition on these two would make the kind of the component depend on a feature.
    if matches!(hook.name, "create" | "next") && !method.conditions().is_empty() {
        wrong.push("is conditional".to_owned());
    }
    if wrong.is_empty() {
        return true;
    }
    diag.at(
        signature,
        format!(
            "hook `{}` {}; write `{}`, or rename the method if it is yours",
            hook.name,
            wrong.join(" and "),
            hook.signature
        ),
    );
    false
}

/// The hook a method probably wants to be: its name is almost right, and it could have the signature.
fn near_miss(kind: Kind, block: &Block, method: &Method) -> Option<&'static Hook> {
    let name = method.name();
    let bare: String = name.trim_start_matches("on_").chars().filter(|c| *c != '_').collect();
    let hooks = of(kind);
    if let Some(hook) = hooks.iter().find(|hook| hook.name == bare) {
        return Some(hook);
    }
    let count = method.parameters().count();
    hooks.iter().find(|hook| {
        // Three letters are near to everything, so `run` is matched exactly.
        let allowed = match hook.name.len() {
            0..4 => 0,
            // So are four: a function `line` is somebody's.
            4 if !hook.is_async => 0,
            4..7 => 1,
            // Beside `migrate` there are `migrate_1` and its like.
            _ if !hook.is_async => 1,
            _ => 2,
        };
        let distance = similar::distance(&bare, hook.name);
        let takes = match method.receiver() {
            Taken::Nothing => Receiver::Nothing,
            Taken::Exclusive => Receiver::Exclusive,
            Taken::Shared | Taken::Other(_) => Receiver::Shared,
        };
        // A public `start(&self)` is somebody's method; a private one is a slip.
        let has_self = takes != Receiver::Nothing && hook.receiver != Receiver::Nothing;
        let fits = takes == hook.receiver || (method.is_private() && has_self);
        (1..=allowed).contains(&distance)
            && method.signature.asyncness.is_some() == hook.is_async
            && (hook.is_async || block.methods().all(|method| method.name() != hook.name))
            && fits
            && match hook.parameters {
                Parameters::Any => true,
                Parameters::Exactly(expected) => count == expected,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(kind: Kind, methods: &str) -> Vec<String> {
        let block: Block = syn::parse_str(&format!("impl Thing {{ {methods} }}")).expect("the block parses");
        let mut diag = Diagnostics::new();
        let _ = Hooks::check(kind, &block, &mut diag);
        diag.messages()
    }

    #[test]
    fn right_hooks_are_accepted() {
        let hooks = "
            async fn create(a: Dep<A>, (b, c): (Config<B>, C)) -> Result<Self> {}
            async fn startup(&mut self) -> Result<()> {}
            pub async fn run(&self, _: Stop) {}
            #[cfg(unix)] async fn shutdown(&self) -> Result<(), Odd> {}
            async fn health(&self) -> Health {}
            pub async fn get(&self, start: u8) {}
        ";
        assert!(messages(Kind::Resource, hooks).is_empty());
        assert!(messages(Kind::Minion, hooks).is_empty());
        let minion = "
            fn accept(&self, Page { url, .. }: &Page) -> bool {}
            fn lane(event: &Page) -> impl Display + use<> {}
            fn plane(event: &Page) -> u8 {}
            fn migrate(stored: &mut Stored) {}
            fn migrate_1(stored: &mut Stored) {}
        ";
        assert!(messages(Kind::Minion, minion).is_empty());
        let pipeline = "
            async fn startup(&mut self) {}
            async fn next(&mut self) -> Result<Next<u8>> {}
            async fn shutdown(&mut self) {}
        ";
        assert!(messages(Kind::Pipeline, pipeline).is_empty());
    }

    #[test]
    fn wrong_signatures() {
        let one = |method| messages(Kind::Resource, method).pop().unwrap_or_default();
        assert_eq!(
            one("fn health(&mut self, x: u8) {}"),
            "hook `health` is not `async` and takes `&mut self` and takes 1 parameter instead of 0 and returns nothing; \
             write `async fn health(&self) -> Health`, or rename the method if it is yours"
        );
        assert!(one("async fn startup(self: Arc<Self>) {}").contains("takes `self: Arc<Self>`"));
        assert!(one("async fn create(&self) -> Result<Self> {}").contains("does not exist yet"));
        assert!(one("async fn shutdown<T>(&self) {}").contains("is generic"));
        assert!(one("#[cfg(unix)] async fn create() -> Result<Self> {}").contains("is conditional"));
        assert!(one("#[untracked] async fn shutdown(&self) {}").contains("never tracked"));
        let one = |method| messages(Kind::Minion, method).pop().unwrap_or_default();
        assert_eq!(
            one("async fn accept(&self, event: &E) -> bool {}"),
            "hook `accept` is `async`; write `fn accept(&self, event: &E) -> bool`, or rename the method if it is yours"
        );
        assert!(one("fn accept(&self, event: &E) {}").contains("returns nothing"));
        assert_eq!(
            one("fn lane(&self, event: &E) -> String {}"),
            "hook `lane` takes `self`, which it is not asked with; write `fn lane(event: &E) -> impl Display`, or rename the \
             method if it is yours"
        );
        assert!(one("fn lane(e: &E) {}").contains("returns nothing"));
        assert!(one("fn migrate(&self, stored: &mut Stored) {}").contains("takes `self`, which does not exist yet"));
        let seen = messages(Kind::Pipeline, "async fn shutdown(&self) {}");
        assert!(seen[0].contains("`async fn shutdown(&mut self) -> Result<()>`"));
    }

    #[test]
    fn near_misses() {
        for (kind, name, method) in [
            (Kind::Resource, "startup", "async fn start_up(&mut self) {}"),
            (Kind::Resource, "startup", "fn start_up(&self, x: u8) {}"),
            (Kind::Resource, "startup", "async fn start(&self) {}"),
            (Kind::Resource, "startup", "pub async fn strtup(&mut self) {}"),
            (Kind::Resource, "shutdown", "pub async fn on_shutdown(&self) {}"),
            (Kind::Minion, "run", "async fn on_run(&self) {}"),
            (Kind::Pipeline, "next", "async fn nxt(&mut self) {}"),
            (Kind::Resource, "create", "async fn creat() {}"),
            (Kind::Minion, "accept", "fn acept(&self, e: &E) -> bool {}"),
            (Kind::Minion, "lane", "fn on_lane(e: &E) -> String {}"),
            (Kind::Minion, "migrate", "fn migrat(stored: &mut Stored) {}"),
        ] {
            let seen = messages(kind, method).concat();
            assert!(seen.contains(&format!("did you mean `{name}`?")), "{method}: {seen}");
        }
        assert_eq!(messages(Kind::Minion, "fn line(e: &E) -> String {}"), [""; 0]);
        for method in [
            "pub async fn start(&self, job: Job) {}",
            "pub async fn start(&self) {}",
            "fn started(&self) -> bool {}",
            "#[untracked] async fn start_up(&mut self) {}",
            "pub async fn fun(&self) {}",
            "fn created(&self) {}",
        ] {
            assert_eq!(messages(Kind::Resource, method), [""; 0], "{method}");
        }
    }

    #[test]
    fn reserved_names() {
        assert!(messages(Kind::Pipeline, "async fn health(&self) {}")[0].contains("derived"));
        assert!(messages(Kind::Resource, "pub async fn lane(&self) {}").is_empty());
    }
}
