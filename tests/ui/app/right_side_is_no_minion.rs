use minions_ui_support::{Clock, Counter};

minions::app! {
    #[no_main]
    pub struct App;
    Clock => Counter,
}

fn main() {}
