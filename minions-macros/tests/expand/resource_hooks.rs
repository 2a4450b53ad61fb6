#[resource]
impl Http {
    async fn startup(&mut self) -> Result<()> {
        Ok(())
    }

    async fn run(&self, stop: Stop) -> Result<(), io::Error> {
        stop.requested().await;
        Ok(())
    }

    #[cfg(unix)]
    async fn shutdown(&self) {}

    pub async fn health(&self) -> Health {
        Health::Healthy
    }
}
