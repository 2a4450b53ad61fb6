#[resource(nmae = "x")]
struct Http {
    #[default = 3]
    a: u8,
}

#[resource]
impl Http {
    async fn start_up(&mut self) {}
    fn health(&self) -> Health {
        Health::Healthy
    }
    pub async fn get(&self) {}
}

#[resource]
struct Cache<T> {
    #[default]
    t: T,
}

#[resource]
enum State {
    On,
}

#[minion]
impl Watcher {
    #[minion_step(timeout = "1s")]
    fn a(&self, page: PageFound) {}
}

#[pipeline]
impl Clock {}

minions::app! {
    #[no_main]
    struct Broken;
    A => B { confg = "x" },
}
