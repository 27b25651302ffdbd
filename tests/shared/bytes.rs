//! Numbers on their way through the store.

#![allow(clippy::unwrap_used)]

use pg_affinity::base::Numbers;

/// Numbers as the bytes that the tables hold, and back.
pub fn again(n: &Numbers) -> Numbers {
    let mut bytes = Vec::new();
    n.each_chunk(1 << 10, |chunk| {
        bytes.extend_from_slice(chunk);
        Ok(())
    })
    .unwrap();
    Numbers::from_bytes(n.dtype(), &bytes, n.len()).unwrap()
}
