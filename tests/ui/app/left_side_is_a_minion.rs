use minions_ui_support::{Watcher};

minions::app! {
    #[no_main]
    pub struct App;
    Watcher => Watcher,
}

fn main() {}
