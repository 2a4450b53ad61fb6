//! The store's contract, in both modes of durability.

mod power {
    use minions_sqlite::SqliteStore;

    minions_core::testing::store_conformance!(tempfile::tempdir().unwrap(), |dir| {
        SqliteStore::at(dir.path().join("new/state.db"))
    });
}

mod process {
    use minions_sqlite::{Durability, SqliteStore};

    minions_core::testing::store_conformance!(tempfile::tempdir().unwrap(), |dir| {
        SqliteStore::at(dir.path().join("state.db")).durability(Durability::Process)
    });
}
