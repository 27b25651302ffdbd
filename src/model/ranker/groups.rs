//! What the groups of items say: how a user stands to a candidate's category or maker, and how the candidate stands within it. (On November
//! of Complete Journey, two seeds, six columns of the products took NDCG@20 of new items from .0514 to .0553; what is had again stayed
//! level.)

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Context, Error, Numbers, Result, Shared, Tensor, tensor, zeros};
use crate::dataset::{Attribute, Interactions, MISSING_CODE};
use crate::model::ease;
use crate::model::links::Links;
use crate::model::network_tensors::floats;
use crate::model::popularity::DAY;
use crate::model::ranker::user_item_features::{LONG, UserItemFeatures, log};
use serde_json::json;

/// Numbers of a candidate for each attribute.
pub const NUMBERS: usize = 5;
/// Weights that are kept of each group.
const LINKS: usize = 100;
/// λ of what goes together among groups.
const REGULARIZATION: f64 = 100.0;

/// One attribute as of a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    /// One an item: its group, or [`MISSING_CODE`].
    of: Vec<u32>,
    groups: usize,
    /// One an item: its users of the last 30 days over those of all items of its group.
    within: Shared<f32>,
    /// What goes together: a linear model of users and groups.
    links: Links,
}

/// A user's side of one attribute.
pub struct UserAttribute {
    /// One a group: Σ of [`UserItemFeatures::months`], days since the last event, score by links.
    of: Vec<[f32; 3]>,
}

impl Groups {
    /// Of each attribute of the items, from all events of `data`, as of `now`.
    ///
    /// # Errors
    /// As [`ease::fit`].
    pub fn all(data: &Interactions, now: i64, ctx: &Context) -> Result<Vec<Self>> {
        if data.attributes.is_empty() {
            return Ok(Vec::new());
        }
        let lately = lately(data, now)?;
        data.attributes.iter().map(|a| Self::of(data, a, &lately, ctx)).collect()
    }

    fn of(data: &Interactions, attribute: &Attribute, lately: &[f32], ctx: &Context) -> Result<Self> {
        ctx.check()?;
        let Attribute { groups, of, .. } = attribute.clone();
        let mut sums: Vec<f32> = zeros(groups)?;
        let known = |g: u32| Some(g.index()).filter(|_| g != MISSING_CODE);
        of.iter().zip(lately).for_each(|(&g, n)| known(g).into_iter().for_each(|g| sums[g] += n));
        let within = of.iter().zip(lately).map(|(&g, n)| known(g).map_or(0.0, |g| n / (sums[g] + 1.0))).collect();
        let own = json!({"regularization": REGULARIZATION, "links": LINKS, "history": 1000, "recency": 1000});
        let by_group = data.by_group(attribute, ctx)?;
        let links = ease::fit(&by_group, own.as_object().unwrap_or(&serde_json::Map::new()), ctx)?.links;
        Ok(Self { of, groups, within, links })
    }

    /// How a user with these items leans.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn lean(&self, own: &[UserItemFeatures]) -> Result<UserAttribute> {
        let mut of: Vec<[f32; 3]> = zeros(self.groups)?;
        of.iter_mut().for_each(|g| g[1] = LONG);
        let mut had: Vec<u32> = Vec::new();
        for o in own {
            let group = self.of[o.item.index()];
            if group != MISSING_CODE {
                let user_attribute = &mut of[group.index()];
                user_attribute[0] += o.months;
                user_attribute[1] = user_attribute[1].min(o.since);
                had.push(group);
            }
        }
        had.sort_unstable();
        had.dedup();
        had.iter().for_each(|&g| self.links.of(g).for_each(|(t, w)| of[t.index()][2] += w));
        Ok(UserAttribute { of })
    }

    /// Appends the numbers of `item` for a user who leans so.
    pub fn row(&self, user_attribute: &UserAttribute, item: u32, x: &mut Vec<f32>) {
        let within = self.within[item.index()];
        let group = self.of[item.index()];
        let [much, since, together] = if group == MISSING_CODE { [0.0, LONG, 0.0] } else { user_attribute.of[group.index()] };
        x.extend([log(much), (since + 1.0).ln(), within, together, together * within]);
    }

    /// The weights by name, each after `name` and a dot.
    pub fn to_tensors(&self, name: &str) -> Vec<Tensor> {
        let of = self.of.iter().map(|&g| if g == MISSING_CODE { -1 } else { i64::from(g) }).collect();
        let own = [
            Tensor { name: "of".into(), shape: vec![self.of.len()], numbers: Numbers::I64(of) },
            Tensor::f32("within", [self.within.len()], self.within.clone()),
        ];
        // A store reads the rows of a tensor called `….row` when they are asked for; these are few and always needed.
        let called = |t: &Tensor| format!("{name}.{}", t.name.replace("links.row", "links.all"));
        own.into_iter().chain(self.links.to_tensors()).map(|t| Tensor { name: called(&t), ..t }).collect()
    }

    /// Back from [`Groups::to_tensors`]; none where there is nothing of that name.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(items: usize, name: &str, tensors: &[Tensor]) -> Result<Option<Self>> {
        let mine: Vec<Tensor> = tensors
            .iter()
            .filter_map(|t| {
                t.name.strip_prefix(name)?.strip_prefix('.').map(|n| Tensor { name: n.replace("links.all", "links.row"), ..t.clone() })
            })
            .collect();
        if mine.is_empty() {
            return Ok(None);
        }
        let damaged = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("{what}."));
        let groups = mine.iter().find(|t| t.name == "links.offset").map_or(0, |t| t.numbers.len().saturating_sub(1));
        let Numbers::I64(of) = tensor::find(&mine, "of", &[items])? else { return Err(damaged("The groups are no integers")) };
        let of = of.iter().map(|&g| match g {
            -1 => Ok(MISSING_CODE),
            g => u32::try_from(g).ok().filter(|g| g.index() < groups).ok_or_else(|| damaged("An item is of a group that is none")),
        });
        let of = of.collect::<Result<_>>()?;
        Ok(Some(Self { of, groups, within: floats(&mine, "within", &[items])?, links: Links::from_tensors(groups, &mine)? }))
    }
}

/// The users of each item in the 30 days before `now`.
fn lately(data: &Interactions, now: i64) -> Result<Vec<f32>> {
    let mut counts = zeros(data.items.len())?;
    let mut had: Vec<u32> = Vec::new();
    for u in 0..data.users.len() as u32 {
        let days = |time: i64| now.saturating_sub(time).max(0).real() / DAY;
        had.clear();
        had.extend(data.history(u).iter().rev().take_while(|e| days(e.time) <= 30.0).map(|e| e.item));
        had.sort_unstable();
        had.dedup();
        had.iter().for_each(|&i| counts[i.index()] += 1.0);
    }
    Ok(counts)
}
