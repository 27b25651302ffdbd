//! The ids of one side of the interactions, sorted: an index is a place in the order of the ids.

use crate::base::{Code, Error, Numbers, Result, Tensor, interrupts, memory, names, rng::mix, tensor};
use std::cmp::Ordering;

/// What an id is in the relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdKind {
    /// smallint, integer, bigint.
    Integer,
    /// uuid, kept in its canonical text form.
    Uuid,
    /// Anything else, by its text form.
    Text,
}

/// One id; what a caller gives and what a list returns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    /// Of [`IdKind::Integer`].
    Integer(i64),
    /// Of [`IdKind::Uuid`] (canonical) and [`IdKind::Text`].
    Text(String),
}

/// The distinct ids of one side, ascending (integers by value, texts by bytes), so that ties broken by index are broken by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Vocabulary {
    kind: IdKind,
    ids: Ids,
}

#[derive(Debug, Clone, PartialEq)]
enum Ids {
    Integer(Vec<i64>),
    /// All texts joined, and where each ends.
    Text {
        joined: String,
        ends: Vec<usize>,
    },
}

impl IdKind {
    /// `text` as an id of this kind; none when it does not fit the type, for then it names nobody.
    pub fn parse(self, text: &str) -> Option<Id> {
        match self {
            Self::Integer => text.trim().parse().ok().map(Id::Integer),
            Self::Uuid => canonical_uuid(text).map(Id::Text),
            Self::Text => Some(Id::Text(text.to_owned())),
        }
    }

    /// An integer as an id of this kind.
    pub fn from_integer(self, id: i64) -> Option<Id> {
        match self {
            Self::Integer => Some(Id::Integer(id)),
            Self::Uuid => None,
            Self::Text => Some(Id::Text(id.to_string())),
        }
    }

    /// For messages: `an integer`, `a uuid`, `a text`.
    pub fn article(self) -> &'static str {
        match self {
            Self::Integer => "an integer",
            Self::Uuid => "a uuid",
            Self::Text => "a text",
        }
    }
}

impl Id {
    /// 64 bits that depend on the id alone: the same over all retrains, whatever else is in the data.
    pub fn hash(&self) -> u64 {
        match self {
            Self::Integer(i) => hash_integer(*i),
            Self::Text(t) => hash_text(t),
        }
    }
}

fn hash_integer(i: i64) -> u64 {
    mix(i as u64 ^ 0x51ed_270b_0a1f_39c1)
}

/// FNV-1a: ids are short, and the mixer takes care of its weak high bits.
fn hash_text(t: &str) -> u64 {
    mix(t.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)))
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(i) => write!(f, "{i}"),
            Self::Text(t) => f.write_str(t),
        }
    }
}

impl Vocabulary {
    /// The distinct ids of `levels` (texts of kind `kind`), and for each level its index.
    ///
    /// # Errors
    /// [`Code::InvalidText`] for a level that is no id of that kind.
    pub fn new(kind: IdKind, levels: &[String]) -> Result<(Self, Vec<u32>)> {
        let mut ids = Vec::with_capacity(levels.len());
        for (at, level) in levels.iter().enumerate() {
            let id = kind
                .parse(level)
                .ok_or_else(|| Error::new(Code::InvalidText, format!("\"{}\" is not {} id", names::shown(level), kind.article())))?;
            ids.push((id, at));
        }
        ids.sort_unstable();
        let mut place = vec![0; levels.len()];
        let mut integers = Vec::new();
        let (mut joined, mut ends) = (String::new(), Vec::new());
        let mut previous: Option<&Id> = None;
        let mut next = 0u32;
        for (id, at) in &ids {
            if previous != Some(id) {
                match id {
                    Id::Integer(i) => integers.push(*i),
                    Id::Text(t) => {
                        joined.push_str(t);
                        ends.push(joined.len());
                    }
                }
                next = next.checked_add(1).ok_or_else(too_many)?;
                previous = Some(id);
            }
            place[*at] = next - 1;
        }
        let ids = if kind == IdKind::Integer { Ids::Integer(integers) } else { Ids::Text { joined, ends } };
        Ok((Self { kind, ids }, place))
    }

    /// The integers from 0 on, `len` of them.
    pub fn range(len: usize) -> Self {
        Self { kind: IdKind::Integer, ids: Ids::Integer((0..).take(len).collect()) }
    }

    /// What the ids are.
    pub fn kind(&self) -> IdKind {
        self.kind
    }

