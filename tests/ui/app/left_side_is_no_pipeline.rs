use minions_ui_support::{Counter, Watcher};

minions::app! {
    #[no_main]
    pub struct App;
    Counter => Watcher,
}

fn main() {}
