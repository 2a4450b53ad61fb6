use minions_ui_support::{Clock, Watcher};

minions::app! {
    #[no_main]
    pub struct App {
        seen: usize,
    }
    Clock => Watcher,
}

fn main() {}
