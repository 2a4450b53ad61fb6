use minions_ui_support::{Clock as _, Watcher as _};

minions::app! {
    #[no_main]
    pub struct App;
}

fn main() {}
