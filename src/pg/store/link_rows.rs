//! Rows of links that are read when a list needs them: a backend that has just begun reads those of one history, not the whole matrix. (The
//! first list of a fresh connection, by `ease` on 12,101 items, takes 7 to 43 ms, by machine.)

use crate::base::Result;
use crate::base::number::AsIndex;
use crate::pg::query::owner::as_extension;
use crate::pg::query::spi::{self, Arg, Row, Uuid};
use crate::pg::store::damaged::damaged;
use crate::pg::store::weights::{self, Index, SHORT};
use crate::serve::recommender::Recommender;

/// Gives `model` the rows of `items` that it lacks, of a version that the statement sees; none of `items`: of all.
///
/// # Errors
/// [`crate::base::Code::Corrupt`] when a row is not what was stored.
pub(crate) fn supply(model: &Recommender, index: &Index, (model_id, version): (Uuid, i32), items: Option<&[u32]>) -> Result<()> {
    const SOME: &str = "SELECT chunk, data FROM affinity.stored_weights WHERE model_id OPERATOR(pg_catalog.=) $1 \
         AND version OPERATOR(pg_catalog.=) $2 AND name OPERATOR(pg_catalog.=) $3 AND chunk OPERATOR(pg_catalog.=) ANY ($4::pg_catalog.int4[])";
    const ALL: &str = "SELECT chunk, data FROM affinity.stored_weights WHERE model_id OPERATOR(pg_catalog.=) $1 \
         AND version OPERATOR(pg_catalog.=) $2 AND name OPERATOR(pg_catalog.=) $3 AND chunk OPERATOR(pg_catalog.>=) 0";
    for (name, links) in model.rows() {
        let lacking = |items: &mut dyn Iterator<Item = u32>| -> Vec<u32> { items.filter(|&i| links.lacks(i)).collect() };
        let mut needed = match items {
            Some(items) => lacking(&mut items.iter().copied()),
            None => lacking(&mut (0..links.items() as u32)),
        };
        if needed.is_empty() {
            continue;
        }
        let digests = index.rows.get(&name).map_or(&[][..], |d| d.as_chunks::<SHORT>().0);
        let give = |row: &Row| {
            let Some(item) = row.int(1).and_then(|i| u32::try_from(i).ok()) else { return Ok(()) };
            row.bytes(2, |bytes| match digests.get(item.index()) {
                Some(digest) if *digest == weights::row_digest(bytes) => links.give(item, bytes),
                _ => Err(damaged(version, "a row of its weights")),
            })
            .unwrap_or(Ok(()))
        };
        let (model_id, number) = (Arg::Uuid(model_id), Arg::Int(version));
        as_extension(|| match items {
            Some(_) => {
                needed.sort_unstable();
                needed.dedup();
                let list = format!("{{{}}}", needed.iter().map(u32::to_string).collect::<Vec<_>>().join(","));
                spi::select(SOME, &[model_id, number, Arg::Text(&name), Arg::Text(&list)], give)
            }
            None => spi::select(ALL, &[model_id, number, Arg::Text(&name)], give),
        })?;
        if needed.iter().any(|&i| links.lacks(i)) {
            return Err(damaged(version, "its rows, of which some are missing"));
        }
    }
    Ok(())
}
