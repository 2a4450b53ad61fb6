//! `create` for every kind: its parameters are the needs, and the fields are ordinary.

use minions::component::Component;
use minions::prelude::*;
use minions::{minion::Minion, pipeline::Pipeline, resource::Resource};

struct Pool(usize);

#[derive(Serialize, Deserialize)]
struct Row(usize);

#[derive(Deserialize)]
struct Limits {
    rows: usize,
}

#[resource]
struct Database {
    pool: Pool,
}

#[resource]
impl Database {
    async fn create(limits: Config<Limits>) -> Result<Self> {
        Ok(Self { pool: Pool(limits.rows) })
    }

    pub async fn row(&self) -> Option<Row> {
        Some(Row(self.pool.0))
    }
}

#[pipeline]
struct Rows {
    source: Box<dyn Iterator<Item = Row> + Send>,
}

#[pipeline]
impl Rows {
    async fn create(database: Dep<Database>, mut limits: Config<Limits>) -> Result<Self, std::fmt::Error> {
        limits = limits.clone();
        let row = database.row().await.ok_or(std::fmt::Error)?;
        Ok(Self { source: Box::new(std::iter::once(row).take(limits.rows)) })
    }

    async fn next(&mut self) -> Result<Next<Row>> {
        Ok(self.source.next().into())
    }
}

#[minion]
struct Reader {
    database: Dep<Database>,
    seen: Vec<u8>,
}

#[minion]
impl Reader {
    async fn create(database: Dep<Database>) -> Result<Self> {
        Ok(Self { database, seen: Vec::new() })
    }

    #[minion_step]
    async fn read(&self, _row: &Row, _: &mut ()) {
        let _ = (&self.database, &self.seen);
    }
}

fn main() {
    assert!(Database::FIELDS.is_empty());
    assert_eq!(<Database as Resource>::NEEDS.len(), 1);
    assert_eq!(<Rows as Pipeline>::NEEDS.len(), 2);
    assert_eq!(<Reader as Minion>::NEEDS.len(), 1);
}
