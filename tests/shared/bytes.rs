//! Numbers on their way through the store.

#![allow(clippy::unwrap_used)]

use pg_affinity::base::Numbers;

/// Numbers as the bytes that the tables hold, and back.
pub fn again(n: &Numbers) -> Numbers {
    let mut back = Numbers::none(n.dtype()).unwrap();
    n.each_chunk(64, |bytes| back.append(bytes)).unwrap();
    back
}
