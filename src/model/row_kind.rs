//! The kinds of models: what each is for, what it learns from, which parameters it takes.

use crate::base::params::Spec;
use crate::base::{Code, Error, Result, names};
use crate::model::kinds::learns_from_events;
use crate::model::{autoencoder, gan, pca, rows, segments};
use serde::{Deserialize, Serialize};

/// A kind of model of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// A multi-layer perceptron.
    Mlp,
    /// The same without a hidden layer, for classes.
    Logistic,
    /// The same without a hidden layer, for numbers.
    Linear,
    /// Principal components of rows.
    Pca,
    /// An autoencoder of rows.
    Autoencoder,
    /// Groups of rows that are alike.
    Segments,
    /// A generator of rows and its critic.
    Gan,
}

impl RowKind {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Mlp, Self::Logistic, Self::Linear, Self::Pca, Self::Autoencoder, Self::Segments, Self::Gan];

    /// As in `kind => …`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mlp => "mlp",
            Self::Logistic => "logistic",
            Self::Linear => "linear",
            Self::Pca => "pca",
            Self::Autoencoder => "autoencoder",
            Self::Segments => "segments",
            Self::Gan => "gan",
        }
    }

    /// What it is for, in a sentence.
    pub fn for_what(self) -> &'static str {
        match self {
            Self::Mlp => {
                "Probabilities of two or more classes, or a number, from the columns of a row: will this visitor buy, what will she spend."
            }
            Self::Logistic => "Probabilities of two or more classes from the columns of a row, each column counting by itself.",
            Self::Linear => "A number from the columns of a row, each column counting by itself.",
            Self::Pca => "A few numbers that describe a row, and the row from them, both linear: the baseline of the autoencoder.",
            Self::Autoencoder => {
                "A few numbers that describe a row, and the row from them: products by their features, what is missing filled in, what is odd."
            }
            Self::Segments => "Groups of rows that are alike, and what sets each apart: affinity.predict_class, affinity.describe.",
            Self::Gan => "New rows that are like those of a table, and how real a row looks: products for a staging database.",
        }
    }

    /// What it learns from.
    pub fn learns_from(self) -> &'static str {
        if self.needs_target() { "rows with a target column" } else { "rows" }
    }

    /// Whether it predicts one column from the others; the other kinds learn what all columns have in common.
    pub fn needs_target(self) -> bool {
        matches!(self, Self::Mlp | Self::Logistic | Self::Linear)
    }

    /// The parameters it takes.
    pub fn params(self) -> &'static [Spec] {
        match self {
            Self::Mlp => rows::MLP,
            Self::Logistic | Self::Linear => rows::LINEAR,
            Self::Pca => pca::PCA,
            Self::Autoencoder => autoencoder::AUTOENCODER,
            Self::Segments => segments::SEGMENTS,
            Self::Gan => gan::GAN,
        }
    }

    /// The kind called `name`.
    ///
    /// # Errors
    /// [`Code::UndefinedObject`], with "did you mean" or the list.
    pub fn parse(name: &str) -> Result<Self> {
        let known = Self::ALL.map(Self::name);
        if let Some(k) = Self::ALL.into_iter().find(|k| k.name() == name) {
            return Ok(k);
        }
        names::check("kind", name)?;
        let e = Error::new(Code::UndefinedObject, format!("unknown kind \"{name}\""))
            .detail(format!("Kinds that learn from rows are: {}.", known.join(", ")));
        if learns_from_events(name) {
            return Err(e.hint(format!("Kind {name} learns from events: affinity.train_recommender('model', 'events', kind => '{name}').")));
        }
        Err(match names::nearest(name, known) {
            Some(n) => e.hint(format!("Did you mean \"{n}\"?")),
            None => e.hint("See: SELECT * FROM affinity.kinds()."),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::params;
    use crate::model::describe;

    #[test]
    fn every_kind_is_found_by_its_name_and_its_defaults_hold() {
        for k in RowKind::ALL {
            assert_eq!(RowKind::parse(k.name()).unwrap(), k);
            let resolved = params::resolve(k.name(), k.params(), &serde_json::Value::Null).unwrap();
            // what is the default may also be given
            assert_eq!(params::resolve(k.name(), k.params(), &serde_json::Value::Object(resolved.clone())).unwrap(), resolved);
            if k.needs_target() {
                let p: rows::Params = params::typed(&resolved).unwrap();
                assert_eq!(p.hidden.is_empty(), k != RowKind::Mlp);
            } else {
                params::typed::<describe::Common>(&resolved).unwrap();
            }
        }
        let e = RowKind::parse("mpl").unwrap_err();
        assert_eq!((e.code, e.hint.as_deref()), (Code::UndefinedObject, Some("Did you mean \"mlp\"?")));
        assert_eq!(RowKind::parse("forest").unwrap_err().hint.as_deref(), Some("See: SELECT * FROM affinity.kinds()."));
    }
}
