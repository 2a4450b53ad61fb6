#[minion(emits(Alert, other::Event), version = 2, history(last = 1000, age = "7d"), failures(HttpError))]
impl Watcher {
    fn accept(&self, page: &other::Page) -> bool {
        page.is_new
    }

    fn migrate(stored: &mut Stored) -> Result<()> {
        Ok(())
    }

    #[minion_step(on_failure)]
    async fn cleanup(&self, page: &Page, visit: &mut Visit) {}

    #[minion_step(retry(attempts = 5, backoff = "200ms..30s"), timeout = "10s", alias = "get")]
    async fn fetch(&self, page: &Page, visit: &mut Visit) -> Result<(), HttpError> {}

    #[minion_step(retry(backoff = "1s"), alias("write", "store"))]
    async fn record(&self, page: &Page, visit: &mut Visit) {}
}
