//! How much memory the process may use: asked of the system for the guard of the runtime.
//!
//! The limit of the container comes before that of the host, and a limit of the process itself counts beside either: what is
//! nearest to its limit is told.

mod cgroup;
mod host;
mod process;

use std::path::{Path, PathBuf};

use minions_core::guard::{MeasureError, MemoryGauge, MemoryUse};

/// Asks the system that the process runs on; Linux tells it in files.
pub(crate) struct SystemMemory {
    /// Where the files of the system are.
    root: PathBuf,
}

impl SystemMemory {
    pub(crate) fn new() -> Self {
        Self { root: PathBuf::from("/") }
    }

    #[cfg(test)]
    fn beneath(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
}

impl MemoryGauge for SystemMemory {
    fn measure(&self) -> Result<MemoryUse, MeasureError> {
        let around = match cgroup::measure(&self.root) {
            Some(container) => Some(container),
            None => host::measure(&self.root),
        };
        let all = around.into_iter().chain(process::measure(&self.root));
        let share = |memory: &MemoryUse| memory.used as f64 / memory.limit as f64;
        let nearest = all.filter(|memory| memory.limit > 0).max_by(|a, b| share(a).total_cmp(&share(b)));
        nearest.ok_or_else(|| "neither the container nor the host tells how much memory there is".into())
    }
}

/// The text of a file, without the white space around it.
fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// The number in the line of `text` that begins with the word `name`.
fn number(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_ascii_whitespace);
    let mut line = lines.find_map(|mut words| (words.next() == Some(name)).then_some(words))?;
    line.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use minions_core::reason::MemoryOf;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// A system of files.
    struct System(tempfile::TempDir);

    impl System {
        fn new(files: &[(&str, &str)]) -> Self {
            let system = Self(tempfile::tempdir().unwrap());
            files.iter().for_each(|(path, text)| system.write(path, text));
            system
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }

        fn measure(&self) -> Result<(u64, u64, MemoryOf), String> {
            let measured = SystemMemory::beneath(self.0.path()).measure();
            let MemoryUse { used, limit, of } = measured.map_err(|error| error.to_string())?;
            Ok((used / MIB, limit / MIB, of))
        }
    }

    const HOST: (&str, &str) = ("proc/meminfo", "MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 6291456 kB\n");

    #[test]
    fn t5_without_a_container_the_host_counts() {
        assert_eq!(System::new(&[HOST]).measure(), Ok((2048, 8192, MemoryOf::Host)));
    }

    #[test]
    fn t5_the_limit_of_the_container_comes_before_the_memory_of_the_host() {
        let system = System::new(&[
            HOST,
            ("proc/self/cgroup", "0::/pod/app\n"),
            ("sys/fs/cgroup/pod/app/memory.max", "max\n"),
            ("sys/fs/cgroup/pod/memory.max", &(512 * MIB).to_string()),
            ("sys/fs/cgroup/pod/memory.current", &(300 * MIB).to_string()),
            ("sys/fs/cgroup/pod/memory.stat", &format!("anon 1\ninactive_file {}\n", 100 * MIB)),
        ]);
        assert_eq!(system.measure(), Ok((200, 512, MemoryOf::Container)), "files that nobody needs do not count");
        system.write("sys/fs/cgroup/pod/memory.max", "max\n");
        assert_eq!(system.measure(), Ok((2048, 8192, MemoryOf::Host)), "a container without a limit is none");
    }

    #[test]
    fn t5_a_container_sees_its_own_group_as_the_root() {
        let system = System::new(&[
            HOST,
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", &(64 * MIB).to_string()),
            ("sys/fs/cgroup/memory.current", &(32 * MIB).to_string()),
        ]);
        assert_eq!(system.measure(), Ok((32, 64, MemoryOf::Container)));
    }

    #[test]
    fn t5_older_groups_are_known_too() {
        let group = "sys/fs/cgroup/memory/docker/app";
        let system = System::new(&[
            HOST,
            ("proc/self/cgroup", "12:cpu,cpuacct:/docker/app\n4:memory:/docker/app\n"),
            (&format!("{group}/memory.limit_in_bytes"), &(256 * MIB).to_string()),
            (&format!("{group}/memory.usage_in_bytes"), &(128 * MIB).to_string()),
            (&format!("{group}/memory.stat"), &format!("cache 1\ntotal_inactive_file {}\n", 28 * MIB)),
        ]);
        assert_eq!(system.measure(), Ok((100, 256, MemoryOf::Container)));
        system.write(&format!("{group}/memory.limit_in_bytes"), "9223372036854771712");
        assert_eq!(system.measure(), Ok((2048, 8192, MemoryOf::Host)), "that is no limit");
    }

    #[test]
    fn t5_a_limit_of_the_process_counts_when_it_is_nearer() {
        let limits = |address: &str, data: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units\n\
                 Max data size             {data}            unlimited            bytes\n\
                 Max address space         {address}            unlimited            bytes\n"
            )
        };
        let system = System::new(&[
            HOST,
            ("proc/self/status", "Name: x\nVmSize: 409600 kB\nVmData: 102400 kB\n"),
            ("proc/self/limits", &limits(&(512 * MIB).to_string(), "unlimited")),
        ]);
        assert_eq!(system.measure(), Ok((400, 512, MemoryOf::Process)));
        system.write("proc/self/limits", &limits("unlimited", &(128 * MIB).to_string()));
        assert_eq!(system.measure(), Ok((100, 128, MemoryOf::Process)));
        system.write("proc/self/limits", &limits("unlimited", "unlimited"));
        assert_eq!(system.measure(), Ok((2048, 8192, MemoryOf::Host)));
    }

    #[test]
    fn t5_where_nobody_tells_that_is_an_error() {
        assert!(System::new(&[]).measure().unwrap_err().contains("neither"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn t5_this_machine_tells() {
        let MemoryUse { used, limit, .. } = SystemMemory::new().measure().unwrap();
        assert!(used > 0 && used <= limit, "{used} of {limit}");
    }
}
