use minions::prelude::*;

#[resource(id = "Web/2")]
struct Http;

#[resource]
impl Http {}

#[resource(id = "WebPages")]
struct Pages;

#[resource]
impl Pages {}

fn main() {}
