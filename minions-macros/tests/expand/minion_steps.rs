#[minion]
pub struct Watcher(Dep<Http>, #[default] u8);

#[minion]
impl Watcher {
    #[minion_step(name = "get")]
    async fn fetch(&self, page: &PageFound, visit: &mut Visit) -> Result<()> {
        Ok(())
    }

    /// An alias of the event.
    #[minion_step]
    async fn r#match(&self, Page { url, .. }: &Page, _: &mut Visit) -> Flow {
        Flow::to(Self::record)
    }

    fn helper(&self) {}

    #[minion_step]
    async fn record(&self, page: &PageFound, visit: &mut Visit, wf: &Workflow) {}
}
