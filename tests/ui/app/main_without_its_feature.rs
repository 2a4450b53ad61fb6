use minions_ui_support::{Clock, Watcher};

minions::app! {
    pub struct App;
    Clock => Watcher,
}
