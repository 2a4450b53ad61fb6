#[resource(name = "database", id = "db", restart(policy = "always", backoff = "1s..1m", multiplier = 3, jitter = 0.2, limit = 9, reset = "1d"))]
pub(crate) struct Db {
    pool: Pool,
}

#[resource]
impl Db {
    async fn create(http: Dep<Http>, (a, b): (Config<A>, Config<B>)) -> Result<Self> {
        Ok(Self { pool: connect(&http, a, b).await? })
    }
}
