use minions::error::Failure;

#[derive(Debug, Failure)]
enum HttpError {
    #[failure(retry_after = seconds)]
    Busy { seconds: u64 },
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the page cannot be fetched")
    }
}

impl std::error::Error for HttpError {}

fn main() {}
