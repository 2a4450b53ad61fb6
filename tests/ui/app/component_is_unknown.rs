use minions_ui_support::Clock;

minions::app! {
    #[no_main]
    pub struct App;
    Clock => Wacther,
}

fn main() {}
