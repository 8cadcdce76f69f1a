//! Memory this process may still take: what the system has free, or less where a control group says so.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Device;

/// Bytes that can be taken without swapping; none where the system does not say (it does on Linux).
pub fn available_memory() -> Option<u64> {
    let system = fs::read_to_string("/proc/meminfo").ok().and_then(|text| free(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = group_folders(&groups).iter().filter_map(|folder| room(folder)).min();
    match (system, group) {
        (Some(system), Some(group)) => Some(system.min(group)),
        (one, other) => one.or(other),
    }
}

/// Bytes that can be taken on a device; none where it does not say.
pub(crate) fn available_on(device: &Device) -> Option<u64> {
    if device.is_cpu() {
        return available_memory();
    }
    #[cfg(feature = "cuda")]
    {
        let (free, _) = device.as_cuda_device().ok()?.cuda_stream().context().mem_get_info().ok()?;
        u64::try_from(free).ok()
    }
    #[cfg(not(feature = "cuda"))]
    None
}

/// `MemAvailable` of `/proc/meminfo`, which is in KiB.
fn free(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The memory groups of `/proc/self/cgroup` and all above them, in both versions' layouts. Inside a container the path
/// may not exist; the mount's top then is the container's own group.
fn group_folders(groups: &str) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let root = match controllers {
            "" => "/sys/fs/cgroup",
            "memory" => "/sys/fs/cgroup/memory",
            _ => continue,
        };
        let own = Path::new(root).join(path.trim_start_matches('/'));
        folders.extend(own.ancestors().take_while(|folder| folder.starts_with(root)).map(Path::to_owned));
    }
    folders
}

/// Limit less use of one group; what it uses as file cache can be taken.
fn room(folder: &Path) -> Option<u64> {
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    // `max`, the word for no limit, is no number.
    let limit = number("memory.max").or_else(|| number("memory.limit_in_bytes"))?;
    let used = number("memory.current").or_else(|| number("memory.usage_in_bytes")).unwrap_or(0);
    let cache = fs::read_to_string(folder.join("memory.stat")).ok().and_then(|text| inactive(&text)).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(cache)))
}

fn inactive(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("inactive_file "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_free_memory_is_read() {
        assert_eq!(free("MemTotal:  9 kB\nMemAvailable:    1024 kB\n"), Some(1 << 20));
        assert_eq!(free("MemTotal: 9 kB\n"), None);
        if cfg!(target_os = "linux") {
            assert!(available_memory() > Some(1 << 20));
        }
    }

    #[test]
    fn a_groups_limit_less_its_use_is_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(room(folder.path()), None);
        write("memory.max", "max\n");
        assert_eq!(room(folder.path()), None);
        write("memory.max", "1000\n");
        write("memory.current", "700\n");
        assert_eq!(room(folder.path()), Some(300));
        write("memory.stat", "anon 5\ninactive_file 600\n");
        assert_eq!(room(folder.path()), Some(900));
    }

    #[test]
    fn both_layouts_of_groups_are_walked_to_their_top() {
        let folders = group_folders("0::/a/b\n4:memory:/docker/x\n7:cpu:/y\n");
        let expected = ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup", "/sys/fs/cgroup/memory/docker/x"]
            .map(PathBuf::from);
        assert!(expected.iter().all(|folder| folders.contains(folder)), "{folders:?}");
        assert!(folders.iter().all(|folder| !folder.ends_with("y")));
    }
}
