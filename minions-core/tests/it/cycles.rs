//! Coming and going leaves nothing behind.

use std::fs;
use std::process::Command;

use minions_core::gru::StopMode;
use tokio::runtime::Handle;

use crate::support::stage::{Stage, on_demand};
use crate::support::until;

const IDS: [&str; 3] = ["odd/first", "odd/second", "even/second"];

/// In a process of its own, because the descriptors and threads of other tests are none of ours.
#[test]
#[cfg(target_os = "linux")]
fn t7_cycles_of_start_stop_and_shutdown_leave_nothing_behind() {
    let this = std::env::current_exe().unwrap();
    let child = ["--exact", "cycles::alone_in_its_process", "--ignored", "--test-threads=1"];
    let output = Command::new(this).args(child).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[derive(Clone, Copy, Debug)]
struct Held {
    tasks: usize,
    descriptors: usize,
    threads: usize,
    kib: usize,
}

impl Held {
    fn now() -> Self {
        let count = |directory| fs::read_dir(directory).unwrap().count();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        Self {
            tasks: Handle::current().metrics().num_alive_tasks(),
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            kib: resident.trim().trim_end_matches(" kB").parse().unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "t7 runs it, alone in a process"]
async fn alone_in_its_process() {
    for _ in 0..32 {
        cycle().await;
    }
    let before = Held::now();
    for _ in 0..128 {
        cycle().await;
    }
    let mut after = Held::now();
    // A thread that has told its result has not ended yet, and a task that has sent its answer neither.
    until("tasks and threads to end", async || {
        after = Held::now();
        after.tasks <= before.tasks && after.threads <= before.threads
    })
    .await;
    assert!(after.descriptors <= before.descriptors + 2, "{before:?} became {after:?}");
    // One KiB left behind in each cycle is 128 KiB; the allocator's own coming and going is more than that.
    assert!(after.kib <= before.kib + 1024, "{before:?} became {after:?}");
}

async fn cycle() {
    let stage = Stage::default();
    let gru = on_demand(&stage).start().await.unwrap();
    let control = gru.control();
    for id in IDS {
        control.start(id).await.unwrap();
    }
    stage.event("odd", 1);
    stage.event("even", 2);
    until("the workflows to end", async || stage.steps() == [("first", 1), ("second", 1), ("second", 2)]).await;
    let report = control.stop(IDS[1], StopMode::Park).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert!(gru.shutdown().await.is_clean());
}
