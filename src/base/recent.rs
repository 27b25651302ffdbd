//! Values by key within a bounded memory: the least recently used make way.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// What a value takes beside itself, about: two copies of its key and its places in both maps.
const BESIDE: usize = 256;

/// Values by key, the order of their last use, and how many bytes they hold.
#[derive(Debug)]
pub struct Recent<K, V> {
    kept: HashMap<K, Kept<V>>,
    /// By when they were used last.
    order: BTreeMap<u64, K>,
    clock: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Kept<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { kept: HashMap::new(), order: BTreeMap::new(), clock: 0, bytes: 0 }
    }
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    /// The value of `key`, which is the last used from now on. Asked for again and again, one look-up.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        let kept = self.kept.get_mut(key)?;
        if kept.used != self.clock
            && let Some(key) = self.order.remove(&kept.used)
        {
            self.clock += 1;
            kept.used = self.clock;
            self.order.insert(self.clock, key);
        }
        Some(&kept.value)
    }

    /// Keeps `value`, which holds `bytes`; what was used longest ago makes way until all hold no more than `limit`, or it is alone.
    pub fn put(&mut self, key: K, value: V, bytes: usize, limit: usize) {
        let bytes = bytes.saturating_add(BESIDE);
        self.forget(&key);
        while self.bytes.saturating_add(bytes) > limit
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.forget(&oldest);
        }
        self.clock += 1;
        self.bytes += bytes;
        self.order.insert(self.clock, key.clone());
        self.kept.insert(key, Kept { value, bytes, used: self.clock });
    }

    /// Forgets what `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        let gone: Vec<K> = self.kept.iter().filter(|(key, kept)| !keep(key, &kept.value)).map(|(key, _)| key.clone()).collect();
        gone.iter().for_each(|key| self.forget(key));
    }

    fn forget(&mut self, key: &K) {
        if let Some(gone) = self.kept.remove(key) {
            self.order.remove(&gone.used);
            self.bytes -= gone.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn the_least_recently_used_make_way() {
        // Against a list in the order of use.
        let (mut recent, mut list, mut rng) = (Recent::default(), Vec::<(u64, u64, usize)>::new(), Rng::new(7));
        let limit = 10 * BESIDE;
        for step in 0..20_000 {
            let key = rng.below(30) as u64;
            if rng.below(2) == 0 {
                let found = list.iter().position(|x| x.0 == key);
                assert_eq!(recent.get(&key).copied(), found.map(|at| list[at].1), "step {step}");
                if let Some(at) = found {
                    let used = list.remove(at);
                    list.push(used);
                }
            } else {
                // Now and then one that is larger than all may be: it is kept alone.
                let bytes = if rng.below(50) == 0 { limit } else { rng.below(BESIDE) };
                recent.put(key, step, bytes, limit);
                list.retain(|x| x.0 != key);
                list.push((key, step, bytes + BESIDE));
                while list.len() > 1 && list.iter().map(|x| x.2).sum::<usize>() > limit {
                    list.remove(0);
                }
            }
            assert_eq!((recent.kept.len(), recent.order.len()), (list.len(), list.len()));
            assert_eq!(recent.bytes, list.iter().map(|x| x.2).sum::<usize>());
        }
        recent.retain(|key, _| key % 2 == 0);
        list.retain(|x| x.0 % 2 == 0);
        assert_eq!((recent.kept.len(), recent.order.len()), (list.len(), list.len()));
        assert_eq!(recent.bytes, list.iter().map(|x| x.2).sum::<usize>());
    }
}
