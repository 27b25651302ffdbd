//! `affinity.item_vector`, `affinity.user_vector`: what a recommender knows of an item or a user, as numbers.

use crate::pg::backend::error::sql;
use crate::pg::call::arguments::Call;
use crate::pg::call::ids;
use crate::pg::datum::array;
use crate::pg::datum::returned::Answer;
use crate::pg::recommender::serving;
use crate::pg::store::models::Scope;
use pgrx::pg_extern;

/// `affinity.item_vector(model, item_id)`: NULL for an item that the model does not know or that says nothing.
#[pg_extern]
fn item_vector(call: Call<'_>) -> Option<Answer> {
    sql(|| {
        let (Some(model), Some(item)) = (call.model(0)?, call.datum(1)) else { return Ok(None) };
        let ready = serving::ready(&model)?;
        let recommender = ready.recommender();
        let id = ids::id(item, call.argument_type(1), recommender.items().kind());
        let item = id.map_or(Ok(None), |id| ready.find_item(&id))?;
        // Whether the kind can is said even for an item that it does not know.
        let vector = recommender.item_vector(item.unwrap_or(0))?;
        Ok(vector.filter(|_| item.is_some()).map(|v| array::datum(&v)))
    })
}

/// `affinity.user_vector(model, user_id)`: from the user's events as of this statement; NULL for a user without any that the model knows.
#[pg_extern]
fn user_vector(call: Call<'_>) -> Option<Answer> {
    sql(|| {
        let (Some(model), Some(user)) = (call.model(0)?, call.datum(1)) else { return Ok(None) };
        let ready = serving::ready(&model)?;
        ready.allow(Scope::All, "vectors of users")?;
        let user = ids::id(user, call.argument_type(1), ready.users());
        let history = user.map(|u| ready.history(&u)).transpose()?.unwrap_or_default();
        let vector = ready.recommender().user_vector(&history.events)?;
        Ok(vector.map(|v| array::datum(&v)))
    })
}
