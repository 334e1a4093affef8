//! The little that needs the operating system's C interface.

/// The name of this host, for the run status; `None` when the system gives none.
#[cfg(unix)]
pub fn host_name() -> Option<String> {
    // POSIX bounds host names at 255 bytes.
    let mut name = [0_u8; 256];
    // SAFETY: the pointer is valid for the length given, which leaves room for a final zero.
    let result = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    if result != 0 {
        return None;
    }
    let name = name.split(|byte| *byte == 0).next()?;
    let name = String::from_utf8_lossy(name).into_owned();
    (!name.is_empty()).then_some(name)
}

/// The name of this host, for the run status; `None` when the system gives none.
#[cfg(not(unix))]
pub fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME")
        .ok()
        .filter(|name| !name.is_empty())
}

/// Whether this process is the superuser's, whose state belongs to the machine.
#[cfg(unix)]
pub fn is_root() -> bool {
    // SAFETY: takes nothing and can't fail.
    unsafe { libc::geteuid() == 0 }
}

/// Whether this process is the superuser's, whose state belongs to the machine.
#[cfg(not(unix))]
pub fn is_root() -> bool {
    false
}

/// A text as Windows takes it: UTF-16 with a final zero.
#[cfg(windows)]
pub(super) fn wide(text: impl AsRef<std::ffi::OsStr>) -> Vec<u16> {
    use std::os::windows::ffi::OsStrExt;
    text.as_ref().encode_wide().chain([0]).collect()
}

/// The text that Windows gave, up to its final zero.
///
/// # Safety
/// `text` points to units that end with a zero, and they live until this returns.
#[cfg(windows)]
pub(super) unsafe fn text_at(text: *const u16) -> String {
    let mut length = 0;
    // SAFETY: the caller says that a zero comes, and nothing is read behind it.
    let units = unsafe {
        while *text.add(length) != 0 {
            length += 1;
        }
        std::slice::from_raw_parts(text, length)
    };
    String::from_utf16_lossy(units)
}

/// Windows' words for a status.
#[cfg(windows)]
pub(super) fn message_of(status: i32) -> String {
    format!(
        "{} ({status:#010x})",
        std::io::Error::from_raw_os_error(status)
    )
}

/// Heaps that glibc may make for the process's threads, of at most eight for each processor by itself. A cycle's work
/// wanders through threads, and each heap keeps what was freed in it: memory would grow with their number.
#[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
const HEAPS: libc::c_int = 2;

/// Bounds what glibc's allocator keeps for threads, unless whoever runs this process has said how.
#[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
pub fn bound_heaps() {
    if ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"]
        .iter()
        .all(|name| std::env::var_os(name).is_none())
    {
        // SAFETY: sets a number that glibc reads, under its own lock, when it makes a heap for a thread.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, HEAPS) };
    }
}

/// Other allocators share by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu", not(miri))))]
pub fn bound_heaps() {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    #[test]
    fn this_host_has_a_name() {
        let name = super::host_name().unwrap();
        assert!(!name.contains('\0'));
    }
}
