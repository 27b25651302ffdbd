//! Tensors as rows of bytes, and back. Whoever restores or owns the database can write these rows: nothing is trusted before the digest
//! has been checked.

use crate::base::memory::reserve;
use crate::base::{Code, Error, Numbers, Result, Tensor};
use crate::pg::owner::as_extension;
use crate::pg::spi::{self, Arg, Row};
use crate::pg::store::VersionRow;
use sha2::{Digest, Sha256};

/// Bytes of a chunk: small enough to be detoasted one by one, a multiple of every element's size.
const CHUNK: usize = 1 << 18;

/// The digest of a version: SHA-256 over its state and its tensors by name, each with its type, shape and bytes.
pub(crate) fn digest(state: &str, tensors: &[Tensor]) -> Vec<u8> {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(state.as_bytes());
    let mut sorted: Vec<_> = tensors.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    for t in sorted {
        part(t.name.as_bytes());
        part(t.numbers.dtype().as_bytes());
        part(shape_text(&t.shape).as_bytes());
        part(&t.numbers.to_bytes());
    }
    hash.finalize().to_vec()
}

/// Writes the tensors of a version whose row is there already.
///
/// # Errors
/// [`Code::OutOfMemory`]; what Postgres raises is raised.
pub(crate) fn write(model_id: i64, version: i32, tensors: &[Tensor]) -> Result<()> {
    const INSERT: &str = "INSERT INTO affinity.stored_weights (model_id, version, name, chunk, dtype, shape, data) \
         VALUES ($1, $2, $3, $4, $5, $6::pg_catalog.int8[], $7)";
    as_extension(|| {
        for t in tensors {
            let (bytes, shape) = (t.numbers.to_bytes(), shape_text(&t.shape));
            // An empty tensor has one chunk without bytes, so that its name and shape are kept.
            let chunks: Vec<&[u8]> = if bytes.is_empty() { vec![&[]] } else { bytes.chunks(CHUNK).collect() };
            for (i, data) in chunks.into_iter().enumerate() {
                let args = [
                    Arg::Big(model_id),
                    Arg::Int(version),
                    Arg::Text(&t.name),
                    Arg::Int(i32::try_from(i).unwrap_or(i32::MAX)),
                    Arg::Text(t.numbers.dtype()),
                    Arg::Text(&shape),
                    Arg::Bytes(data),
                ];
                spi::write(INSERT, &args, |_| Ok(()))?;
            }
        }
        Ok(())
    })
}

/// The tensors of a version, by the snapshot of the statement.
///
/// # Errors
/// [`Code::Corrupt`] when they are not those that were stored.
pub(crate) fn tensors(of: &VersionRow) -> Result<Vec<Tensor>> {
    load(of, false)
}

/// As [`tensors`], seeing what this very statement wrote.
///
/// # Errors
/// As [`tensors`].
pub(crate) fn fresh_tensors(of: &VersionRow) -> Result<Vec<Tensor>> {
    load(of, true)
}

struct Part {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn load(of: &VersionRow, fresh: bool) -> Result<Vec<Tensor>> {
    const SELECT: &str = "SELECT name, dtype, shape, data FROM affinity.stored_weights \
         WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2 ORDER BY name COLLATE \"C\", chunk";
    let mut parts: Vec<Part> = Vec::new();
    let each = |r: &Row| {
        let name = r.text(1).unwrap_or_default();
        if parts.last().is_none_or(|p| p.name != name) {
            let shape = integers(&r.text(3).unwrap_or_default())?;
            parts.push(Part { name, dtype: r.text(2).unwrap_or_default(), shape, bytes: Vec::new() });
        }
        if let Some(last) = parts.last_mut() {
            r.bytes(4, |data| {
                reserve(&mut last.bytes, data.len())?;
                last.bytes.extend_from_slice(data);
                Ok::<(), Error>(())
            })
            .transpose()?;
        }
        Ok(())
    };
    let args = [Arg::Big(of.model_id), Arg::Int(of.version)];
    as_extension(|| if fresh { spi::write(SELECT, &args, each) } else { spi::select(SELECT, &args, each) })?;
    let tensors = parts.into_iter().map(tensor).collect::<Result<Vec<_>>>()?;
    if digest(&of.state_text, &tensors) != of.digest {
        return Err(Error::new(Code::Corrupt, "stored weights are damaged")
            .detail(format!("The digest of version {} does not fit its state and weights.", of.version))
            .hint("Restore the rows of affinity.stored_weights from a backup, deploy another version, or train again."));
    }
    Ok(tensors)
}

fn tensor(part: Part) -> Result<Tensor> {
    let length = part.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).ok_or_else(|| {
        Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("Tensor \"{}\" has shape {:?}.", part.name, part.shape))
    })?;
    let numbers = Numbers::from_bytes(&part.dtype, &part.bytes, length)?;
    Ok(Tensor { name: part.name, shape: part.shape, numbers })
}

/// A shape as Postgres writes an array: `{64,32}`.
fn shape_text(shape: &[usize]) -> String {
    format!("{{{}}}", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
}

/// The numbers of an integer array in Postgres's text form.
///
/// # Errors
/// [`Code::Corrupt`] for anything else: NULLs, more dimensions, what does not fit.
pub(crate) fn integers<T: std::str::FromStr>(text: &str) -> Result<Vec<T>> {
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    let bad = || Error::new(Code::Corrupt, "a stored array cannot be read").detail(format!("It reads {text}."));
    let inner = inner.ok_or_else(bad)?;
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    inner.split(',').map(|n| n.parse().map_err(|_| bad())).collect()
}

/// The numbers of a chunk as reals; none for text.
///
/// # Errors
/// [`Code::Corrupt`] when the bytes are not whole elements.
pub(crate) fn values(dtype: &str, data: &[u8]) -> Result<Option<Vec<f32>>> {
    let width = match dtype {
        "f32" => 4,
        "f16" => 2,
        "i64" => 8,
        _ => 1,
    };
    Ok(match Numbers::from_bytes(dtype, data, data.len() / width)? {
        Numbers::F32(v) => Some(v),
        Numbers::F16(v) => Some(v.into_iter().map(half::f16::to_f32).collect()),
        Numbers::I64(v) => Some(v.into_iter().map(|n| n as f32).collect()),
        Numbers::U8(_) => None,
    })
}
