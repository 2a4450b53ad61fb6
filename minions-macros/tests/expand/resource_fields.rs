/// Shared.
#[resource]
#[derive(Debug)]
pub struct Http {
    settings: Config<HttpSettings>,
    limiter: Dep<Limiter>,
    #[default]
    cache: Cache,
    #[default(Duration::from_secs(3))]
    pause: Duration,
    #[cfg(feature = "proxy")]
    proxy: Dep<Proxy>,
}

#[resource]
impl Http {}
