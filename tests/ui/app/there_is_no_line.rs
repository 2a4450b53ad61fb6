minions::app! {
    #[no_main]
    pub struct App;
}

fn main() {}
