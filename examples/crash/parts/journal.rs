//! What the program does where the parent can see it, whatever happens to the program.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minions::prelude::*;

use crate::points::pass;

/// An append-only file with a line for each visit to a step, and the two tables of the program.
///
/// A line is one `write`: what is in the cache of the system survives the death of a process.
#[resource]
pub struct Journal {
    directory: PathBuf,
    file: Arc<File>,
    run: u64,
}

#[resource]
impl Journal {
    async fn create() -> Result<Self> {
        Err("the program makes it by hand, because it depends on the command line".into())
    }
}

impl Journal {
    pub fn open(directory: &Path, run: u64) -> io::Result<Self> {
        Ok(Self { directory: directory.to_owned(), file: append(&directory.join("journal"))?.into(), run })
    }

    /// The same one, for another start of its resource.
    pub fn again(&self) -> Self {
        Self { directory: self.directory.clone(), file: self.file.clone(), run: self.run }
    }

    /// Where the input lies.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A visit begins: `done` is what the context says of those before it.
    pub fn enter(&self, wf: &Workflow, label: &str, done: u64) -> Result<()> {
        pass("begin", wf.step());
        let (run, orchestration, step) = (self.run, wf.orchestration(), wf.step());
        let (key, attempt, again) = (wf.idempotency_key(), wf.attempt(), wf.may_have_run());
        let line = format!("{run} {orchestration} {label} {key} {step} {done} {attempt} {again}\n");
        Ok((&*self.file).write_all(line.as_bytes())?)
    }

    /// A visit ends, and has changed the context.
    pub fn leave(&self, wf: &Workflow, done: &mut u64) {
        *done += 1;
        pass("end", wf.step());
    }

    /// Counts the visit in the database, together with its checkpoint.
    pub fn post(&self, wf: &Workflow, label: &str) {
        self.write(wf, label, "posted");
    }

    /// Counts the end of the workflow there.
    pub fn finish(&self, wf: &Workflow, label: &str) {
        self.write(wf, label, "finished");
    }

    fn write(&self, wf: &Workflow, label: &str, table: &'static str) {
        let (orchestration, id, label) = (wf.orchestration().to_owned(), wf.id().to_string(), label.to_owned());
        wf.with_checkpoint(move |tx| {
            pass("effect", "begin");
            // No key is unique: a row that is written twice is to be seen.
            let create =
                format!("CREATE TABLE IF NOT EXISTS {table} (orchestration TEXT, label TEXT, workflow TEXT) STRICT");
            tx.execute(&create, ())?;
            let insert = format!("INSERT INTO {table} (orchestration, label, workflow) VALUES (?1, ?2, ?3)");
            tx.execute(&insert, (&orchestration, &label, &id))?;
            pass("effect", "end");
            Ok(())
        });
    }
}

pub fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
