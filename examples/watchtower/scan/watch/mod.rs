//! Notifications of the file system.
//!
//! On Linux a watch covers one directory and belongs to it wherever it is moved; elsewhere one watch covers a whole tree.

#[cfg(target_os = "linux")]
mod each;
#[cfg(not(target_os = "linux"))]
mod recursive;

#[cfg(target_os = "linux")]
pub(super) use each::Watch;
#[cfg(not(target_os = "linux"))]
pub(super) use recursive::Watch;
