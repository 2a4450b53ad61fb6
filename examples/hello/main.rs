//! The shortest complete program: a pipeline that lets three visitors in, and a minion that greets each in two durable steps.

use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Visitor {
    name: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Visit {
    greeting: String,
}

#[pipeline]
struct Door {
    #[default]
    seen: usize,
}

#[pipeline]
impl Door {
    async fn next(&mut self) -> Result<Next<Visitor>> {
        let names = ["Ada", "Grace", "Barbara"];
        let next = names.get(self.seen).map(|name| Visitor { name: (*name).to_owned() });
        self.seen += 1;
        Ok(next.into()) // an event, or the end of the source
    }
}

#[minion]
struct Greeter {}

#[minion]
impl Greeter {
    #[minion_step]
    async fn compose(&self, visitor: &Visitor, visit: &mut Visit) {
        visit.greeting = format!("Hello, {}!", visitor.name);
    }

    #[minion_step]
    async fn say(&self, _visitor: &Visitor, visit: &mut Visit) -> Result<()> {
        println!("{}", visit.greeting);
        Ok(())
    }
}

minions::app! {
    struct Hello;
    Door => Greeter,
}
