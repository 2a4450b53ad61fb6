use minions_ui_support::{Clock, Watcher};

minions::app! {
    #[no_main]
    pub struct App;
    Clock => Watcher { start = "no" },
}

fn main() {}
