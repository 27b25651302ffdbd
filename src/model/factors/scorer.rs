//! Vectors as an item scorer.

use super::Factors;
use crate::base::{Result, Tensor};
use crate::dataset::Event;
use crate::model::fading::fading;
use crate::model::products::{Folder, Products};

fading!(Factors {
    fn laid_out(&self) -> Vec<Tensor> {
        self.laid_out()
    }

    fn factors(&self) -> Option<&Factors> {
        Some(self)
    }

    fn products(&self) -> Option<Products<'_>> {
        Some(self.products())
    }

    fn folder(&self) -> Option<Box<dyn Folder + '_>> {
        Some(Box::new(self.folder()))
    }

    fn item_vector(&self, item: u32) -> Result<Option<Vec<f32>>> {
        Ok(self.vector(item))
    }

    fn user_vector(&self, history: &[Event]) -> Result<Option<Vec<f32>>> {
        Ok(self.user(history))
    }
});
