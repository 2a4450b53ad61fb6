#[resource]
impl Http {
    const LIMIT: usize = 3;

    /// Fetches.
    pub async fn get(&self, url: &str) -> Result<Page, HttpError> {
        Ok(self.client.get(url).await?)
    }

    pub(crate) async fn each<'a, T: AsRef<str>>(&'a self, (url, _): (T, u8), f: impl Fn(&str)) -> &'a str {
        f(url.as_ref());
        &self.name
    }

    pub async fn pages(&self) -> Result<impl Iterator<Item = Page>, HttpError> {
        Ok(self.all().await?.into_iter())
    }

    pub async fn stream(&self) -> impl Iterator<Item = Page> {
        self.all_now()
    }

    pub async fn clear(&self) {
        #![allow(unused_must_use)]
        self.drop_all().await;
    }

    #[untracked]
    pub async fn ping(&self) -> bool {
        true
    }

    async fn private(&self) {}

    pub fn sync(&self) {}

    pub async fn exclusive(&mut self) {}
}
