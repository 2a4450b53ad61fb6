use minions::error::Failure;

#[derive(Debug, Failure)]
enum HttpError {
    NotFound,
}

fn main() {}
