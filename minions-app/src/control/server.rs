//! Takes requests at the socket and answers them.
//!
//! It has a thread of its own, because user code that blocks every thread of the runtime must not keep a person from
//! seeing that. Orders that wait for components are carried out on the runtime, where those live.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use minions_core::gru::{Control, ShutdownReport, Snapshot, StopMode, StopReport, Trouble};

use super::protocol::{Answer, LONGEST_REQUEST, Refusal, Request};
use super::socket::{Socket, Unbound};

/// How many may talk to the program at once; one more is told so.
const CONNECTIONS: usize = 64;

/// How long a request may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long answers under way may take once the program ends.
const GRACE: Duration = Duration::from_secs(1);

/// How often, and after what time, the socket of a program that is just ending is tried again.
const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// What answers are made of.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) program: Arc<str>,
    /// The state directory, absolute.
    pub(super) dir: PathBuf,
    pub(super) control: Control,
    /// Where components live.
    pub(super) runtime: Handle,
    /// Asks whoever runs the program to shut it down.
    pub(super) shutdowns: mpsc::Sender<Option<StopMode>>,
    /// How that went.
    pub(super) report: watch::Receiver<Option<Arc<ShutdownReport>>>,
    /// The program is at its very end.
    pub(super) end: CancellationToken,
}

#[derive(Serialize)]
struct Status<'a> {
    program: &'a str,
    version: &'static str,
    pid: u32,
    state_dir: String,
    #[serde(flatten)]
    snapshot: Snapshot,
    ready: bool,
    troubles: Vec<Trouble>,
}

#[derive(Serialize)]
struct Judged<T> {
    clean: bool,
    #[serde(flatten)]
    report: T,
}

/// Listens until the end of the program; the receiver tells when nothing of it is left.
pub(super) fn listen(service: Service) -> io::Result<oneshot::Receiver<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ending, ended) = oneshot::channel();
    thread::Builder::new().name("minions-control".to_owned()).spawn(move || {
        // Dropped last, whatever happens.
        let _ending: oneshot::Sender<()> = ending;
        runtime.block_on(serve(&service));
    })?;
    Ok(ended)
}

async fn serve(service: &Service) {
    let bound = service.end.run_until_cancelled(bind(service)).await;
    let Some(Some((socket, listener))) = bound else { return };
    tracing::info!("orders are taken at {}", service.dir.join("control.sock").display());
    let (mut talks, unbound) = (JoinSet::new(), CancellationToken::new());
    let accept = async {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, most likely: somebody may give one back.
                    tracing::warn!(%error, "a connection to the control socket was not taken");
                    tokio::time::sleep(BETWEEN_TRIES).await;
                    continue;
                }
            };
            while talks.try_join_next().is_some() {}
            let busy = talks.len() >= CONNECTIONS;
            talks.spawn(talk(service.clone(), stream, socket.owner, busy, unbound.clone()));
        }
    };
    let _: Option<()> = service.end.run_until_cancelled(accept).await;
    drop(listener);
    drop(socket);
    unbound.cancel();
    let finish = async { while talks.join_next().await.is_some() {} };
    // The rest is cut off when the set is dropped.
    let _ = tokio::time::timeout(GRACE, finish).await;
}

async fn bind(service: &Service) -> Option<(Socket, UnixListener)> {
    let mut tries = 0;
    let unbound = loop {
        match Socket::bind(&service.dir) {
            Err(Unbound::Taken) if tries < TRIES => tokio::time::sleep(BETWEEN_TRIES).await,
            Err(Unbound::Taken) => break io::Error::other("another program listens there"),
            Err(Unbound::Failed(error)) => break error,
            Ok((socket, listener)) => {
                let listener = listener.set_nonblocking(true).and_then(|()| UnixListener::from_std(listener));
                match listener {
                    Ok(listener) => return Some((socket, listener)),
                    Err(error) => break error,
                }
            }
        }
        tries += 1;
    };
    let path = service.dir.join("control.sock");
    tracing::warn!(error = %unbound, "no orders are taken at {}, `ps` and the like do not work", path.display());
    None
}

