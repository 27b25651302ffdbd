//! Sparse inputs beside the numbers that columns become: the words of free texts, and the rare values of categories.

use super::grams::Grams;
use super::part::Part;
use super::{BLOCK, Encoder};
use crate::base::memory::Taken;
use crate::base::number::AsIndex;
use crate::base::{Context, Result};
use crate::dataset::texts::Levels;
use crate::dataset::{Cell, Frame, MISSING_CODE, Texts, Values};

/// What one thread needs to take texts apart.
#[derive(Clone, Default)]
struct Worker {
    grams: Grams,
    /// Of all its texts, one after another.
    entries: Vec<(u32, f32)>,
    /// Where those of each text end.
    ends: Vec<usize>,
}

impl Encoder {
    /// The columns with sparse inputs: where each stands among the inputs, and its first sparse input.
    fn sparse_parts(&self) -> impl Iterator<Item = (usize, usize, &Part)> {
        let mut first = 0;
        let found = self.parts.iter().enumerate().map(move |(i, p)| {
            first += p.sparse();
            (i, first - p.sparse(), p)
        });
        found.filter(|(_, _, p)| p.sparse() > 0)
    }

    /// The sparse inputs of one row, whose values [`Encoder::row`] has taken.
    pub fn row_texts(&self, row: &[Cell<'_>], grams: &mut Grams, out: &mut Vec<(usize, f32)>) {
        out.clear();
        for (i, first, part) in self.sparse_parts() {
            if let Some(Cell::Text(t)) = row.get(i) {
                part.each_sparse(t, grams, |input, x| out.push((first + input.index(), x)));
            }
        }
    }

    /// The sparse inputs of the rows `rows` of a frame that [`Encoder::frame`] has encoded, with the booking of their memory.
    ///
    /// # Errors
    /// [`crate::base::Code::UndefinedColumn`], [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
    pub fn texts<'b>(&self, frame: &Frame, rows: &[u32], ctx: &Context<'b>) -> Result<(Texts, Taken<'b>)> {
        const WHAT: &str = "Taking texts apart";
        let mut texts = Texts::new(rows.len());
        let mut taken = ctx.budget.take(0, WHAT)?;
        for (i, _, sparse) in self.sparse_parts() {
            let Values::Category { codes, levels } = &frame.column(&self.inputs[i].name)?.values else { continue };
            taken.grow(rows.len().saturating_add(levels.len()).saturating_mul(8), WHAT)?;
            let mut of = crate::base::zeros(rows.len())?;
            // Only the texts of these rows, in the order in which they come.
            let mut places = vec![MISSING_CODE; levels.len()];
            let mut used = Vec::new();
            for (to, r) in of.iter_mut().zip(rows) {
                let code = codes[r.index()];
                *to = match places.get_mut(code.index()) {
                    None => MISSING_CODE,
                    Some(place) => {
                        if *place == MISSING_CODE {
                            *place = used.len() as u32;
                            used.push(code);
                        }
                        *place
                    }
                };
            }
            let mut column = Levels::new(of);
            let mut workers = vec![Worker::default(); ctx.pool.threads()];
            for block in used.chunks(BLOCK) {
                ctx.check()?;
                let part = block.len().div_ceil(workers.len());
                ctx.pool.each_mut(&mut workers, |k, Worker { grams, entries, ends }| {
                    entries.clear();
                    ends.clear();
                    for code in block.iter().skip(k * part).take(part) {
                        sparse.each_sparse(&levels[code.index()], grams, |i, x| entries.push((i, x)));
                        ends.push(entries.len());
                    }
                });
                let before = column.bytes();
                for Worker { entries, ends, .. } in &workers {
                    let mut start = 0;
                    for end in ends {
                        column.push(entries[start..*end].iter().copied())?;
                        start = *end;
                    }
                }
                taken.grow(column.bytes() - before, WHAT)?;
            }
            texts.add(column, sparse.sparse());
        }
        Ok((texts, taken))
    }
}
