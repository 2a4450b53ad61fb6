//! Collects what an event says and where it happened, and hands it to the outputs.

use std::cell::Cell;
use std::fmt;

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use minions_core::telemetry::CurrentStep;

use crate::output::SAID;

use super::fields::Fields;
use super::file::LogFile;
use super::json::{self, Clock};
use super::terminal::{Terminal, WallClock};
use super::writer;

/// Buffers of a thread beyond this many bytes are given back after use.
const KEPT_CAPACITY: usize = 64 * 1024;

/// The layer under our outputs: fields are recorded once, however many outputs there are.
pub(super) struct Output {
    file: Option<LogFile>,
    terminal: Option<Terminal>,
}

/// Keeps the runtime from opening a span for each attempt at a step: [`Output`] asks for what it says when there is a line
/// to write, which is far less often.
///
/// Of no use where something else looks at spans, such as a filter that names one.
pub(super) struct WithoutStepSpans;

impl<S: Subscriber> Layer<S> for WithoutStepSpans {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if CurrentStep::is_told_by(metadata) { Interest::never() } else { Interest::always() }
    }
}

impl Output {
    pub(super) fn new(file: Option<LogFile>, terminal: Option<Terminal>) -> Self {
        Self { file, terminal }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("file", &self.file).field("terminal", &self.terminal).finish()
    }
}

impl<S> Layer<S> for Output
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        // Recorded before the span's data are locked, because formatting runs the user's code.
        let mut fields = Fields::with_room_for(attributes.metadata().fields().len());
        attributes.record(&mut fields.span());
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut later = Fields::default();
        values.record(&mut later.span());
        if let Some(span) = context.span(id) {
            let mut extensions = span.extensions_mut();
            match extensions.get_mut::<Fields>() {
                Some(fields) => fields.append(&later),
                None => {
                    extensions.replace(later);
                }
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        with_scratch(|scratch| {
            if let Some(step) = CurrentStep::get() {
                // Outermost, as its span would be.
                scratch.fields.identify(&step);
            }
            let scope = context.event_scope(event).into_iter();
            for span in scope.flat_map(|scope| scope.from_root()) {
                if let Some(fields) = span.extensions().get::<Fields>() {
                    scratch.fields.append(fields);
                }
            }
            let own = scratch.fields.len();
            event.record(&mut scratch.fields.event());

            let metadata = event.metadata();
            if let Some(file) = &self.file {
                json::write_line(&mut scratch.line, &mut scratch.clock, metadata, &scratch.fields);
                file.write(&scratch.line);
            }
            // What was said there in other words is not said again.
            if let Some(terminal) = self.terminal.as_ref().filter(|_| metadata.target() != SAID) {
                scratch.line.clear();
                terminal.write_line(&mut scratch.line, &mut scratch.wall_clock, metadata, &scratch.fields, own);
                writer::write(&scratch.line);
            }
        });
    }
}

/// What a thread reuses from line to line.
#[derive(Default)]
struct Scratch {
    line: String,
    fields: Fields,
    clock: Clock,
    wall_clock: WallClock,
}

