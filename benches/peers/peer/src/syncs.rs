//! How often this process has waited for the disk. SQLite is part of the program, so that what is linked here is what it calls.

use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};

static SYNCS: AtomicU64 = AtomicU64::new(0);

/// How often so far.
pub fn count() -> u64 {
    SYNCS.load(Ordering::Relaxed)
}

// The name is the C library's, the signature as well, and it does what is expected of it: hence no caller sees a difference.
#[unsafe(no_mangle)]
extern "C" fn fdatasync(file: c_int) -> c_int {
    sync(libc::SYS_fdatasync, file)
}

#[unsafe(no_mangle)]
extern "C" fn fsync(file: c_int) -> c_int {
    sync(libc::SYS_fsync, file)
}

fn sync(call: libc::c_long, file: c_int) -> c_int {
    SYNCS.fetch_add(1, Ordering::Relaxed);
    // Both calls take one descriptor, and any number may be given: one that is none is answered with an error.
    unsafe { libc::syscall(call, file) as c_int }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_syncs_is_counted() {
        let before = count();
        let file = tempfile::tempfile().unwrap();
        file.sync_data().unwrap();
        file.sync_all().unwrap();
        assert!(count() >= before + 2);
        // The error is the caller's.
        assert_eq!(fdatasync(-1), -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EBADF));
    }
}
