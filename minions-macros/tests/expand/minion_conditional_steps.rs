#[minion]
impl Watcher {
    #[minion_step]
    async fn always(&self, page: &PageFound, _: &mut ()) {}

    #[cfg(unix)]
    #[cfg(feature = "odd")]
    #[minion_step]
    async fn sometimes(&self, page: &PageFound, _: &mut ()) {}

    #[minion_step]
    async fn last(&self, page: &PageFound, _: &mut ()) {}
}