/// Lends the thread's buffers. They are taken out while in use: a value that logs while it is being formatted finds
/// none and gets its own.
fn with_scratch(work: impl FnOnce(&mut Scratch)) {
    thread_local! {
        static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
    }
    // Fails while the thread ends, when its locals are gone already.
    let kept = SCRATCH.try_with(Cell::take).ok().flatten();
    let mut scratch = kept.unwrap_or_default();
    scratch.line.clear();
    scratch.fields.clear();
    work(&mut scratch);
    if scratch.line.capacity().max(scratch.fields.capacity()) <= KEPT_CAPACITY {
        let _ = SCRATCH.try_with(|cell| cell.set(Some(scratch)));
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;

    use serde_json::{Value, json};
    use tracing::{error, info, info_span, warn};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// The lines that `work` logs, each of which must be a JSON object.
    fn logged(work: impl FnOnce()) -> Vec<Value> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("minions.log");
        let file = LogFile::open(&path, 0, 1).unwrap();
        let subscriber = tracing_subscriber::registry().with(Output::new(Some(file), None));
        tracing::subscriber::with_default(subscriber, work);
        let text = fs::read_to_string(&path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The one line that `work` logs, without its time.
    fn one(work: impl FnOnce()) -> Value {
        let lines = logged(work);
        let [line] = <[Value; 1]>::try_from(lines).unwrap();
        let Value::Object(mut fields) = line else { panic!("{line} is no object") };
        let time = fields.remove("time").unwrap();
        assert!(time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{time}");
        Value::Object(fields)
    }

    #[test]
    fn a_line_carries_the_fields_of_its_spans_and_its_own() {
        let line = one(|| {
            let workflow = info_span!("workflow", minion = "Watcher", workflow = "w1");
            let _workflow = workflow.enter();
            let step = info_span!("step", step = "fetch", attempt = 2);
            let _step = step.enter();
            info!(target: "my_app", bytes = 12_u64, fresh = true, ratio = 0.5, "page saved");
        });
        assert_eq!(
            line,
            json!({
                "level": "INFO", "target": "my_app", "message": "page saved",
                "minion": "Watcher", "workflow": "w1", "step": "fetch", "attempt": 2,
                "bytes": 12, "fresh": true, "ratio": 0.5,
            })
        );
    }

    #[test]
    fn the_innermost_value_of_a_name_wins_and_is_there_once() {
        let line = one(|| {
            let _outer = info_span!("outer", url = "outer", kept = 1).entered();
            let inner = info_span!("inner", url = "inner", late = tracing::field::Empty).entered();
            inner.record("late", "first");
            inner.record("late", "second");
            info!(target: "t", url = "event", "m");
        });
        assert_eq!(
            line,
            json!({
                "level": "INFO", "target": "t", "message": "m",
                "kept": 1, "late": "second", "url": "event",
            })
        );
        assert_eq!(line.to_string().matches("url").count(), 1);
    }

    #[test]
    fn fields_named_like_the_fixed_ones_stand_beside_them() {
        let line = one(|| {
            let _span = info_span!("s", message = "of the span", target = "span's").entered();
            warn!(target: "t", time = 1, level = "high", "of the event");
        });
        assert_eq!(
            line,
            json!({
                "level": "WARN", "target": "t", "message": "of the event",
                "message_": "of the span", "target_": "span's", "time_": 1, "level_": "high",
            })
        );
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Link(&'static str, #[source] Option<Box<Link>>);

    #[test]
    fn an_error_gives_its_whole_chain() {
        let root = Link("connection refused", None);
        let top = Link("cannot fetch", Some(Box::new(Link("no answer", Some(Box::new(root))))));
        let line = one(|| {
            let _outer = info_span!("s", error = &Link("older", None) as &dyn Error).entered();
            error!(target: "t", error = &top as &dyn Error, "gave up");
        });
        assert_eq!(
            line,
            json!({
                "level": "ERROR", "target": "t", "message": "gave up", "error": "cannot fetch",
                "error_chain": ["cannot fetch", "no answer", "connection refused"],
            })
        );
    }

    #[derive(Debug)]
    struct Endless;

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("again")
        }
    }

    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&Endless)
        }
    }

    #[test]
    fn an_error_that_is_its_own_cause_ends() {
        let line = one(|| error!(error = &Endless as &dyn Error, "loop"));
        assert!(line["error_chain"].as_array().unwrap().len() < 100);
    }

    /// Its `Debug` writes a part and then does what it is told.
    struct Bad(fn() -> fmt::Result);

    impl fmt::Debug for Bad {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            (self.0)()
        }
    }

    #[test]
    fn a_field_that_cannot_be_written_is_lost_and_nothing_else() {
        let lines = logged(|| {
            let bad = Bad(|| Err(fmt::Error));
            let _span = info_span!("s", before = 1, ?bad, after = 2).entered();
            info!(first = "a", ?bad, last = "b", "failed");
            let bad = Bad(|| panic!("on purpose"));
            info!(first = "a", ?bad, last = "b", "panicked");
            info!("{bad:?}");
        });
        assert_eq!(lines.len(), 3);
        for (line, message) in lines.iter().zip(["failed", "panicked", ""]) {
            assert_eq!(line["message"], message);
            assert_eq!((&line["before"], &line["after"]), (&json!(1), &json!(2)));
            assert!(line.get("bad").is_none());
        }
        for line in &lines[..2] {
            assert_eq!((&line["first"], &line["last"]), (&json!("a"), &json!("b")));
        }
    }

    #[test]
    fn numbers_that_json_has_no_word_for_become_text() {
        let line = one(|| {
            info!(
                target: "t",
                nan = f64::NAN,
                low = f64::NEG_INFINITY,
                tiny = 1e-300,
                huge = 1e300,
                wide = u128::MAX,
                narrow = 7_i128,
                "m"
            );
        });
        assert_eq!(
            line,
            json!({
                "level": "INFO", "target": "t", "message": "m", "nan": "NaN", "low": "-inf",
                "tiny": 1e-300, "huge": 1e300, "narrow": 7,
                "wide": "340282366920938463463374607431768211455",
            })
        );
    }
}
