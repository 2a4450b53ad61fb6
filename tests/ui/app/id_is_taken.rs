use minions_ui_support::{Clock, Watcher};

minions::app! {
    #[no_main]
    pub struct App;
    Clock => Watcher { id = "night" },
    Clock => Watcher { id = "night", max_in_flight = 2 },
}

fn main() {}
