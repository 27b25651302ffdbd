//! Tensors as rows of bytes, and back. Whoever restores or owns the database can write these rows: nothing is trusted before the digest
//! has been checked.

use crate::base::memory::room;
use crate::base::number::AsReal;
use crate::base::tensor_names::HOLDOUT;
use crate::base::{Code, Error, Numbers, Result, Shared, Tensor, interrupts};
use crate::pg::datum::array;
use crate::pg::query::owner::as_extension;
use crate::pg::query::spi::{self, Arg, Row, Uuid};
use crate::pg::store::damaged::damaged;
use crate::pg::store::format;
use crate::pg::store::models::VersionRow;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Bytes of a chunk: small enough to be detoasted one by one, a multiple of every element's size. Saving, digests and reading back hold one
/// at a time, where whole copies took memory that nobody had booked.
const CHUNK: usize = 1 << 18;

/// Chunk of the digests of a tensor's rows, and of those of the tensors that serve nothing (under this name).
const DIGESTS: i32 = -1;
const HELD_OUT: &str = "holdout";
/// Bytes of the digest of a row.
pub(crate) const SHORT: usize = 16;

/// The digest of a version: SHA-256 over its state and its tensors by name, each with its type, shape and bytes, or where it is stored row
/// by row the digests of the rows; of the tensors that serve nothing one digest. So what serves can be checked without reading all of it.
pub(crate) fn digest(state: &str, tensors: &[Tensor]) -> Vec<u8> {
    digest_of(state, tensors, &Index::of(tensors))
}

/// The digests by which rows and what is not read are known.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Index {
    /// Of each tensor that is stored row by row, by name: [`SHORT`] bytes a row.
    pub rows: BTreeMap<String, Vec<u8>>,
    /// Of all that serves nothing; empty where there is nothing.
    held_out: Vec<u8>,
}

impl Index {
    fn of(tensors: &[Tensor]) -> Self {
        let rows = tensors.iter().filter_map(|t| Some((t.name.clone(), rows(t, tensors)?.flat_map(row_digest).collect()))).collect();
        let held: Vec<&Tensor> = tensors.iter().filter(|t| t.name.starts_with(HOLDOUT)).collect();
        let held_out = if held.is_empty() { Vec::new() } else { hash("", &held, &BTreeMap::new()) };
        Self { rows, held_out }
    }
}

fn digest_of(state: &str, tensors: &[Tensor], index: &Index) -> Vec<u8> {
    let mut serving: Vec<&Tensor> = tensors.iter().filter(|t| !t.name.starts_with(HOLDOUT)).collect();
    let held = Tensor { name: HELD_OUT.into(), shape: vec![index.held_out.len()], numbers: Numbers::U8(index.held_out.clone().into()) };
    serving.push(&held);
    hash(state, &serving, &index.rows)
}

fn hash(state: &str, tensors: &[&Tensor], rows: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    fn part(hash: &mut Sha256, bytes: &[u8]) {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    let mut hash = Sha256::new();
    part(&mut hash, state.as_bytes());
    let mut sorted = tensors.to_vec();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    for t in sorted {
        part(&mut hash, t.name.as_bytes());
        part(&mut hash, t.numbers.dtype().as_bytes());
        part(&mut hash, shape_text(&t.shape).as_bytes());
        match rows.get(&t.name) {
            Some(digests) => part(&mut hash, digests),
            None => {
                hash.update((t.numbers.byte_len() as u64).to_le_bytes());
                // Only what is called can fail, and hashing cannot.
                let _ = t.numbers.each_chunk(CHUNK, |chunk| {
                    interrupts::check();
                    hash.update(chunk);
                    Ok(())
                });
            }
        }
    }
    hash.finalize().to_vec()
}

/// The digest of one row.
pub(crate) fn row_digest(row: &[u8]) -> [u8; SHORT] {
    interrupts::check();
    let whole: [u8; 32] = Sha256::digest(row).into();
    *whole.first_chunk().unwrap_or(&[0; SHORT])
}

/// The rows of a tensor of bytes that is stored row by row: one that serves, is called `….row`, and has places `….offset` beside it. None
/// for others.
fn rows<'a>(t: &'a Tensor, all: &'a [Tensor]) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
    let base = t.name.strip_suffix(".row").filter(|_| !t.name.starts_with(HOLDOUT))?;
    let (Numbers::U8(bytes), [count, width]) = (&t.numbers, t.shape.as_slice()) else { return None };
    let places = all.iter().find(|o| o.name.strip_suffix(".offset") == Some(base))?;
    let Numbers::I64(offsets) = &places.numbers else { return None };
    let at = |o: i64| usize::try_from(o).ok()?.checked_mul(*width);
    let fits = *count > 0 && offsets.first() == Some(&0) && offsets.is_sorted() && at(*offsets.last()?)? == bytes.len();
    fits.then(|| offsets.windows(2).map(move |w| &bytes[w[0] as usize * width..w[1] as usize * width]))
}

