//! Without `app!`: the builder, and a `main` of one's own.

use minions::Gru;
use minions_ui_support::{Clock, Watcher};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let gru = Gru::builder()
        .orchestrate::<Clock, Watcher>()
        .orchestrate_with::<Clock, Watcher>(|options| options.id("again").max_in_flight(1))
        .start()
        .await
        .expect("the program starts");
    assert_eq!(gru.manifest().orchestrations.len(), 2);
    gru.finished().await;
    gru.shutdown().await;
}
