minions::app! {
    Sitemap => Watcher,
    pages::Sitemap => Auditor { config = "config/audit-*.toml", id = "audit", max_in_flight = 64, start = false },
}