/// Writes the tensors of a version whose row is there already.
///
/// # Errors
/// [`Code::OutOfMemory`]; what Postgres raises is raised.
pub(crate) fn write(model_id: Uuid, version: i32, tensors: &[Tensor]) -> Result<()> {
    const INSERT: &str = "INSERT INTO affinity.stored_weights (model_id, version, name, chunk, dtype, shape, data) \
         VALUES ($1, $2, $3, $4, $5, $6::pg_catalog.int8[], $7)";
    let index = Index::of(tensors);
    let put = |name: &str, chunk: i32, dtype: &str, shape: &str, data: &[u8]| {
        interrupts::check();
        let args = [
            Arg::Uuid(model_id),
            Arg::Int(version),
            Arg::Text(name),
            Arg::Int(chunk),
            Arg::Text(dtype),
            Arg::Text(shape),
            Arg::Bytes(data),
        ];
        spi::write(INSERT, &args, |_| Ok(())).map(drop)
    };
    as_extension(|| {
        for t in tensors {
            let (shape, dtype) = (shape_text(&t.shape), t.numbers.dtype());
            if let (Some(rows), Some(digests)) = (rows(t, tensors), index.rows.get(&t.name)) {
                put(&t.name, DIGESTS, dtype, &shape, digests)?;
                for (i, row) in (0..).zip(rows).filter(|(_, row)| !row.is_empty()) {
                    put(&t.name, i, dtype, &shape, row)?;
                }
                continue;
            }
            // An empty tensor has one chunk without bytes, so that its name and shape are kept.
            if t.numbers.is_empty() {
                put(&t.name, 0, dtype, &shape, &[])?;
            }
            let mut chunk = 0;
            t.numbers.each_chunk(CHUNK, |data| {
                chunk += 1;
                put(&t.name, chunk - 1, dtype, &shape, data)
            })?;
        }
        if !index.held_out.is_empty() {
            put(HELD_OUT, DIGESTS, "u8", &shape_text(&[index.held_out.len()]), &index.held_out)?;
        }
        Ok(())
    })
}

/// The tensors of a version, by the snapshot of the statement.
///
/// # Errors
/// [`Code::Corrupt`] when they are not those that were stored, [`Code::Unsupported`] for a form that is not known.
pub(crate) fn tensors(of: &VersionRow) -> Result<Vec<Tensor>> {
    load(of, Read::All).map(|x| x.0)
}

/// As [`tensors`], seeing what this very statement wrote.
///
/// # Errors
/// As [`tensors`].
pub(crate) fn fresh_tensors(of: &VersionRow) -> Result<Vec<Tensor>> {
    load(of, Read::Fresh).map(|x| x.0)
}

/// The tensors that serve, by the snapshot of the statement. Of those that are stored row by row no bytes, but the digests by which to know
/// their rows.
///
/// # Errors
/// As [`tensors`].
pub(crate) fn serving(of: &VersionRow) -> Result<(Vec<Tensor>, Index)> {
    load(of, Read::Serving)
}

