//! Ids of users and items: integers, uuids, texts.

use crate::base::rng::mix;

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
            Self::Text(t) => hash_text(t.as_bytes()),
        }
    }
}

/// [`Id::hash`] of an integer.
pub(super) fn hash_integer(i: i64) -> u64 {
    mix(i as u64 ^ 0x51ed_270b_0a1f_39c1)
}

/// FNV-1a: ids are short, and the mixer takes care of its weak high bits.
pub(super) fn hash_text(t: &[u8]) -> u64 {
    mix(t.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)))
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(i) => write!(f, "{i}"),
            Self::Text(t) => f.write_str(t),
        }
    }
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
}
