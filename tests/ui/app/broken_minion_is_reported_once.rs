use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

use minions_ui_support::Clock;

#[minion]
struct Reader;

#[minion]
impl Reader {
    #[minion_step]
    async fn read(&self, _page: Page, _: &mut ()) {}
}

minions::app! {
    #[no_main]
    pub struct App;
    Clock => Reader,
}

fn main() {}