/// What is read of a version.
#[derive(Clone, Copy, PartialEq)]
enum Read {
    /// All, by the snapshot of the statement.
    All,
    /// All, also what the statement wrote.
    Fresh,
    /// What serves, without the rows that are read when they are asked for.
    Serving,
}

struct Part {
    name: String,
    shape: Vec<usize>,
    numbers: Numbers,
}

/// All rows of a version's tensors, in order.
const ALL: &str = "SELECT name, dtype, shape, data, chunk FROM affinity.stored_weights \
     WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2 ORDER BY name COLLATE \"C\", chunk";

/// Holds what is stored of a version, also by this very statement, against `tensors`, byte by byte: no second copy of them is made.
///
/// # Errors
/// [`Code::Corrupt`] when they differ.
pub(crate) fn verify(of: &VersionRow, tensors: &[Tensor]) -> Result<()> {
    let index = Index::of(tensors);
    // Of the tensor whose rows come: which it is, and how many of its bytes have come.
    let (mut at, mut seen, mut came) = (usize::MAX, 0, 0);
    let args = [Arg::Uuid(of.model_id), Arg::Int(of.version)];
    let each = |r: &Row| {
        let name = r.text(1).unwrap_or_default();
        let known = if r.int(5) != Some(DIGESTS) {
            if tensors.get(at).is_none_or(|t| t.name != name) {
                (at, seen) = (tensors.iter().position(|t| t.name == name).unwrap_or(usize::MAX), 0);
            }
            let same = |t: &Tensor| {
                let shape = r.text(2).as_deref() == Some(t.numbers.dtype()) && r.text(3) == Some(shape_text(&t.shape));
                shape
                    && r.bytes(4, |data| {
                        seen += data.len();
                        came += data.len();
                        t.numbers.is_at(seen - data.len(), data)
                    }) == Some(true)
            };
            tensors.get(at).is_some_and(same)
        } else if name == HELD_OUT {
            r.bytes(4, |data| data == index.held_out) == Some(true)
        } else {
            index.rows.get(&name).is_some_and(|digests| r.bytes(4, |data| data == *digests) == Some(true))
        };
        if known { Ok(()) } else { Err(damaged(of.version, &format!("tensor \"{name}\""))) }
    };
    as_extension(|| spi::stream(ALL, &args, false, each))?;
    let all: usize = tensors.iter().map(|t| t.numbers.byte_len()).sum();
    if came != all || digest_of(&of.state_text, tensors, &index) != of.digest {
        return Err(damaged(of.version, "its state and weights"));
    }
    Ok(())
}

