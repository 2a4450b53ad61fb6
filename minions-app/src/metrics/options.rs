//! What can be set about metrics.

use std::net::{Ipv4Addr, SocketAddr};

/// Where metrics are served; whoever switches them off does not call [`start`](super::start).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricsOptions {
    /// Address of the endpoint; port 0 takes any free one.
    pub listen: SocketAddr,
}

impl MetricsOptions {
    /// Serves at `listen`.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self { listen }
    }
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)))
    }
}
