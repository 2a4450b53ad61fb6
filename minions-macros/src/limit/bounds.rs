//! What holds for the calls of each key, or for all calls.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, Lit};

use crate::attr::{Argument, Arguments, Value};
use crate::diag::Diagnostics;
use crate::duration;

pub(super) const KNOWN: [&str; 5] = ["concurrency", "rate", "burst", "queue", "circuit"];
const CIRCUIT: [&str; 6] = ["failures", "ratio", "calls", "window", "open", "probes"];

pub(super) struct Bounds {
    concurrency: Option<u32>,
    rate: Option<(u32, Duration)>,
    burst: Option<u32>,
    queue: Option<u32>,
    circuit: Option<Circuit>,
    /// Whether anything of it limits calls, right or wrong.
    is_empty: bool,
}

struct Circuit {
    failures: Option<u32>,
    ratio: Option<f64>,
    calls: Option<u32>,
    window: Option<Duration>,
    open: Option<Duration>,
    probes: Option<u32>,
}

impl Bounds {
    pub(super) fn take(arguments: &mut Arguments, diag: &mut Diagnostics) -> Self {
        let concurrency = arguments.take("concurrency");
        let (rate, circuit) = (arguments.take("rate"), arguments.take("circuit"));
        let is_empty = concurrency.is_none() && rate.is_none() && circuit.is_none();
        let burst = arguments.take("burst");
        if let (Some(burst), None) = (&burst, &rate) {
            diag.at(&burst.key, "`burst` belongs to a rate, and there is none; add `rate = \"20/s\"`");
        }
        let mut count = |argument: Option<Argument>| argument.and_then(|argument| argument.count(diag));
        let (concurrency, burst, queue) = (count(concurrency), count(burst), count(arguments.take("queue")));
        let rate = rate.and_then(|rate| rate.text(duration::rate, diag));
        let circuit = circuit.and_then(|circuit| Circuit::parse(circuit, diag));
        Self { concurrency, rate, burst, queue, circuit, is_empty }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }

    pub(super) fn constant(&self, private: &TokenStream) -> TokenStream {
        let concurrency = self.concurrency.map(|calls| quote!(.concurrency(#calls)));
        let rate = self.rate.map(|(calls, per)| {
            let per = duration::tokens(per);
            quote!(.rate(#private::Rate::new(#calls, #per)))
        });
        let burst = self.burst.map(|calls| quote!(.burst(#calls)));
        let queue = self.queue.map(|calls| quote!(.queue(#calls)));
        let circuit = self.circuit.as_ref().map(|circuit| {
            let circuit = circuit.constant(private);
            quote!(.circuit(#circuit))
        });
        quote!(#private::Bounds::new() #concurrency #rate #burst #queue #circuit)
    }
}

impl Circuit {
    fn parse(argument: Argument, diag: &mut Diagnostics) -> Option<Self> {
        let key = argument.key.clone();
        let before = diag.count();
        let mut arguments = argument.nested("circuit(failures = 5, open = \"30s\")", diag)?;
        let (failures, ratio) = (arguments.take("failures"), arguments.take("ratio"));
        let opens = failures.is_some() || ratio.is_some();
        let mut count = |argument: Option<Argument>| argument.and_then(|argument| argument.count(diag));
        let failures = count(failures);
        let (calls, probes) = (count(arguments.take("calls")), count(arguments.take("probes")));
        let ratio = ratio.and_then(|ratio| part(ratio, diag));
        let window = arguments.take("window").and_then(|argument| argument.duration(diag));
        let open = arguments.take("open").and_then(|argument| argument.duration(diag));
        arguments.finish(&CIRCUIT, &[], diag);
        if !opens && diag.count() == before {
            diag.at(
                &key,
                "this circuit never opens; write for example `circuit(failures = 5)` or `circuit(ratio = 0.5)`",
            );
        }
        Some(Self { failures, ratio, calls, window, open, probes })
    }

    fn constant(&self, private: &TokenStream) -> TokenStream {
        let failures = self.failures.map(|calls| quote!(.failures(#calls)));
        let ratio = self.ratio.map(|ratio| quote!(.ratio(#ratio)));
        let calls = self.calls.map(|calls| quote!(.calls(#calls)));
        let window = self.window.map(duration::tokens).map(|time| quote!(.window(#time)));
        let open = self.open.map(duration::tokens).map(|time| quote!(.open(#time)));
        let probes = self.probes.map(|calls| quote!(.probes(#calls)));
        quote!(#private::Circuit::new() #failures #ratio #calls #window #open #probes)
    }
}

/// A part of the calls: above 0, and at most 1.
fn part(argument: Argument, diag: &mut Diagnostics) -> Option<f64> {
    let number = match &argument.value {
        Value::Equals(Expr::Lit(ExprLit { lit: Lit::Float(number), .. })) => number.base10_parse::<f64>().ok(),
        Value::Equals(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => number.base10_parse::<f64>().ok(),
        _ => None,
    };
    let number = number.filter(|number| *number > 0.0 && *number <= 1.0);
    if number.is_none() {
        diag.at(argument.place(), "argument `ratio` takes a part of the calls, above 0 and at most 1: `ratio = 0.5`");
    }
    number
}
