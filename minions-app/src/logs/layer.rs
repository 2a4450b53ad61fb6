//! Collects what an event says and where it happened, and hands it to the outputs.

use std::cell::Cell;
use std::fmt;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

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

impl Output {
    pub(super) fn new(file: Option<LogFile>, terminal: Option<Terminal>) -> Self {
        Self { file, terminal }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("file", &self.file)
            .field("terminal", &self.terminal)
            .finish()
    }
}

impl<S> Layer<S> for Output
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        // Recorded before the span's data are locked, because formatting runs the user's code.
        let mut fields = Fields::default();
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
                json::write_line(
                    &mut scratch.line,
                    &mut scratch.clock,
                    metadata,
                    &scratch.fields,
                );
                file.write(&scratch.line);
            }
            if let Some(terminal) = &self.terminal {
                scratch.line.clear();
                terminal.write_line(
                    &mut scratch.line,
                    &mut scratch.wall_clock,
                    metadata,
                    &scratch.fields,
                    own,
                );
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
