minions::app! {
    #[no_main]
    pub struct App;
    minions_ui_support::Clock -> minions_ui_support::Watcher,
}

fn main() {}
