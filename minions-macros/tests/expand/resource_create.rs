#[resource(name = "database")]
pub(crate) struct Db {
    pool: Pool,
}

#[resource]
impl Db {
    async fn create(http: Dep<Http>, (a, b): (Config<A>, Config<B>)) -> Result<Self> {
        Ok(Self { pool: connect(&http, a, b).await? })
    }
}
