//! What the setting `device` means: where a model is tried, and what memory there is.

use qwen3_vl::fit::Machine;
use qwen3_vl::{CachePrecision, DeviceKind, Precision};

use crate::error::{Error, Result};

/// The devices to try, in their order.
///
/// # Errors
/// A name that means none.
pub(crate) fn wanted(device: &str) -> Result<Vec<DeviceKind>> {
    Ok(match device {
        "cpu" => vec![DeviceKind::Cpu],
        "cuda" => vec![DeviceKind::Cuda(0)],
        "auto" if cfg!(feature = "cuda") => vec![DeviceKind::Cuda(0), DeviceKind::Cpu],
        "auto" => vec![DeviceKind::Cpu],
        other => match other.strip_prefix("cuda:").and_then(|n| n.parse().ok()) {
            Some(number) => vec![DeviceKind::Cuda(number)],
            None => return Err(Error::NoDevice(other.to_owned())),
        },
    })
}

/// The machine a model would be loaded on, with the memory that is free now: the first device of `device` that says what
/// it has; none where none does.
///
/// # Errors
/// A device that means none.
pub fn machine(
    device: &str,
    precision: Precision,
    kv_cache: CachePrecision,
    threads: Option<u32>,
) -> Result<Option<Machine>> {
    Ok(wanted(device)?.into_iter().find_map(|kind| Machine::now(kind, threads, precision, kv_cache)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_called_by_its_name_and_number() {
        assert_eq!(wanted("cpu").unwrap(), [DeviceKind::Cpu]);
        assert_eq!(wanted("cuda").unwrap(), [DeviceKind::Cuda(0)]);
        assert_eq!(wanted("cuda:3").unwrap(), [DeviceKind::Cuda(3)]);
        assert_eq!(wanted("auto").unwrap().last(), Some(&DeviceKind::Cpu));
        for odd in ["gpu", "cuda:", "cuda:x", "cuda:-1", ""] {
            assert!(matches!(wanted(odd), Err(Error::NoDevice(name)) if name == odd));
        }
    }

    #[test]
    fn this_machine_says_what_memory_it_has() {
        let machine = machine("cpu", Precision::Q4K, CachePrecision::Auto, Some(3)).unwrap();
        if cfg!(target_os = "linux") {
            let machine = machine.unwrap();
            assert!(machine.limits.memory > 1 << 20 && machine.precision == Precision::Q4K);
        }
    }
}
