//! What kinds that fade a history answer alike.

/// [`ItemScorer`](crate::model::recommender::ItemScorer) of a kind with a field `recency` whose score has no clock and which knows
/// likeness: by its own methods of the same names. What it can beside comes in the braces.
macro_rules! fading {
    ($kind:ty { $($more:tt)* }) => {
        impl $crate::model::recommender::ItemScorer for $kind {
            fn to_tensors(&self) -> Vec<$crate::base::Tensor> {
                self.to_tensors()
            }

            fn score(&self, history: &[$crate::dataset::Event], _: i64, out: &mut [f32]) -> bool {
                self.score(history, out)
            }

            fn similar(&self, item: u32, out: &mut [f32]) -> $crate::base::Result<bool> {
                Ok(self.similar(item, out))
            }

            fn recency(&self) -> Option<f32> {
                Some(self.recency)
            }

            fn set_recency(&mut self, recency: f32) {
                self.recency = recency
            }

            $($more)*
        }
    };
}

pub(crate) use fading;
