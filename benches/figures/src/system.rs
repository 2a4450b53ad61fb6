//! What the system tells of this process, of the machine, and of its disk. Linux only, as far as processes go.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Resident memory in bytes: what the process really occupies, with what its allocator keeps for later.
///
/// # Errors
///
/// Where the system does not tell.
pub fn resident_bytes() -> Result<u64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| format!("no memory figure: {error}"))?;
    parse_resident(&status).ok_or_else(|| "`/proc/self/status` has no line `VmRSS`".to_owned())
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Processor seconds of all threads so far.
///
/// # Errors
///
/// Where the system does not tell.
pub fn cpu_seconds() -> Result<f64, String> {
    let stat = fs::read_to_string("/proc/self/stat").map_err(|error| format!("no processor figure: {error}"))?;
    parse_cpu(&stat).ok_or_else(|| "`/proc/self/stat` has no processor times".to_owned())
}

fn parse_cpu(stat: &str) -> Option<f64> {
    // The name, in brackets, may hold anything; user and system time are fields 14 and 15, in hundredths of a second.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at - 3)?.parse::<u64>().ok();
    Some((ticks(14)? + ticks(15)?) as f64 / 100.0)
}

/// How long this disk takes to keep one page: the median of many small writes with `fdatasync`.
///
/// # Errors
///
/// Where nothing can be written.
pub fn page_write(directory: &Path) -> Result<Duration, String> {
    let write = || {
        let mut file = File::create(directory.join("page"))?;
        let mut times = Vec::new();
        for _ in 0..201 {
            let began = Instant::now();
            file.write_all(&[1; 4096])?;
            file.sync_data()?;
            times.push(began.elapsed());
        }
        fs::remove_file(directory.join("page"))?;
        times.sort_unstable();
        Ok(times[times.len() / 2])
    };
    write().map_err(|error: std::io::Error| format!("`{}` cannot be written to: {error}", directory.display()))
}

/// The machine in one line.
#[must_use]
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |it| it.1);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores ({model}), Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_its_line() {
        assert_eq!(parse_resident("VmPeak:\t 10 kB\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(parse_resident("VmPeak:\t 10 kB\n"), None);
    }

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) b (c) R 1 7 7 0 -1 4194304 90 0 0 0 150 50 0 0 20 0 1 0 100 1000 50";
        assert_eq!(parse_cpu(stat), Some(2.0));
        assert_eq!(parse_cpu("7 (a) R 1"), None);
    }

    #[test]
    fn this_process_is_measured() {
        assert!(resident_bytes().unwrap() > 100_000);
        assert!(cpu_seconds().unwrap() >= 0.0);
        assert!(page_write(&std::env::temp_dir()).unwrap() > Duration::ZERO);
    }
}
