//! Takes calls over HTTP and answers 200 only when a call is durable: whoever has the answer need not call again.
//!
//! ```text
//! cargo run --example webhook
//! curl -i -H 'Idempotency-Key: order-7' -d '{"amount": 12}' http://127.0.0.1:8080/calls
//! ```
//!
//! A call with a key that was admitted before is answered 200 as well, and does nothing: so a client that did not hear the
//! answer, because the connection or the process broke, calls again with the same key until it does. Kill the program
//! whenever you like: every call that was answered ends as exactly one receipt, a file in `receipts`.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use minions::component::Tasks;
use minions::pipeline::Admitted;
use minions::prelude::*;
use tokio::net::TcpListener;

#[derive(Serialize, Deserialize)]
struct Call {
    body: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Receipt {
    amount: u64,
}

#[derive(Deserialize)]
struct CallsSettings {
    #[serde(default = "local")]
    listen: SocketAddr,
}

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

/// Where calls come from: the server of `startup`, through the inlet.
#[pipeline]
struct Calls {
    settings: Config<CallsSettings>,
    inlet: Inlet<Call>,
    tasks: Tasks,
}

#[pipeline]
impl Calls {
    async fn startup(&mut self) -> Result<()> {
        let listener = TcpListener::bind(self.settings.listen).await?;
        let routes = Router::new().route("/calls", post(take)).with_state(self.inlet.clone());
        self.tasks.spawn("http", async move |stop| {
            // Calls that wait when the program stops are refused, so the server ends in time.
            axum::serve(listener, routes).with_graceful_shutdown(async move { stop.requested().await }).await?;
            Ok(())
        });
        Ok(())
    }

    async fn next(&mut self) -> Result<Next<Call>> {
        // Everything comes through the inlet.
        std::future::pending().await
    }
}

async fn take(State(inlet): State<Inlet<Call>>, headers: HeaderMap, body: String) -> impl IntoResponse {
    let mut delivery = Delivery::new(Call { body });
    if let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) {
        delivery = delivery.key(key);
    }
    match inlet.admit(delivery).await {
        Ok(Admitted::Duplicate) => (StatusCode::OK, "admitted before\n".to_owned()),
        Ok(Admitted::Filtered) => (StatusCode::OK, "nobody wants it\n".to_owned()),
        Ok(_) => (StatusCode::OK, "admitted\n".to_owned()),
        Err(refused) if refused.is_final() => (StatusCode::UNPROCESSABLE_ENTITY, format!("{refused}\n")),
        Err(refused) => (StatusCode::SERVICE_UNAVAILABLE, format!("{refused}; call again\n")),
    }
}

#[derive(Deserialize)]
struct BookkeeperSettings {
    #[serde(default = "receipts")]
    receipts: PathBuf,
}

fn receipts() -> PathBuf {
    PathBuf::from("receipts")
}

/// Writes a receipt for each call.
#[minion]
struct Bookkeeper {
    settings: Config<BookkeeperSettings>,
}

#[minion]
impl Bookkeeper {
    #[minion_step]
    async fn read(&self, call: &Call, receipt: &mut Receipt) -> Result<()> {
        #[derive(Deserialize)]
        struct Order {
            amount: u64,
        }
        receipt.amount = serde_json::from_str::<Order>(&call.body)?.amount;
        Ok(())
    }

    #[minion_step]
    async fn write(&self, call: &Call, receipt: &mut Receipt, wf: &Workflow) -> Result<()> {
        std::fs::create_dir_all(&self.settings.receipts)?;
        // Named after the workflow: a step that is run again after a crash writes the same file once more.
        let text = format!("{} for {}\n", receipt.amount, call.body);
        std::fs::write(self.settings.receipts.join(wf.id().to_string()), text)?;
        Ok(())
    }
}

minions::app! {
    /// Takes calls over HTTP.
    struct Webhook;
    Calls => Bookkeeper,
}
