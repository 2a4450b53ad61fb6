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
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::Silent as _;
    #[automatically_derived]
    impl ::minions::__private::Failure for HttpError {
        #[allow(unused_variables, clippy::used_underscore_binding)]
        fn verdict(&self) -> ::minions::__private::Verdict {
            match self {
                Self::NotFound { .. } => ::minions::__private::Verdict::Terminal,
                Self::Busy { wait, code, .. } => {
                    ::minions::__private::Verdict::NotBefore(
                        ::minions::__private::Pause::pause(*wait),
                    )
                }
                Self::Down { .. } => {
                    ::minions::__private::Verdict::NotBefore(
                        ::core::time::Duration::from_millis(30000u64),
                    )
                }
                Self::Io { 0: _0, .. } => ::minions::__private::Asked(_0).verdict(),
                Self::Gone { .. } => ::minions::__private::Verdict::Abort,
            }
        }
    }
};
#[derive(Failure)]
struct Broken;
const _: () = {
    #[allow(unused_imports)]
    use ::minions::__private::Silent as _;
    #[automatically_derived]
    impl ::minions::__private::Failure for Broken {
        #[allow(unused_variables, clippy::used_underscore_binding)]
        fn verdict(&self) -> ::minions::__private::Verdict {
            match self {
                Self { .. } => ::minions::__private::Verdict::Retry,
            }
        }
    }
};
