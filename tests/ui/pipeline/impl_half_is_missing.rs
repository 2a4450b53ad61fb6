use minions::prelude::*;

#[pipeline]
struct Sitemap;

fn main() {}
