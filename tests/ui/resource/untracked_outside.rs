use minions::untracked;

#[untracked]
async fn ping() {}

fn main() {}
