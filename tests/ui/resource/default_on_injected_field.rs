use minions::prelude::*;

#[derive(Deserialize)]
struct Settings {}

#[resource]
struct Http {
    #[default]
    settings: Config<Settings>,
}

#[resource]
impl Http {}

fn main() {}
