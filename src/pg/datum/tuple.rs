//! The values of a composite datum, found in place: what `heap_deform_tuple` does, without the trip through Postgres.
//!
//! A trip costs as much as all twenty columns of a row: each call into Postgres sets a jump point first. Layout of a tuple: PostgreSQL,
//! `access/htup_details.h` and `access/tupmacs.h`.

use crate::base::number::AsIndex;
use pgrx::{PgTupleDesc, pg_sys};

/// How wide the values of an attribute are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// Always this many bytes.
    Fixed(usize),
    /// A varlena: its header says.
    Varlena,
    /// A C string: up to its zero byte.
    Zero,
}

#[derive(Debug, Clone, Copy)]
struct Attribute {
    width: Width,
    align: usize,
    by_value: bool,
}

/// Where the attributes of one row type lie. Owns no memory of Postgres.
#[derive(Debug)]
pub(crate) struct Layout {
    attributes: Vec<Attribute>,
    /// Offsets of the attributes up to and including the first of varying width, as they are in a row without NULLs.
    fixed: Vec<usize>,
    /// Offsets in the row that was walked last; [`NULL`] where there is none.
    offsets: Vec<usize>,
}

/// The offset of a value that is not there.
const NULL: usize = usize::MAX;

impl Layout {
    /// The layout of the first `wanted` attributes of `desc`.
    pub(crate) fn new(desc: &PgTupleDesc, wanted: usize) -> Self {
        let attributes: Vec<_> = desc.iter().take(wanted).map(Attribute::of).collect();
        let mut fixed = Vec::with_capacity(attributes.len());
        let mut at = 0_usize;
        for a in &attributes {
            let Width::Fixed(width) = a.width else {
                // The first varlena of a row has a known place only if nothing before it needs padding.
                break;
            };
            let start = at.next_multiple_of(a.align);
            fixed.push(start);
            at = start + width;
        }
        let offsets = vec![NULL; attributes.len()];
        Self { attributes, fixed, offsets }
    }

    /// Finds the attributes of a row.
    ///
    /// # Safety
    /// `header` must be a whole tuple whose attributes are those that this layout was made from, and outlive the result.
    pub(crate) unsafe fn walk<'a>(&'a mut self, header: pg_sys::HeapTupleHeader) -> Found<'a> {
        // SAFETY: the caller's promise; every read below stays inside the tuple, whose attributes the walk steps over in order.
        unsafe {
            let have = u32::from((*header).t_infomask2) & pg_sys::HEAP_NATTS_MASK;
            let have = have.index().min(self.attributes.len());
            let nulls = u32::from((*header).t_infomask) & pg_sys::HEAP_HASNULL != 0;
            let bits = std::ptr::addr_of!((*header).t_bits).cast::<u8>();
            let data = header.cast::<u8>().add(usize::from((*header).t_hoff)).cast_const();
            if !nulls && have == self.fixed.len() && have == self.attributes.len() {
                return Found { data, offsets: &self.fixed, attributes: &self.attributes };
            }
            let (mut i, mut at) = (0, 0);
            if !nulls {
                i = self.fixed.len().min(have);
                if i > 0 {
                    self.offsets[..i].copy_from_slice(&self.fixed[..i]);
                    at = self.fixed[i - 1] + self.attributes[i - 1].width.of(data);
                }
            }
            while i < have {
                let a = self.attributes[i];
                if nulls && *bits.add(i / 8) & (1 << (i % 8)) == 0 {
                    self.offsets[i] = NULL;
                } else {
                    // A varlena with a short header stands unaligned; padding is zero, a short header is not.
                    if a.width != Width::Varlena || *data.add(at) == 0 {
                        at = at.next_multiple_of(a.align);
                    }
                    self.offsets[i] = at;
                    at += a.width.of(data.add(at));
                }
                i += 1;
            }
            // A row that was stored before the column was added ends early.
            self.offsets[have..].fill(NULL);
            Found { data, offsets: &self.offsets, attributes: &self.attributes }
        }
    }
}

/// The attributes of one row, found.
pub(crate) struct Found<'a> {
    data: *const u8,
    offsets: &'a [usize],
    attributes: &'a [Attribute],
}

impl Found<'_> {
    /// Where the value of attribute `i` stands; none for NULL.
    #[inline]
    pub(crate) fn at(&self, i: usize) -> Option<*const u8> {
        match self.offsets.get(i) {
            // SAFETY: an offset that was found by walking this tuple lies inside it.
            Some(&offset) if offset != NULL => Some(unsafe { self.data.add(offset) }),
            _ => None,
        }
    }

    /// The datum of attribute `i`, which stands at `p`.
    ///
    /// # Safety
    /// `p` is what [`Found::at`] gave for `i`.
    pub(crate) unsafe fn datum(&self, i: usize, p: *const u8) -> pg_sys::Datum {
        // SAFETY: the caller's promise; by-value attributes are 1, 2, 4 or 8 bytes wide and aligned.
        unsafe {
            let a = self.attributes[i];
            match a.width {
                Width::Fixed(8) if a.by_value => pg_sys::Datum::from(p.cast::<u64>().read()),
                Width::Fixed(4) if a.by_value => pg_sys::Datum::from(p.cast::<i32>().read()),
                Width::Fixed(2) if a.by_value => pg_sys::Datum::from(p.cast::<i16>().read()),
                Width::Fixed(1) if a.by_value => pg_sys::Datum::from(p.cast::<i8>().read()),
                _ => pg_sys::Datum::from(p.cast_mut()),
            }
        }
    }
}

impl Attribute {
    fn of(a: &pg_sys::FormData_pg_attribute) -> Self {
        let width = match usize::try_from(a.attlen) {
            Ok(n) => Width::Fixed(n),
            Err(_) if a.attlen == -1 => Width::Varlena,
            Err(_) => Width::Zero,
        };
        let align = match u8::try_from(a.attalign).unwrap_or(0) {
            pg_sys::TYPALIGN_DOUBLE => 8,
            pg_sys::TYPALIGN_INT => 4,
            pg_sys::TYPALIGN_SHORT => 2,
            _ => 1,
        };
        Self { width, align, by_value: a.attbyval }
    }
}

impl Width {
    /// The bytes of the value at `p`.
    ///
    /// # Safety
    /// `p` must point at a value of this width.
    #[inline]
    unsafe fn of(self, p: *const u8) -> usize {
        match self {
            Self::Fixed(n) => n,
            // SAFETY: the caller's promise.
            Self::Varlena => unsafe { pgrx::varsize_any(p.cast()) },
            // SAFETY: the caller's promise; the count includes the zero byte.
            Self::Zero => unsafe { std::ffi::CStr::from_ptr(p.cast()).count_bytes() + 1 },
        }
    }
}
