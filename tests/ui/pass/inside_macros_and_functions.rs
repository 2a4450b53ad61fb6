//! Components out of `macro_rules`, and inside a function.

use minions::component::Component;
use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

macro_rules! watcher {
    ($name:ident, $event:ty, $resource:ty) => {
        #[minion]
        struct $name {
            resource: Dep<$resource>,
        }

        #[minion]
        impl $name {
            #[minion_step]
            async fn only(&self, _event: &$event, _: &mut ()) {
                let _ = &self.resource;
            }
        }
    };
}

#[resource]
struct Http;

#[resource]
impl Http {}

watcher!(First, Page, Http);
watcher!(Second, Page, Http);

fn main() {
    #[resource]
    struct Local {
        http: Dep<Http>,
    }

    #[resource]
    impl Local {
        pub async fn get(&self) {
            let _ = &self.http;
        }
    }

    assert_eq!((First::NAME, Second::NAME, Local::NAME), ("first", "second", "local"));
}
