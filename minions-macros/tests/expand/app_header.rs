minions::app! {
    /// Watches a site.
    #[no_main]
    #[args(MyArgs)]
    pub struct Watch;
    Sitemap => Watcher,
}