    /// How many ids.
    pub fn len(&self) -> usize {
        match &self.ids {
            Ids::Integer(v) => v.len(),
            Ids::Text { ends, .. } => ends.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn text(joined: &str, ends: &[usize], i: usize) -> std::ops::Range<usize> {
        debug_assert!(ends[i] <= joined.len());
        let start = if i == 0 { 0 } else { ends[i - 1] };
        start..ends[i]
    }

    /// The id at `index`, which must be below [`Vocabulary::len`].
    pub fn id(&self, index: u32) -> Id {
        match &self.ids {
            Ids::Integer(v) => Id::Integer(v[index as usize]),
            Ids::Text { joined, ends } => Id::Text(joined[Self::text(joined, ends, index as usize)].to_owned()),
        }
    }

    /// The index of an integer id.
    pub fn find_integer(&self, id: i64) -> Option<u32> {
        match &self.ids {
            Ids::Integer(v) => v.binary_search(&id).ok().map(|i| i as u32),
            Ids::Text { .. } => self.find_text(&id.to_string()),
        }
    }

    /// The index of an id in text form; canonical for a uuid.
    pub fn find_text(&self, id: &str) -> Option<u32> {
        match &self.ids {
            Ids::Integer(v) => v.binary_search(&id.trim().parse().ok()?).ok().map(|i| i as u32),
            Ids::Text { joined, ends } => {
                let (mut low, mut high) = (0, ends.len());
                while low < high {
                    let middle = usize::midpoint(low, high);
                    match joined[Self::text(joined, ends, middle)].cmp(id) {
                        Ordering::Less => low = middle + 1,
                        Ordering::Greater => high = middle,
                        Ordering::Equal => return Some(middle as u32),
                    }
                }
                None
            }
        }
    }

    /// The indices of the ids that are known, in the order of `ids`.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn known(&self, ids: &[Id]) -> Result<Vec<u32>> {
        let mut known = Vec::new();
        for (step, index) in ids.iter().map(|id| self.find(id)).enumerate() {
            interrupts::check_at(step);
            if let Some(index) = index {
                memory::reserve(&mut known, 1)?;
                known.push(index);
            }
        }
        Ok(known)
    }

    /// The index of `id`.
    pub fn find(&self, id: &Id) -> Option<u32> {
        match id {
            Id::Integer(i) => self.find_integer(*i),
            Id::Text(t) => self.find_text(t),
        }
    }

    /// [`Id::hash`] of the id at `index`.
    pub fn hash(&self, index: u32) -> u64 {
        match &self.ids {
            Ids::Integer(v) => hash_integer(v[index as usize]),
            Ids::Text { joined, ends } => hash_text(&joined[Self::text(joined, ends, index as usize)]),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match &self.ids {
            Ids::Integer(v) => v.len() * 8,
            Ids::Text { joined, ends } => joined.len() + ends.len() * 8,
        }
    }

    /// As tensors called `{name}.id`, or `{name}.text` with `{name}.end`.
    pub fn to_tensors(&self, name: &str) -> Vec<Tensor> {
        let one = |part: &str, numbers: Numbers| Tensor { name: format!("{name}.{part}"), shape: vec![numbers.len()], numbers };
        match &self.ids {
            Ids::Integer(v) => vec![one("id", Numbers::I64(v.clone()))],
            Ids::Text { joined, ends } => vec![
                one("text", Numbers::U8(joined.as_bytes().to_vec())),
                one("end", Numbers::I64(ends.iter().map(|&e| e as i64).collect())),
            ],
        }
    }

    /// Back from [`Vocabulary::to_tensors`]: `len` ids of `kind`. The tensors may be hostile: order and bounds are checked.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(name: &str, kind: IdKind, len: usize, tensors: &[Tensor]) -> Result<Self> {
        let damaged = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("The ids of {name} {what}."));
        let ids = if kind == IdKind::Integer {
            let Numbers::I64(v) = tensor::find(tensors, &format!("{name}.id"), &[len])? else {
                return Err(damaged("are no integers"));
            };
            if !v.is_sorted_by(|a, b| a < b) {
                return Err(damaged("are out of order"));
            }
            Ids::Integer(v.clone())
        } else {
            let Numbers::I64(ends) = tensor::find(tensors, &format!("{name}.end"), &[len])? else {
                return Err(damaged("have no ends"));
            };
            let text = format!("{name}.text");
            let Some(Numbers::U8(bytes)) = tensors.iter().find(|t| t.name == text).map(|t| &t.numbers) else {
                return Err(damaged("have no text"));
            };
            let joined = String::from_utf8(bytes.clone()).map_err(|_| damaged("are no text"))?;
            let mut start = 0;
            let mut checked = Vec::with_capacity(ends.len());
            for &end in ends {
                let end = usize::try_from(end).map_err(|_| damaged("have negative ends"))?;
                if joined.get(start..end).is_none() {
                    return Err(damaged("end outside their text"));
                }
                checked.push(end);
                start = end;
            }
            let v = Ids::Text { joined, ends: checked };
            if let Ids::Text { joined, ends } = &v {
                let at = |i| &joined[Self::text(joined, ends, i)];
                if (1..ends.len()).any(|i| at(i - 1) >= at(i)) {
                    return Err(damaged("are out of order"));
                }
            }
            v
        };
        Ok(Self { kind, ids })
    }
}

