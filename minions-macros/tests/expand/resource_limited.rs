#[resource]
impl Http {
    #[limit(concurrency = 8, rate = "20/s", burst = 5, per = host(url), total(concurrency = 64), max_wait = "30s")]
    pub async fn get(&self, url: &str) -> Result<Page, HttpError> {
        Ok(self.client.get(url).await?)
    }

    #[cfg(feature = "post")]
    #[limit(concurrency = 4, circuit(failures = 5, open = "1m"))]
    pub async fn post(&self, body: Body) -> Result<()> {
        self.client.post(body).await
    }
}
