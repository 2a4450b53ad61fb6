//! Keywords as names.

use minions::minion::Minion;
use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Event {
    r#type: String,
}

#[resource]
#[allow(non_camel_case_types)]
struct r#Type {
    #[default]
    r#match: usize,
}

#[resource]
impl r#Type {
    pub async fn r#loop(&self, r#in: usize) -> usize {
        self.r#match + r#in
    }
}

#[minion]
struct Watcher {
    r#type: Dep<r#Type>,
}

#[minion]
impl Watcher {
    #[minion_step]
    async fn r#match(&self, r#in: &Event, r#final: &mut usize) -> Flow {
        *r#final = self.r#type.r#loop(r#in.r#type.len()).await;
        Flow::to(Self::r#match)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(Watcher::STEPS[0].name, "match");
    let watcher = Watcher { r#type: Dep::new(Type { r#match: 1 }) };
    let mut length = 0;
    let flow = watcher.r#match(&Event { r#type: "ab".to_owned() }, &mut length).await;
    assert_eq!(length, 3);
    let Flow::To(step) = flow else { panic!("it jumps") };
    assert_eq!(Watcher::position(step), Some(0));
}
