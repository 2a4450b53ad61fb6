#[derive(Debug, Failure)]
#[failure(terminal)]
enum HttpError {
    NotFound,
    #[failure(retry_after = *wait)]
    Busy { wait: Duration, code: u16 },
    #[failure(retry_after = "30s")]
    Down(u8),
    #[failure(transparent)]
    Io(std::io::Error),
    #[failure(abort)]
    Gone,
}

#[derive(Failure)]
struct Broken;