fn load(of: &VersionRow, read: Read) -> Result<(Vec<Tensor>, Index)> {
    // The names one after another by the index, then of each its digests where it has them, else its chunks: no row is touched that is not
    // wanted.
    const SERVING: &str = "WITH RECURSIVE names (name) AS ( \
             (SELECT name FROM affinity.stored_weights WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2 \
                 ORDER BY name LIMIT 1) \
             UNION ALL SELECT (SELECT w.name FROM affinity.stored_weights w WHERE w.model_id OPERATOR(pg_catalog.=) $1 \
                 AND w.version OPERATOR(pg_catalog.=) $2 AND w.name OPERATOR(pg_catalog.>) n.name ORDER BY w.name LIMIT 1) \
             FROM names n WHERE n.name IS NOT NULL) \
         SELECT w.name, w.dtype, w.shape, w.data, w.chunk FROM names n JOIN affinity.stored_weights w ON w.model_id OPERATOR(pg_catalog.=) $1 \
             AND w.version OPERATOR(pg_catalog.=) $2 AND w.name OPERATOR(pg_catalog.=) n.name \
             AND w.chunk OPERATOR(pg_catalog.<=) COALESCE((SELECT d.chunk FROM affinity.stored_weights d WHERE d.model_id OPERATOR(pg_catalog.=) $1 \
                 AND d.version OPERATOR(pg_catalog.=) $2 AND d.name OPERATOR(pg_catalog.=) n.name AND d.chunk OPERATOR(pg_catalog.=) -1), 2147483647) \
         WHERE NOT pg_catalog.starts_with(n.name, 'holdout.') ORDER BY w.name COLLATE \"C\", w.chunk";
    format::known(of)?;
    let mut parts: Vec<Part> = Vec::new();
    let mut index = Index::default();
    let each = |r: &Row| {
        let name = r.text(1).unwrap_or_default();
        let digests = r.int(5) == Some(DIGESTS);
        if digests && name == HELD_OUT {
            index.held_out = r.bytes(4, <[u8]>::to_vec).unwrap_or_default();
            return Ok(());
        }
        if parts.last().is_none_or(|p| p.name != name) {
            let shape = array::integers(&r.text(3).unwrap_or_default())?;
            parts.push(Part { name: name.clone(), shape, numbers: Numbers::none(&r.text(2).unwrap_or_default())? });
        }
        if digests {
            index.rows.insert(name, r.bytes(4, <[u8]>::to_vec).unwrap_or_default());
            return Ok(());
        }
        if let Some(last) = parts.last_mut() {
            r.bytes(4, |data| last.numbers.append(data)).transpose()?;
        }
        Ok(())
    };
    let args = [Arg::Uuid(of.model_id), Arg::Int(of.version)];
    as_extension(|| match read {
        Read::All => spi::stream(ALL, &args, true, each),
        Read::Fresh => spi::stream(ALL, &args, false, each),
        Read::Serving => spi::stream(SERVING, &args, true, each),
    })?;
    let by_rows = |p: &Part| read == Read::Serving && index.rows.contains_key(&p.name);
    let tensors = parts
        .into_iter()
        .map(|p| if by_rows(&p) { Ok(Tensor { name: p.name, shape: p.shape, numbers: Numbers::U8(Shared::default()) }) } else { tensor(p) })
        .collect::<Result<Vec<_>>>()?;
    // Where all is read, all is held against what the version was when it was stored.
    let index = if read == Read::Serving { index } else { Index::of(&tensors) };
    if digest_of(&of.state_text, &tensors, &index) != of.digest {
        return Err(damaged(of.version, "its state and weights"));
    }
    Ok((tensors, index))
}

fn tensor(part: Part) -> Result<Tensor> {
    let length = part.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).ok_or_else(|| {
        Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("Tensor \"{}\" has shape {:?}.", part.name, part.shape))
    })?;
    if part.numbers.len() != length {
        return Err(Error::new(Code::Corrupt, "stored weights are damaged").detail(format!(
            "{length} elements of {} expected in tensor \"{}\", {} found.",
            part.numbers.dtype(),
            part.name,
            part.numbers.len()
        )));
    }
    Ok(Tensor { name: part.name, shape: part.shape, numbers: part.numbers })
}

/// A shape as Postgres writes an array: `{64,32}`.
fn shape_text(shape: &[usize]) -> String {
    format!("{{{}}}", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
}

/// The numbers of a chunk as reals; none for text.
///
/// # Errors
/// [`Code::Corrupt`] when the bytes are not whole elements.
pub(crate) fn values(dtype: &str, data: &[u8]) -> Result<Option<Vec<f32>>> {
    let width = Numbers::width(dtype)?;
    // The elements, and as reals: twice the bytes, of elements of one byte four times.
    let bytes = data.len().saturating_mul(if width == 1 { 5 } else { 3 });
    let budget = crate::pg::backend::settings::budget();
    let _booked = budget.take(bytes, "The numbers")?;
    room(bytes)?;
    Ok(match Numbers::from_bytes(dtype, data, data.len() / width)? {
        Numbers::F32(mut v) => Some(std::mem::take(v.own())),
        Numbers::F16(v) => Some(v.iter().map(|x| x.to_f32()).collect()),
        Numbers::I64(v) => Some(v.iter().map(|n| n.single()).collect()),
        Numbers::I8(v) => Some(v.iter().map(|x| f32::from(*x)).collect()),
        Numbers::U8(_) => None,
    })
}
