use minions_ui_support::{Clock, Watcher};

minions::app! {
    #[no_main]
    pub struct App;
    Clock => Watcher { max_in_flight = 0 },
}

fn main() {}
