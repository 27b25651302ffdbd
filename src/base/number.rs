//! Numbers of one type as another, where the way is always the same and its loss, if any, is harmless: said here once.

/// A code, or another small number without a sign, as an index.
pub trait AsIndex {
    /// The same number: every platform that Postgres runs on has a `usize` of 32 bits or more.
    fn index(self) -> usize;
}

/// A count, or another number, for arithmetic with reals.
pub trait AsReal {
    /// The nearest double: exact for what has 32 bits, and for counts up to 2⁵³, which no memory holds.
    fn real(self) -> f64;
    /// The nearest single: a relative error of 6e-8, as all arithmetic of networks has.
    fn single(self) -> f32;
}

macro_rules! indices {
    ($($t:ty)*) => {
        $(impl AsIndex for $t {
            #[inline(always)]
            fn index(self) -> usize {
                self as usize
            }
        })*
    };
}
indices!(u8 u16 u32);

// One body for all types, of which some have `From`, too.
macro_rules! reals {
    ($($t:ty)*) => {
        $(#[allow(clippy::cast_lossless)]
        impl AsReal for $t {
            #[inline(always)]
            fn real(self) -> f64 {
                self as f64
            }

            #[inline(always)]
            fn single(self) -> f32 {
                self as f32
            }
        })*
    };
}
reals!(u8 u16 u32 u64 usize i32 i64 f32 f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_what_they_are() {
        assert_eq!((u32::MAX.index(), 7u8.index()), (4_294_967_295, 7));
        assert_eq!(
            (u32::MAX.real(), (1usize << 53).real(), (-3i64).real(), 0.1f32.real()),
            (4_294_967_295.0, 9_007_199_254_740_992.0, -3.0, f64::from(0.1f32))
        );
        assert_eq!((3usize.single(), 0.1f64.single()), (3.0, 0.1f32));
    }
}
