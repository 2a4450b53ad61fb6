use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    async fn shutdown(&self) -> Result<()> {
        let shared = std::rc::Rc::new(1);
        tokio::task::yield_now().await;
        drop(shared);
        Ok(())
    }
}

fn main() {}
