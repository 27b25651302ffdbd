//! Hashes that are the same on every machine and in every release: splits, hashed categories and lookups stand on them.

use crate::base::rng::mix;

/// A 64-bit hash of `bytes`; unrelated for different seeds. Fast and well mixed, not secure against chosen input.
pub fn bytes(seed: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut h = mix(seed ^ (bytes.len() as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for w in words {
        h = mix(h ^ u64::from_le_bytes(*w)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(h ^ u64::from_le_bytes(last))
}

/// [`bytes`] for the standard library's maps; their keys come from tables, so a flood of chosen keys costs its sender alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fast(u64);

impl std::hash::Hasher for Fast {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, b: &[u8]) {
        self.0 = bytes(self.0, b);
    }
    fn write_u8(&mut self, x: u8) {
        self.0 ^= u64::from(x);
    }
    fn write_u64(&mut self, x: u64) {
        self.0 = mix(self.0 ^ x);
    }
}

/// A map on [`Fast`].
pub type Map<K, V> = std::collections::HashMap<K, V, std::hash::BuildHasherDefault<Fast>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_fixed_and_spread() {
        // these figures are stored with versions in the form of splits: they may never change
        assert_eq!(bytes(0, b""), 5_197_578_548_964_807_871);
        assert_eq!(bytes(1, b"toys"), FIXED);
        let mut seen = std::collections::HashSet::new();
        let mut low = 0;
        for i in 0..10_000u32 {
            let h = bytes(7, format!("item {i}").as_bytes());
            seen.insert(h);
            low += u32::from(h & 1 == 0);
        }
        assert_eq!(seen.len(), 10_000);
        assert!((4_800..5_200).contains(&low));
        assert_ne!(bytes(0, b"a"), bytes(0, b"a\0"));
        let mut m: Map<String, u32> = Map::default();
        m.insert("a".into(), 1);
        assert_eq!(m.get("a"), Some(&1));
    }

    const FIXED: u64 = 4_169_386_799_011_658_086;
}
