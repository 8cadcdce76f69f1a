//! How the C library keeps memory that tensors gave back.

/// Keeps freed memory in the process: the tensors of one pass have the sizes of the next, and memory that went back to the
/// system is cleared again page by page, a tenth of the time of a pass. For the start of a program; does nothing where the
/// C library is not glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const NEVER: i32 = i32::MAX;
        // SAFETY: `mallopt` changes the allocator's settings and nothing else; these are documented in mallopt(3).
        #[allow(unsafe_code)]
        unsafe {
            // No allocation is a mapping of its own, one heap serves all threads, and its end is not given back.
            libc::mallopt(libc::M_MMAP_MAX, 0);
            libc::mallopt(libc::M_ARENA_MAX, 1);
            libc::mallopt(libc::M_TRIM_THRESHOLD, NEVER);
        }
    }
}