/// One connection from its request to its end; when the socket is `unbound`, nobody can call any more.
async fn talk(service: Service, stream: UnixStream, owner: u32, busy: bool, unbound: CancellationToken) {
    // The mode of the socket says the same, but not every system obeys it.
    let known = stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0);
    if !known {
        return;
    }
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    let mut shuts_down = false;
    let answer = if busy {
        Answer::Error(Refusal::new("busy", format!("{CONNECTIONS} others are talking to the program; try again")))
    } else {
        let mut limited = (&mut stream).take(LONGEST_REQUEST);
        let read = tokio::time::timeout(PATIENCE, limited.read_until(b'\n', &mut line));
        // Who has not asked yet does not hold up the end.
        match service.end.run_until_cancelled(read).await {
            Some(Ok(Ok(_))) => {}
            Some(Ok(Err(_))) | None => return,
            Some(Err(_)) => line.clear(),
        }
        match Request::from_line(&line) {
            Ok(request) => {
                shuts_down = matches!(request, Request::Shutdown { .. });
                tokio::select! {
                    answer = service.answer(request) => answer.unwrap_or_else(Answer::Error),
                    // What it was told to do and can be taken back, is.
                    () = gone(&mut stream) => return,
                }
            }
            Err(refusal) => Answer::Error(refusal),
        }
    };
    // Values that have been made into JSON can be written.
    let Ok(line) = answer.to_line() else { return };
    let _ = tokio::time::timeout(PATIENCE, stream.write_all(line.as_bytes())).await;
    if shuts_down {
        // Whoever shuts the program down knows by the end of the connection that it has ended.
        unbound.cancelled().await;
    }
}

/// Waits until the other side goes away.
async fn gone(stream: &mut (impl AsyncRead + Unpin)) {
    let mut ignored = [0; 256];
    while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}

impl Service {
    async fn answer(&self, request: Request) -> Result<Answer, Refusal> {
        let control = self.control.clone();
        match request {
            Request::Ps => Ok(self.status()),
            Request::Start(what) => {
                let started = self.on_runtime(async move { control.start(what).await }).await?;
                Ok(Answer::ok(&started?))
            }
            Request::Stop { id, mode } => {
                let stopped: StopReport = self.on_runtime(async move { control.stop(&id, mode).await }).await??;
                Ok(Answer::ok(&Judged { clean: stopped.is_clean(), report: stopped }))
            }
            Request::Pause { id } => {
                self.here(|| control.pause(&id))?;
                Ok(Answer::ok(&serde_json::json!({"pipeline": id, "paused": true})))
            }
            Request::Resume { id } => {
                self.here(|| control.resume(&id))?;
                Ok(Answer::ok(&serde_json::json!({"pipeline": id, "paused": false})))
            }
            Request::Shutdown { mode } => self.shut_down(mode).await,
            Request::Wf(request) => {
                let workflows = control.workflows();
                let said = self.on_runtime(async move { crate::workflows::answer(&workflows, request).await }).await?;
                Ok(Answer::Ok(said?))
            }
        }
    }

    fn status(&self) -> Answer {
        let snapshot = self.here(|| self.control.snapshot());
        let troubles = snapshot.troubles();
        Answer::ok(&Status {
            program: &self.program,
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            state_dir: self.dir.display().to_string(),
            ready: troubles.is_empty(),
            snapshot,
            troubles,
        })
    }

    async fn shut_down(&self, mode: Option<StopMode>) -> Result<Answer, Refusal> {
        // If nobody listens or there is one waiting already, it is being shut down, and its report is everybody's.
        let _ = self.shutdowns.try_send(mode);
        let mut report = self.report.clone();
        let report = report.wait_for(Option::is_some).await.ok().and_then(|report| report.clone());
        match report {
            Some(report) => Ok(Answer::ok(&Judged { clean: report.is_clean(), report: &*report })),
            None => Err(Refusal::new("ended", "the program ended without a report; its log may say why")),
        }
    }

    /// Does on this thread what answers at once, as if it were one of the runtime's.
    fn here<T>(&self, work: impl FnOnce() -> T) -> T {
        let _inside = self.runtime.enter();
        work()
    }

    /// Does on the runtime what takes its time there; dropping the future drops the work.
    async fn on_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let mut task = JoinSet::new();
        task.spawn_on(work, &self.runtime);
        match task.join_next().await {
            Some(Ok(done)) => Ok(done),
            _ => Err(Refusal::new("ended", "the program ended before the order was carried out; its log may say why")),
        }
    }
}
