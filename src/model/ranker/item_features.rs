//! What is known of each item at a moment: how many had it, of late, rising or falling, and whether they had it again.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Numbers, Result, Shared, Tensor, zeros};
use crate::dataset::Interactions;
use crate::model::network_tensors::floats;
use crate::model::popularity::DAY;

/// Numbers of an item.
pub const FACTS: usize = 6;

/// Of each item [`FACTS`] numbers for a network.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemFeatures {
    /// Items × [`FACTS`]: logarithms of the users ever, in 7 and in 14 days; of the trend, users in 30 days to those in the 30 before; the
    /// share of users of the 30 days before who had it again in the last 30; and of users ever who had it twice.
    values: Shared<f32>,
}

/// What one user did with one item.
const WEEK: u8 = 1;
const FORTNIGHT: u8 = 2;
const MONTH: u8 = 4;
const BEFORE: u8 = 8;
const AGAIN: u8 = 16;

impl ItemFeatures {
    /// Of all events of `data`, as of `now`.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
    pub fn of(data: &Interactions, now: i64, ctx: &Context) -> Result<Self> {
        let items = data.items.len();
        let _booked = ctx.budget.take(items.saturating_mul(4 * (FACTS + 9)), "what is known of each item")?;
        // Users ever, of the week, fortnight, month, month before, both of those, and more than once.
        let mut counts: Vec<[f32; 7]> = zeros(items)?;
        let mut seen: Vec<u8> = zeros(items)?;
        let mut touched: Vec<u32> = Vec::new();
        for u in 0..data.users.len() as u32 {
            ctx.check()?;
            let mut before = i64::MIN;
            for e in data.history(u) {
                let days = now.saturating_sub(e.time).max(0).real() / DAY;
                let s = &mut seen[e.item.index()];
                if *s == 0 {
                    touched.push(e.item);
                } else if e.time > before {
                    *s |= AGAIN;
                }
                *s |= 128;
                for (flag, within) in
                    [(WEEK, days <= 7.0), (FORTNIGHT, days <= 14.0), (MONTH, days <= 30.0), (BEFORE, days > 30.0 && days <= 60.0)]
                {
                    if within {
                        *s |= flag;
                    }
                }
                before = e.time;
            }
            for i in touched.drain(..) {
                let s = std::mem::take(&mut seen[i.index()]);
                let both = MONTH | BEFORE;
                let is = [true, s & WEEK > 0, s & FORTNIGHT > 0, s & MONTH > 0, s & BEFORE > 0, s & both == both, s & AGAIN > 0];
                counts[i.index()].iter_mut().zip(is).for_each(|(c, x)| *c += f32::from(u8::from(x)));
            }
        }
        let mut values: Vec<f32> = zeros(items * FACTS)?;
        for (out, [ever, week, fortnight, month, before, both, again]) in values.chunks_mut(FACTS).zip(counts) {
            out.copy_from_slice(&[
                (ever + 1.0).ln(),
                (week + 1.0).ln(),
                (fortnight + 1.0).ln(),
                ((month + 2.0) / (before + 2.0)).ln(),
                (both + 1.0) / (before + 5.0),
                (again + 1.0) / (ever + 5.0),
            ]);
        }
        Ok(Self { values: values.into() })
    }

    /// The numbers of an item.
    pub fn get(&self, item: u32) -> &[f32] {
        &self.values[item.index() * FACTS..][..FACTS]
    }

    /// Logarithm of the users of the last 14 days, and for ties of those ever: what orders items that nothing else is known of.
    pub fn current(&self, item: u32) -> f32 {
        let f = self.get(item);
        f[2] + f[0] * 1e-3
    }

    /// As a tensor.
    pub fn to_tensor(&self) -> Tensor {
        let shape = vec![self.values.len() / FACTS, FACTS];
        Tensor { name: "facts".into(), shape, numbers: Numbers::F32(self.values.clone()) }
    }

    /// Back from [`ItemFeatures::to_tensor`].
    ///
    /// # Errors
    /// [`crate::base::Code::Corrupt`].
    pub fn from_tensors(items: usize, tensors: &[Tensor]) -> Result<Self> {
        Ok(Self { values: floats(tensors, "facts", &[items, FACTS])? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::dataset::{Column, EventColumns, Frame, IdKind, Values};

    #[test]
    fn two_users_by_hand() {
        let levels: Vec<String> = ["0", "1"].iter().map(|s| (*s).to_owned()).collect();
        let column = |name: &str, codes: Vec<u32>| Column { name: name.into(), values: Values::Category { codes, levels: levels.clone() } };
        // User 0 has item 0 on days 0 (twice at once), 50 and 95, user 1 on day 98; item 1 is of day 50.
        let days = [0, 0, 50, 95, 98, 50];
        let frame = Frame::new(vec![
            column("u", vec![0, 0, 0, 0, 1, 1]),
            column("i", vec![0, 0, 0, 0, 0, 1]),
            Column { name: "t".into(), values: Values::Time(days.iter().map(|d| d * DAY as i64).collect()) },
        ])
        .unwrap();
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let columns = EventColumns { user: "u".into(), item: "i".into(), time: Some("t".into()), ..EventColumns::default() };
        let (data, _) = Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, &ctx).unwrap();
        let item_features = ItemFeatures::of(&data, 100 * DAY as i64, &ctx).unwrap();
        let near = |a: &[f32], b: [f32; FACTS]| assert!(a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-6), "{a:?} {b:?}");
        near(item_features.get(0), [3f32.ln(), 3f32.ln(), 3f32.ln(), (4f32 / 3.0).ln(), 2.0 / 6.0, 2.0 / 7.0]);
        near(item_features.get(1), [2f32.ln(), 0.0, 0.0, (2f32 / 3.0).ln(), 1.0 / 6.0, 1.0 / 6.0]);
        assert!(item_features.current(0) > item_features.current(1));
        assert_eq!(ItemFeatures::from_tensors(2, &[item_features.to_tensor()]).unwrap(), item_features);
        assert!(ItemFeatures::from_tensors(3, &[item_features.to_tensor()]).is_err());
    }
}
