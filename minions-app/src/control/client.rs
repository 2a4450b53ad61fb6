//! The commands as a person gives them: asks the running program and tells what it answers.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::exit::Exit;
use crate::output::{answer, answer_json, complain};

use super::command::Command;
use super::paint::Paint;
use super::protocol::{Answer, LONGEST_ANSWER, Refusal, Request, Start};
use super::{ps, reports, socket};

/// How long an answer may take that needs no waiting for anybody.
const AT_ONCE: Duration = Duration::from_secs(10);

/// How long an answer may take that is looked for among many stored workflows.
const STORED: Duration = Duration::from_secs(120);

/// How long the end of a program may take after its report.
const LAST_MOMENTS: Duration = Duration::from_secs(10);

/// Gives the command to the program whose state is in `state`.
pub(crate) async fn run(state: &Path, program: &str, command: Command) -> Exit {
    let json = command.json();
    match order(state, program, command).await {
        Ok(exit) => exit,
        Err(refusal) => {
            if json {
                answer_json(&json!({"error": refusal}));
            }
            complain(refusal.message);
            Exit::Failed
        }
    }
}

/// Whether a program answers at the socket in `state`.
pub(crate) fn is_there(state: &Path) -> bool {
    socket::connect(state).is_ok()
}

/// Asks the running program about its stored workflows.
pub(crate) async fn ask_workflows(
    state: &Path,
    program: &str,
    request: crate::workflows::Request,
) -> Result<Value, crate::workflows::Refusal> {
    let asked = async { Connection::open(state, program)?.ask(&Request::Wf(request), Some(STORED)).await };
    asked.await.map_err(|refusal| {
        // The words that are asked for again; every other one is only shown.
        let kind =
            ["not-found", "not-quarantined", "running", "not-in-program", "no-such-step", "context", "ambiguous"];
        let kind = kind.into_iter().find(|kind| *kind == refusal.kind).unwrap_or("refused");
        crate::workflows::Refusal::new(kind, refusal.message)
    })
}

async fn order(state: &Path, program: &str, command: Command) -> Result<Exit, Refusal> {
    let json = command.json();
    let patience = command.patience();
    let request = command.request()?;
    let mut connection = Connection::open(state, program)?;
    let said = connection.ask(&request, patience).await?;
    if json {
        answer_json(&said);
    }
    match request {
        Request::Ps if !json => {
            let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
            answer(ps::ps(&read(said)?, &state.display().to_string(), now_ms, Paint::on_stdout()));
        }
        Request::Start(_) if !json => answer(reports::started(&read(said)?)),
        Request::Pause { id } if !json => answer(format_args!("{id} takes no more events until it is resumed")),
        Request::Resume { id } if !json => answer(format_args!("{id} takes events again")),
        Request::Stop { .. } | Request::Shutdown { .. } => {
            let report = read(said)?;
            if !json {
                answer(reports::stopped(&report, program));
            }
            if matches!(request, Request::Shutdown { .. }) {
                connection.closed().await;
            }
            if let Some(disorder) = reports::disorder(&report) {
                complain(disorder);
                return Ok(Exit::Failed);
            }
        }
        _ => {}
    }
    Ok(Exit::Done)
}

impl Command {
    fn json(&self) -> bool {
        match self {
            Self::Ps { json }
            | Self::Start { json, .. }
            | Self::Stop { json, .. }
            | Self::Pause { json, .. }
            | Self::Resume { json, .. }
            | Self::Shutdown { json, .. } => *json,
        }
    }

    /// How long the answer may take; what runs hooks of components has deadlines of its own.
    fn patience(&self) -> Option<Duration> {
        match self {
            Self::Ps { .. } | Self::Pause { .. } | Self::Resume { .. } => Some(AT_ONCE),
            Self::Start { .. } | Self::Stop { .. } | Self::Shutdown { .. } => None,
        }
    }

