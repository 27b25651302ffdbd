//! Dense views, matrix products, sparse products.
