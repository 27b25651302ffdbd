//! The Postgres machinery: no SQL function lives here.
