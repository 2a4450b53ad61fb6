//! Watches a directory tree: what every file is, and what is wrong with it, in a database that is always up to date.
//!
//! ```text
//! cargo run --release --example watchtower -- --set scan.root=src
//! cargo run --release --example watchtower -- --set scan.root=src --set scan.follow=false   # ends after one pass
//! sqlite3 .minions/watchtower.db 'SELECT language, count(*), sum(lines) FROM files GROUP BY 1 ORDER BY 3 DESC'
//! ```
//!
//! Kill it whenever you like: the next start goes on where this one was.
//!
//! # How it is put together
//!
//! | component | kind | does |
//! |---|---|---|
//! | [`Scan`] | pipeline | goes through the tree, then follows what changes in it |
//! | [`Indexer`] | minion | reads, hashes and describes each file |
//! | [`Auditor`] | minion | looks for files that are too big, links that lead nowhere, keys that should not be there |
//! | [`Ticker`] | pipeline, in the background | says when it is time for a digest |
//! | [`Digest`] | minion | writes the digest |
//! | [`Tree`](tree::Tree) | resource | knows which files belong to the tree, and reads them |
//! | [`Catalog`](catalog::Catalog) | resource | keeps the results in `watchtower.db` |
//! | [`Screen`](screen::Screen) | resource | shows the progress and, at the end, the summary |
//!
//! # Why the result is right
//!
//! Steps of many workflows run at once, in any order, some of them twice, and after a crash those of the last run mix
//! with those of the new one. Four rules make that harmless:
//!
//! 1. **An event only says where to look.** What a file is, and whether it belongs to the tree at all, is judged when a
//!    step looks at it. New, changed, renamed, removed and newly ignored files are all the same event.
//! 2. **Every look has a stamp**, taken before the file is opened: a number that grows with every look, across restarts
//!    as well. A result is kept only if its stamp is above that of the result it would replace; "there is no such file"
//!    is a result too. So an older look never overwrites a newer one, and recording the same look twice is recording it
//!    once.
//! 3. **A pass over the tree ends with a sweep.** Rows whose last look is older than the pass are looked at again: that
//!    is how files that went away while nobody watched lose their rows. From then on results from before the pass are
//!    refused, because everything that exists has been looked at since.
//! 4. **Notifications are switched on before the pass begins**, so that whatever changes after a look is looked at
//!    again.

#![allow(unreachable_pub, reason = "`pub` here means: for the other modules of this program")]

mod auditor;
mod catalog;
mod digest;
mod indexer;
mod scan;
mod screen;
mod tree;

use auditor::Auditor;
use digest::{Digest, Ticker};
use indexer::Indexer;
use scan::Scan;

minions::app! {
    /// Watches a directory tree.
    pub struct Watchtower;
    Scan => Indexer,
    Scan => Auditor,
    Ticker => Digest,
}