fn too_many() -> Error {
    Error::new(Code::Data, "more than 4294967294 distinct ids")
}

/// The canonical form of a uuid in any form that Postgres reads (braces, hyphens after any four digits, either case).
fn canonical_uuid(text: &str) -> Option<String> {
    let t = text.trim();
    let t = t.strip_prefix('{').map_or(Some(t), |t| t.strip_suffix('}'))?;
    let mut out = String::with_capacity(36);
    let mut digits = 0;
    let mut hyphen = true;
    for c in t.chars() {
        if c == '-' {
            // Only between groups of four digits, one at a time.
            if hyphen || digits % 4 != 0 {
                return None;
            }
            hyphen = true;
            continue;
        }
        if !c.is_ascii_hexdigit() || digits == 32 {
            return None;
        }
        if matches!(digits, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
        digits += 1;
        hyphen = false;
    }
    (digits == 32 && !hyphen).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(v: &[&str]) -> Vec<String> {
        v.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn ids_are_sorted_found_and_come_back() {
        let (v, at) = Vocabulary::new(IdKind::Integer, &texts(&["10", "9", "9007199254740993", "-3"])).unwrap();
        assert_eq!(at, [2, 1, 3, 0]);
        assert_eq!(v.find_integer(9_007_199_254_740_993), Some(3));
        assert_eq!((v.find_integer(9_007_199_254_740_992), v.find_text("9"), v.find_text("x")), (None, Some(1), None));
        let (t, at) = Vocabulary::new(IdKind::Text, &texts(&["b", "", "ä", "a"])).unwrap();
        assert_eq!(at, [2, 0, 3, 1]);
        assert_eq!((t.find_text(""), t.find_text("ä"), t.find_text("c")), (Some(0), Some(3), None));
        assert_eq!(t.id(2), Id::Text("b".into()));
        for v in [v, t] {
            let n = v.len();
            assert_eq!(Vocabulary::from_tensors("items", v.kind(), n, &v.to_tensors("items")).unwrap(), v);
            assert_eq!(Vocabulary::from_tensors("items", v.kind(), n + 1, &v.to_tensors("items")).unwrap_err().code, Code::Corrupt);
        }
    }

    #[test]
    fn hostile_tensors_are_refused() {
        let t = |part: &str, numbers: Numbers| Tensor { name: format!("items.{part}"), shape: vec![numbers.len()], numbers };
        let bad = |kind, tensors: &[Tensor]| Vocabulary::from_tensors("items", kind, 2, tensors).unwrap_err().code;
        assert_eq!(bad(IdKind::Integer, &[t("id", Numbers::I64(vec![2, 1]))]), Code::Corrupt);
        for ends in [vec![1, 9], vec![2, 1], vec![-1, 1], vec![1, 1]] {
            assert_eq!(bad(IdKind::Text, &[t("text", Numbers::U8(b"ab".to_vec())), t("end", Numbers::I64(ends))]), Code::Corrupt);
        }
        assert_eq!(bad(IdKind::Text, &[t("text", Numbers::U8(vec![255, 255])), t("end", Numbers::I64(vec![1, 2]))]), Code::Corrupt);
    }

    #[test]
    fn uuids_are_read_as_postgres_reads_them() {
        let canonical = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        for form in [
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        ] {
            assert_eq!(IdKind::Uuid.parse(form), Some(Id::Text(canonical.into())), "{form}");
        }
        for form in
            ["", "42", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "{a0eebc999c0b4ef8bb6d6bb9bd380a11", "g0eebc999c0b4ef8bb6d6bb9bd380a11"]
        {
            assert_eq!(IdKind::Uuid.parse(form), None, "{form}");
        }
    }

    #[test]
    fn a_hash_depends_on_the_id_alone() {
        let (a, _) = Vocabulary::new(IdKind::Text, &texts(&["x", "y"])).unwrap();
        let (b, _) = Vocabulary::new(IdKind::Text, &texts(&["a", "x", "b"])).unwrap();
        assert_eq!(a.hash(0), b.hash(2));
        assert_eq!(a.hash(0), a.id(0).hash());
        assert_ne!(a.hash(0), a.hash(1));
    }
}