    fn request(self) -> Result<Request, Refusal> {
        Ok(match self {
            Self::Ps { .. } => Request::Ps,
            Self::Start { orchestration, from, id, max_in_flight, .. } => {
                let from = from.map(|pattern| absolute(&pattern)).transpose()?;
                let max_in_flight = max_in_flight.map(Into::into);
                Request::Start(Start { orchestration, from, id, max_in_flight })
            }
            Self::Stop { id, mode, .. } => Request::Stop { id, mode: mode.into() },
            Self::Pause { id, .. } => Request::Pause { id },
            Self::Resume { id, .. } => Request::Resume { id },
            Self::Shutdown { mode, .. } => Request::Shutdown { mode: mode.map(Into::into) },
        })
    }
}

/// The path as the program finds it, wherever that runs.
fn absolute(pattern: &str) -> Result<String, Refusal> {
    let path = std::path::absolute(pattern)
        .map_err(|error| Refusal::new("usage", format!("`{pattern}` names no file: {error}")))?;
    let path = path.into_os_string().into_string();
    path.map_err(|path| Refusal::new("usage", format!("the path `{}` is not UTF-8; give another one", path.display())))
}

struct Connection {
    stream: BufReader<UnixStream>,
}

impl Connection {
    fn open(state: &Path, program: &str) -> Result<Self, Refusal> {
        let stream = socket::connect(state).and_then(|stream| {
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        });
        let stream = stream.map_err(|error| unreachable(state, program, &error))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    async fn ask(&mut self, request: &Request, patience: Option<Duration>) -> Result<Value, Refusal> {
        let exchange = self.exchange(request);
        let answered = match patience {
            Some(patience) => match tokio::time::timeout(patience, exchange).await {
                Ok(answered) => answered,
                Err(_) => {
                    let seconds = patience.as_secs();
                    return Err(Refusal::new("silent", format!("the program has not answered within {seconds} s")));
                }
            },
            None => exchange.await,
        };
        let ended = |error: io::Error| {
            Refusal::new("ended", format!("the program went away without an answer ({error}); its log may say why"))
        };
        match Answer::from_line(&answered.map_err(ended)?) {
            Ok(Answer::Ok(value)) => Ok(value),
            Ok(Answer::Error(refusal)) => Err(refusal),
            Err(error) => Err(not_understood(&error)),
        }
    }

    async fn exchange(&mut self, request: &Request) -> io::Result<Vec<u8>> {
        // A program that refuses at once does not read what it is asked, but its answer is there.
        let written = self.stream.write_all(request.to_line()?.as_bytes()).await;
        let mut line = Vec::new();
        (&mut self.stream).take(LONGEST_ANSWER).read_until(b'\n', &mut line).await?;
        match line.last() {
            Some(b'\n') => Ok(line),
            _ => Err(written.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Waits until the program has closed it, which a program that ends does last.
    async fn closed(mut self) {
        let _ = tokio::time::timeout(LAST_MOMENTS, self.stream.read(&mut [0])).await;
    }
}

fn unreachable(state: &Path, program: &str, error: &io::Error) -> Refusal {
    let dir = state.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Refusal::new(
            "not-running",
            format!(
                "no running program answers in `{dir}`; start it with `{program} --state {dir} run`, or name the \
                 directory of another one with --state"
            ),
        ),
        io::ErrorKind::PermissionDenied => Refusal::new(
            "forbidden",
            format!("the program in `{dir}` takes orders from the user only that started it: {error}"),
        ),
        _ => Refusal::new("unreachable", format!("the program in `{dir}` cannot be reached: {error}")),
    }
}

fn read<T: DeserializeOwned>(said: Value) -> Result<T, Refusal> {
    serde_json::from_value(said).map_err(|error| not_understood(&error))
}

fn not_understood(error: &serde_json::Error) -> Refusal {
    let what = format!("the answer is not understood: {error}; the program may be another build than this command");
    Refusal::new("version", what)
}
