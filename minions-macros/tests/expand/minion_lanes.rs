#[minion(lane(concurrency = 2, rate = "5/s", queue = 1000, backlog = 5000, quarantined = "pass"))]
impl Watcher {
    fn lane(page: &PageFound) -> impl Display {
        page.host()
    }

    #[minion_step]
    async fn only(&self, page: &PageFound, _: &mut ()) {}
}
