#[pipeline(restart = "never")]
struct Sitemap {
    http: Dep<Http>,
    #[default]
    seen: usize,
}

#[pipeline(background, idle = "250ms")]
impl Sitemap {
    async fn startup(&mut self) -> Result<()> {
        Ok(())
    }

    async fn next(&mut self) -> Result<Next<PageFound>> {
        Ok(Next::End)
    }

    async fn shutdown(&mut self) {}
}
