//! Memory of graphics cards people run models on.

/// A card and its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gpu {
    /// What it is called; also what `--gpu` takes.
    pub name: &'static str,
    /// MiB a program sees, error correction as shipped.
    pub mebibytes: u32,
}

impl Gpu {
    /// Bytes a program sees.
    pub fn bytes(&self) -> u64 {
        u64::from(self.mebibytes) << 20
    }

    /// Whether a name a person typed means this card: letters and digits only, upper or lower case.
    pub fn is(&self, typed: &str) -> bool {
        let plain =
            |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let (name, typed) = (plain(self.name), plain(typed));
        name == typed || name.strip_prefix("rtx") == Some(typed.as_str())
    }
}

const fn gpu(name: &'static str, mebibytes: u32) -> Gpu {
    Gpu { name, mebibytes }
}

/// Capacities from NVIDIA's data sheets (nvidia.com/…/geforce, /data-center, /design-visualization: "GPU memory"). GeForce,
/// RTX and A100 cards show their nominal GiB; L4, L40S, A10G, T4, H100, H200 and B200 less, here what `nvidia-smi` of
/// cloud machines prints as `memory.total` (ECC on).
pub const GPUS: &[Gpu] = &[
    gpu("RTX 3060 12GB", 12_288),
    gpu("T4", 15_360),
    gpu("RTX 4060 Ti 16GB", 16_380),
    gpu("A10G", 23_028),
    gpu("L4", 23_034),
    gpu("RTX 3090", 24_576),
    gpu("RTX 4090", 24_564),
    gpu("RTX 4090D", 24_564),
    gpu("RTX 5090", 32_607),
    gpu("A100 40GB", 40_960),
    gpu("L40S", 46_068),
    gpu("RTX 6000 Ada", 49_140),
    gpu("A100 80GB", 81_920),
    gpu("H100 80GB", 81_559),
    gpu("RTX PRO 6000", 97_887),
    gpu("H200", 143_771),
    gpu("B200", 183_359),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_found_by_what_people_type_and_listed_once() {
        let found = |typed: &str| GPUS.iter().filter(|gpu| gpu.is(typed)).map(|gpu| gpu.name).collect::<Vec<_>>();
        assert_eq!(found("3090"), ["RTX 3090"]);
        assert_eq!(found("rtx-4090d"), ["RTX 4090D"]);
        assert_eq!(found("a100-80gb"), ["A100 80GB"]);
        assert!(found("voodoo").is_empty());
        for gpu in GPUS {
            assert_eq!(found(gpu.name).len(), 1, "{}", gpu.name);
        }
    }
}
