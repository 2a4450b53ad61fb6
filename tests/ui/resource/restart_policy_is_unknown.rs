use minions::prelude::*;

#[resource(restart = "onfailure")]
struct Http;

#[resource]
impl Http {}

#[resource(restart(policy = "sometimes"))]
struct Pages;

#[resource]
impl Pages {}

fn main() {}
