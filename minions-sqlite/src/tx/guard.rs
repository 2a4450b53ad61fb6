//! What statements of users must not touch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::schema;

/// Watches over every statement that is prepared while it is [on](Self::watch).
///
/// It is one hook for the life of the connection: to set another one would make all statements be prepared again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    watches: AtomicBool,
    reason: Mutex<Option<String>>,
}

impl Guard {
    pub(crate) fn install(connection: &Connection) -> rusqlite::Result<Self> {
        let guard = Self::default();
        let state = guard.state.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            if !state.watches.load(Ordering::Relaxed) {
                return Authorization::Allow;
            }
            match forbidden(&context) {
                None => Authorization::Allow,
                Some(reason) => {
                    *state.reason.lock() = Some(reason);
                    Authorization::Deny
                }
            }
        }))?;
        Ok(guard)
    }

    /// Watches until the answer is dropped.
    pub(crate) fn watch(&self) -> Watch<'_> {
        self.state.watches.store(true, Ordering::Relaxed);
        Watch(self)
    }

    /// Why the last statement was refused, if it was.
    pub(crate) fn take_reason(&self) -> Option<String> {
        self.state.reason.lock().take()
    }
}

#[derive(Debug)]
pub(crate) struct Watch<'g>(&'g Guard);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.state.watches.store(false, Ordering::Relaxed);
    }
}

fn forbidden(context: &AuthContext<'_>) -> Option<String> {
    use AuthAction as A;

    let no = |what: &str| Some(what.to_owned());
    match context.action {
        A::Transaction { .. } | A::Savepoint { .. } => {
            no("the transaction belongs to the runtime: work succeeds or fails as a whole")
        }
        A::Attach { .. } | A::Detach { .. } => no("other databases cannot join the transaction"),
        // By which SQLite itself looks at the rows of a strict table that gets another column.
        A::Pragma { pragma_name: "quick_check", .. } => None,
        A::Pragma { pragma_name, .. } => Some(format!("`PRAGMA {pragma_name}` is for the runtime alone")),
        A::CreateTempIndex { .. }
        | A::CreateTempTable { .. }
        | A::CreateTempTrigger { .. }
        | A::CreateTempView { .. } => no("nothing temporary can be made: the connection is shared with the runtime"),
        A::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            no("extensions cannot be loaded")
        }
        A::CreateIndex { table_name, .. }
        | A::CreateTrigger { table_name, .. }
        | A::DropIndex { table_name, .. }
        | A::DropTrigger { table_name, .. }
        | A::CreateTable { table_name }
        | A::CreateView { view_name: table_name }
        | A::DropView { view_name: table_name }
        | A::DropTable { table_name }
        | A::CreateVtable { table_name, .. }
        | A::DropVtable { table_name, .. }
        | A::AlterTable { table_name, .. }
        | A::Delete { table_name }
        | A::Insert { table_name }
        | A::Update { table_name, .. }
        | A::Read { table_name, .. }
        | A::Analyze { table_name }
            if is_ours(table_name) =>
        {
            Some(format!("the table `{table_name}` belongs to the runtime; use one of your own"))
        }
        A::Unknown { .. } => no("this kind of statement is not known"),
        _ => None,
    }
}

/// Whether it is a name of the runtime's; those that begin with its prefix are, so that later versions can add some.
fn is_ours(table: &str) -> bool {
    let begins = table.get(..schema::PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(schema::PREFIX));
    begins || schema::FIRST_TABLES.iter().any(|ours| table.eq_ignore_ascii_case(ours))
}
