#[minion]
impl Watcher {
    async fn create(http: Dep<Http>) -> Result<Self> {
        Ok(Self { http })
    }

    async fn startup(&mut self) -> Result<()> {
        Ok(())
    }

    async fn run(&self, _: Stop) -> Result<()> {
        Ok(())
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn health(&self) -> Health {
        Health::Healthy
    }

    #[minion_step]
    async fn only(&self, page: &PageFound, _: &mut ()) {}
}
