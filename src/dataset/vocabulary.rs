//! The ids of one side of the interactions, sorted: an index is a place in the order of the ids.

use crate::base::number::AsIndex;
use crate::base::{Code, Error, Numbers, Result, Shared, Tensor, names, tensor};
use crate::dataset::id::{Id, IdKind, hash_integer, hash_text};
use std::cmp::Ordering;
use std::sync::Arc;

/// The distinct ids of one side, ascending (integers by value, texts by bytes), so that ties broken by index are broken by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Vocabulary {
    kind: IdKind,
    ids: Ids,
    /// Other spellings of ids, ascending, each with the index of its id; kept while training, never stored.
    others: Vec<(String, u32)>,
    /// Ids that came after the others, whose indices follow theirs.
    later: Arc<Later>,
}

#[derive(Debug, PartialEq, Default)]
struct Later {
    ids: Vec<Id>,
    /// Their places, in the order of the ids.
    sorted: Vec<u32>,
}

impl Later {
    fn find(&self, is: impl Fn(&Id) -> Ordering) -> Option<u32> {
        self.sorted.binary_search_by(|&at| is(&self.ids[at.index()])).ok().map(|at| self.sorted[at])
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Ids {
    Integer(Shared<i64>),
    /// All texts joined, and where each ends. Bytes, of which each text is looked at when it is asked for: those of a file are never looked
    /// at as a whole.
    Text {
        joined: Shared<u8>,
        ends: Shared<usize>,
    },
}

impl Vocabulary {
    /// The distinct ids of `levels` (texts of kind `kind`), and for each level its index.
    ///
    /// # Errors
    /// [`Code::InvalidText`] for a level that is no id of that kind.
    pub fn new(kind: IdKind, levels: &[String]) -> Result<(Self, Vec<u32>)> {
        let mut ids = Vec::with_capacity(levels.len());
        for (at, level) in levels.iter().enumerate() {
            ids.push((kind.parse(level).ok_or_else(|| no_id(level, kind))?, at));
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
        let ids = if kind == IdKind::Integer {
            Ids::Integer(integers.into())
        } else {
            Ids::Text { joined: joined.into_bytes().into(), ends: ends.into() }
        };
        Ok((Self { kind, ids, others: Vec::new(), later: Arc::default() }, place))
    }

    /// As [`Vocabulary::new`], where `same` names for each level the first one that its type holds equal (`Sku` and `SKU` of citext, 5 and
    /// 5.0 of numeric): these are one id, spelled as most of their `counts` are, of equally many the first by bytes. Levels with a count of
    /// 0 are none.
    ///
    /// # Errors
    /// As [`Vocabulary::new`].
    pub fn of_equal(kind: IdKind, levels: &[String], same: Option<&[u32]>, counts: &[u64]) -> Result<(Self, Vec<u32>)> {
        let mut spelled: Vec<u32> = (0..levels.len() as u32).collect();
        if let Some(same) = same {
            let mut best = spelled.clone();
            for (at, &first) in same.iter().enumerate() {
                let rank = |i: usize| (counts[i], std::cmp::Reverse(&levels[i]));
                let best = &mut best[first.index()];
                if rank(at) > rank(best.index()) {
                    *best = at as u32;
                }
            }
            spelled.iter_mut().zip(same).for_each(|(s, &first)| *s = best[first.index()]);
        }
        let ids: Vec<usize> = (0..levels.len()).filter(|&i| counts[i] > 0 && spelled[i].index() == i).collect();
        let kept: Vec<String> = ids.iter().map(|&i| levels[i].clone()).collect();
        let (mut vocabulary, place) = Self::new(kind, &kept)?;
        let mut all = vec![0; levels.len()];
        ids.iter().zip(place).for_each(|(&i, p)| all[i] = p);
        for i in 0..levels.len() {
            if counts[i] > 0 && spelled[i].index() != i {
                all[i] = all[spelled[i].index()];
                vocabulary.others.push((levels[i].clone(), all[i]));
            }
        }
        vocabulary.others.sort_unstable();
        Ok((vocabulary, all))
    }

    /// Other spellings of ids: each of the `texts` that has an index in `found`. What is spelled so already stays.
    pub fn spell(&mut self, texts: Vec<String>, found: &[Option<u32>]) {
        let new =
            texts.into_iter().zip(found).filter_map(|(text, index)| index.filter(|_| self.find_text(&text).is_none()).map(|i| (text, i)));
        let new: Vec<_> = new.collect();
        self.others.extend(new);
        self.others.sort_unstable();
    }

    /// Whether ids have other spellings than their own.
    pub fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// The integers from 0 on, `len` of them.
    pub fn range(len: usize) -> Self {
        Self { kind: IdKind::Integer, ids: Ids::Integer((0..).take(len).collect()), others: Vec::new(), later: Arc::default() }
    }

    /// What the ids are.
    pub fn kind(&self) -> IdKind {
        self.kind
    }

    /// How many ids.
    pub fn len(&self) -> usize {
        self.sorted() + self.later.ids.len()
    }

    /// How many ids stand in their order: those without the later ones.
    fn sorted(&self) -> usize {
        match &self.ids {
            Ids::Integer(v) => v.len(),
            Ids::Text { ends, .. } => ends.len(),
        }
    }

    /// These and `ids` after them, of which none is here yet, by texts of this kind.
    ///
    /// # Errors
    /// [`Code::InvalidText`] for one that is no id of this kind.
    pub fn with_later<'t>(&self, ids: impl Iterator<Item = &'t str>) -> Result<Self> {
        let ids: Vec<Id> = ids.map(|t| self.kind.parse(t).ok_or_else(|| no_id(t, self.kind))).collect::<Result<_>>()?;
        let mut sorted: Vec<u32> = (0..).take(ids.len()).collect();
        sorted.sort_by(|a, b| ids[a.index()].cmp(&ids[b.index()]));
        Ok(Self { later: Arc::new(Later { ids, sorted }), ..self.clone() })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn text<'a>(joined: &'a [u8], ends: &[usize], i: usize) -> &'a [u8] {
        let start = if i == 0 { 0 } else { ends[i - 1] };
        &joined[start..ends[i]]
    }

    fn of_later(&self, index: u32) -> Option<&Id> {
        self.later.ids.get(index.index().checked_sub(self.sorted())?)
    }

    /// The id at `index`, which must be below [`Vocabulary::len`].
    pub fn id(&self, index: u32) -> Id {
        if let Some(later) = self.of_later(index) {
            return later.clone();
        }
        match &self.ids {
            Ids::Integer(v) => Id::Integer(v[index.index()]),
            Ids::Text { joined, ends } => Id::Text(String::from_utf8_lossy(Self::text(joined, ends, index.index())).into_owned()),
        }
    }

    /// The index of an integer id.
    pub fn find_integer(&self, id: i64) -> Option<u32> {
        let later = || self.later.find(|i| i.cmp(&Id::Integer(id))).map(|at| at + self.sorted() as u32);
        match &self.ids {
            Ids::Integer(v) => v.binary_search(&id).ok().map(|i| i as u32).or_else(later),
            Ids::Text { .. } => self.find_text(&id.to_string()),
        }
    }

    /// The index of an id in text form; canonical for a uuid.
    pub fn find_text(&self, id: &str) -> Option<u32> {
        match &self.ids {
            Ids::Integer(_) => self.find_integer(id.trim().parse().ok()?),
            Ids::Text { joined, ends } => {
                let (joined, ends): (&[u8], &[usize]) = (joined, ends);
                let (mut low, mut high) = (0, ends.len());
                while low < high {
                    let middle = usize::midpoint(low, high);
                    match Self::text(joined, ends, middle).cmp(id.as_bytes()) {
                        Ordering::Less => low = middle + 1,
                        Ordering::Greater => high = middle,
                        Ordering::Equal => return Some(middle as u32),
                    }
                }
                let other = self.others.binary_search_by(|o| o.0.as_str().cmp(id)).ok().map(|at| self.others[at].1);
                let order = |i: &Id| if let Id::Text(t) = i { t.as_str().cmp(id) } else { Ordering::Less };
                other.or_else(|| self.later.find(order).map(|at| at + self.sorted() as u32))
            }
        }
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
        if let Some(later) = self.of_later(index) {
            return later.hash();
        }
        match &self.ids {
            Ids::Integer(v) => hash_integer(v[index.index()]),
            Ids::Text { joined, ends } => hash_text(Self::text(joined, ends, index.index())),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let later = self.later.ids.iter().map(|i| size_of::<(Id, u32)>() + if let Id::Text(t) = i { t.len() } else { 0 }).sum::<usize>();
        later
            + match &self.ids {
                Ids::Integer(v) => v.len() * 8,
                Ids::Text { joined, ends } => {
                    joined.len() + ends.len() * 8 + self.others.iter().map(|o| size_of_val(o) + o.0.len()).sum::<usize>()
                }
            }
    }

    /// As tensors (without those that came later) called `{name}.id`, or `{name}.text` with `{name}.end`.
    pub fn to_tensors(&self, name: &str) -> Vec<Tensor> {
        let one = |part: &str, numbers: Numbers| Tensor { name: format!("{name}.{part}"), shape: vec![numbers.len()], numbers };
        match &self.ids {
            Ids::Integer(v) => vec![one("id", Numbers::I64(v.clone()))],
            Ids::Text { joined, ends } => {
                vec![one("text", Numbers::U8(joined.clone())), one("end", Numbers::I64(ends.iter().map(|&e| e as i64).collect()))]
            }
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
            if !v.is_part() && !v.is_sorted_by(|a, b| a < b) {
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
            match tensor::laid_places(ends).filter(|_| bytes.is_part()) {
                Some(ends) => Ids::Text { joined: bytes.clone(), ends },
                None => Ids::Text { joined: bytes.clone(), ends: Self::checked_ends(bytes, ends, damaged)?.into() },
            }
        };
        Ok(Self { kind, ids, others: Vec::new(), later: Arc::default() })
    }
}

impl Vocabulary {
    /// Where texts end that are ascending and lie one after another in `bytes`.
    fn checked_ends(bytes: &[u8], ends: &[i64], damaged: impl Fn(&str) -> Error) -> Result<Vec<usize>> {
        let joined = std::str::from_utf8(bytes).map_err(|_| damaged("are no text"))?;
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
        let at = |i| Self::text(bytes, &checked, i);
        if (1..checked.len()).any(|i| at(i - 1) >= at(i)) {
            return Err(damaged("are out of order"));
        }
        Ok(checked)
    }
}

fn no_id(text: &str, kind: IdKind) -> Error {
    Error::new(Code::InvalidText, format!("\"{}\" is not {} id", names::shown(text), kind.article()))
}

fn too_many() -> Error {
    Error::new(Code::Data, "more than 4294967294 distinct ids")
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
    fn equal_spellings_are_one_id() {
        let levels = texts(&["SKU1", "sku1", "b", "Sku1", "B", "gone"]);
        let (v, at) = Vocabulary::of_equal(IdKind::Text, &levels, Some(&[0, 0, 2, 0, 2, 5]), &[2, 5, 1, 1, 1, 0]).unwrap();
        // Most of them are written sku1; of b and B, one each, B comes first.
        assert_eq!(at[..5], [1, 1, 0, 1, 0]);
        assert_eq!((v.len(), v.id(0), v.id(1)), (2, Id::Text("B".into()), Id::Text("sku1".into())));
        assert_eq!((v.find_text("SKU1"), v.find_text("b"), v.find_text("gone"), v.has_others()), (Some(1), Some(0), None, true));
        let (plain, at) = Vocabulary::of_equal(IdKind::Text, &levels, None, &[2, 5, 1, 1, 1, 0]).unwrap();
        assert_eq!((plain.len(), plain.has_others(), at[0]), (5, false, plain.find_text("SKU1").unwrap()));
    }

    #[test]
    fn later_ids_come_after_the_others() {
        let (v, _) = Vocabulary::new(IdKind::Integer, &texts(&["5", "3"])).unwrap();
        let more = v.with_later(["9", "1", "4"].into_iter()).unwrap();
        assert_eq!((more.len(), more.id(1), more.id(2), more.id(4)), (5, Id::Integer(5), Id::Integer(9), Id::Integer(4)));
        assert_eq!([1, 3, 4, 9, 7].map(|i| more.find_integer(i)), [Some(3), Some(0), Some(4), Some(2), None]);
        assert_eq!((more.find_text(" 4 "), more.hash(3), v.find_integer(9)), (Some(4), Id::Integer(1).hash(), None));
        assert_eq!(v.with_later(["x"].into_iter()).unwrap_err().code, Code::InvalidText);
        let (v, _) = Vocabulary::new(IdKind::Text, &texts(&["b"])).unwrap();
        let more = v.with_later(["c", "a"].into_iter()).unwrap();
        assert_eq!(["a", "b", "c", "d"].map(|t| more.find_text(t)), [Some(2), Some(0), Some(1), None]);
        // Of the tensors come those that stand in their order.
        assert_eq!(Vocabulary::from_tensors("items", IdKind::Text, 1, &more.to_tensors("items")).unwrap(), v);
    }

    #[test]
    fn hostile_tensors_are_refused() {
        let t = |part: &str, numbers: Numbers| Tensor { name: format!("items.{part}"), shape: vec![numbers.len()], numbers };
        let bad = |kind, tensors: &[Tensor]| Vocabulary::from_tensors("items", kind, 2, tensors).unwrap_err().code;
        assert_eq!(bad(IdKind::Integer, &[t("id", Numbers::I64(vec![2, 1].into()))]), Code::Corrupt);
        for ends in [vec![1, 9], vec![2, 1], vec![-1, 1], vec![1, 1]] {
            assert_eq!(
                bad(IdKind::Text, &[t("text", Numbers::U8(b"ab".to_vec().into())), t("end", Numbers::I64(ends.into()))]),
                Code::Corrupt
            );
        }
        assert_eq!(
            bad(IdKind::Text, &[t("text", Numbers::U8(vec![255, 255].into())), t("end", Numbers::I64(vec![1, 2].into()))]),
            Code::Corrupt
        );
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
